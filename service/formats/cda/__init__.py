"""CDA R2 documents: the NHS's (ITK2, in SOAP and a DistributionEnvelope, or bare) and C-CDA."""

from __future__ import annotations

import re
from typing import Final

from service.formats.cda import paths, reading
from service.formats.cda.answer import Refused, answer, media_type_of
from service.formats.cda.envelope import Envelope
from service.formats.cda.message import CdaMessage
from service.formats.cda.reading import envelope_in
from service.formats.source import Format, Path
from service.formats.xml_tree import is_xml

_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?(?:ClinicalDocument|DistributionEnvelope)[\s>/]")
_WIDE: Final = tuple(
    name.encode(codec)
    for name in ("ClinicalDocument", "DistributionEnvelope")
    for codec in ("utf-16-le", "utf-16-be")
)
MEDIA_TYPE: Final = "application/cda+xml"  # what POST /cda calls a document


class Cda:
    """See `service.formats.source.Format`."""

    name: str = "cda"

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether it is called CDA, or a document or the NHS's envelope is in it."""
        if media_type.partition(";")[0].strip().lower() == MEDIA_TYPE:
            return True
        if not is_xml(body):
            return False
        if b"\0" in body[:4]:
            return any(name in body for name in _WIDE)
        return _ROOT.search(body) is not None

    def read(self, body: bytes, charset: str | None = None) -> tuple[CdaMessage, ...]:
        """Return the documents in `body`. Raises UnreadableMessage with line and column."""
        return reading.read(body, charset)

    def compile_path(self, text: str) -> Path:
        """Compile an XPath 1.0 in which element names need no prefix. Raises ValueError."""
        return paths.compile_path(text)


FORMAT: Final[Format] = Cda()

__all__ = [
    "FORMAT",
    "MEDIA_TYPE",
    "Cda",
    "CdaMessage",
    "Envelope",
    "Refused",
    "answer",
    "envelope_in",
    "media_type_of",
]

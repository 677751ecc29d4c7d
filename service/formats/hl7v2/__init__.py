"""HL7 v2, every version: read without a grammar, so that nothing a sender adds is lost."""

from __future__ import annotations

from typing import Final

from service.formats.hl7v2 import framing, paths, reading
from service.formats.hl7v2.ack import Due, acknowledge, acknowledgements_due
from service.formats.hl7v2.message import Hl7Message
from service.formats.source import Format, Path


class Hl7v2:
    """The reader of HL7 v2 messages, alone, framed (MLLP) or in batches."""

    name: str = "hl7v2"

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether the media type names HL7 v2 (not its XML), or `body` begins with MSH."""
        named = media_type.partition(";")[0].lower()
        is_named = ("hl7-v2" in named or "hl7v2" in named) and "xml" not in named
        return is_named or framing.matches(body)

    def read(self, body: bytes, charset: str | None = None) -> tuple[Hl7Message, ...]:
        """Return the messages in `body`. Raises UnreadableMessage with every fault."""
        return reading.read(body, charset)

    def compile_path(self, text: str) -> Path:
        """Compile e.g. "PID-3[5='NH'].1"; the grammar stands in `syntax`. Raises ValueError."""
        return paths.compile_path(text)


def apart(body: bytes) -> tuple[bytes, ...]:
    """Return each message of a body, as it is read alone. Raises UnreadableMessage."""
    framed = framing.part(body)
    return tuple(map(framed.raw, framed.messages))


FORMAT: Final[Format] = Hl7v2()

__all__ = [
    "FORMAT",
    "Due",
    "Hl7Message",
    "Hl7v2",
    "acknowledge",
    "acknowledgements_due",
    "apart",
]

"""Readers: bytes to `SourceMessage`, one module a format."""

from __future__ import annotations

from service.errors import UnknownFormat
from service.formats import cda, fhir_r4, fhir_stu3, hl7v2, letters, xml_tree
from service.formats.source import NULL, ExplicitNull, Format, Node, Path, SourceMessage

_READERS: tuple[Format, ...] = (
    *(hl7v2.FORMAT, fhir_stu3.FORMAT, fhir_r4.FORMAT, cda.FORMAT),
    *letters.FORMATS,
)
FORMATS: dict[str, Format] = {reader.name: reader for reader in _READERS}


def detect(media_type: str, body: bytes) -> Format:
    """Return the format of `body`, by media type and content.

    Raises UnknownFormat; UnreadableMessage for XML that is none, or is dangerous.
    """
    for reader in FORMATS.values():
        if reader.matches(media_type, body):
            return reader
    if xml_tree.is_xml(body):
        xml_tree.read_tree(body)  # tells what is wrong, if it is the XML itself
    raise UnknownFormat


__all__ = ["FORMATS", "NULL", "ExplicitNull", "Format", "Node", "Path", "SourceMessage", "detect"]

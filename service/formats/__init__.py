"""Readers: bytes to `SourceMessage`, one module a format."""

from __future__ import annotations

from typing import Final

from service.errors import Issue, UnknownFormat, UnreadableMessage
from service.formats import cda, fhir_r4, fhir_stu3, hl7v2, letters, xml_tree
from service.formats.source import NULL, ExplicitNull, Format, Node, Path, SourceMessage

_READERS: tuple[Format, ...] = (
    *(hl7v2.FORMAT, fhir_stu3.FORMAT, fhir_r4.FORMAT, cda.FORMAT),
    *letters.FORMATS,
)
FORMATS: dict[str, Format] = {reader.name: reader for reader in _READERS}


_NOTHING: Final = b"\xef\xbb\xbf\xff\xfe\0\x0b\x1c \t\r\n"  # marks, frames and blanks


def detect(media_type: str, body: bytes) -> Format:
    """Return the format of `body`, by media type and content.

    Raises UnknownFormat; UnreadableMessage for what is empty, for XML that is none or is dangerous.
    """
    _refuse_nothing(body)
    for reader in FORMATS.values():
        if reader.matches(media_type, body):
            return reader
    if xml_tree.is_xml(body):
        xml_tree.read_tree(body)  # tells what is wrong, if it is the XML itself
    raise UnknownFormat


def reader(name: str, body: bytes) -> Format:
    """Return the reader of a format by its name. Raises UnreadableMessage where `body` is empty."""
    _refuse_nothing(body)
    return FORMATS[name]


def _refuse_nothing(body: bytes) -> None:
    if not body.strip(_NOTHING):
        text = "the message is empty"
        issue = Issue(severity="fatal", code="structure", text=text, source="line 1")
        raise UnreadableMessage(text, [issue])


__all__ = [
    "FORMATS",
    "NULL",
    "ExplicitNull",
    "Format",
    "Node",
    "Path",
    "SourceMessage",
    "detect",
    "reader",
]

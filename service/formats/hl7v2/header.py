"""The MSH of what was received, as far as it can be made out: an answer needs no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.errors import UnreadableMessage
from service.formats.hl7v2 import framing
from service.formats.hl7v2.charset import Codec, codec_of
from service.formats.hl7v2.message import Hl7Message
from service.formats.hl7v2.reading import header_charset
from service.formats.hl7v2.separators import STANDARD, Separators, declared, escape

_LONGEST: Final = 4_000  # bytes of a header that could not be read
_LINE_END: Final = re.compile(rb"[\r\n]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")  # would end a segment or an MLLP frame
_PROCESSING: Final = len("P^T")
_VERSION: Final = re.compile(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """An MSH as sent; `fields[n]` is MSH-n."""

    fields: Sequence[str]
    separators: Separators
    codec: Codec

    def raw(self, number: int) -> str:
        """Return a field as sent, on one line; "" where it is absent."""
        field = self.fields[number] if number < len(self.fields) else ""
        return _CONTROL.sub(" ", field)

    def component(self, number: int, component: int) -> str:
        """Return one component of a field as sent; "" where it is absent."""
        parts = self.raw(number).split(self.separators.component)
        return parts[component - 1].strip() if component <= len(parts) else ""

    def asks(self, number: int) -> str:
        """Return MSH-15 or MSH-16 in capitals; "" where it is empty or deleted."""
        return self.raw(number).strip('" ').upper()

    def escaped(self, text: str) -> str:
        """Return `text` fit for a field of the answer."""
        return _CONTROL.sub(" ", escape(text, self.separators))

    def charset(self) -> str:
        """Return MSH-18 where it names a character set; a damaged header may hold anything."""
        field = self.raw(18)
        return field if codec_of(field.partition(self.separators.repetition)[0]) else ""

    def standard(self) -> str:
        """Return MSH-12 where it names a version of the standard."""
        return self.raw(12) if _VERSION.fullmatch(self.component(12, 1)) else ""

    def processing(self) -> str:
        """Return MSH-11 where it is what the standard has there: a letter or two."""
        field = self.raw(11)
        return field if len(field) <= _PROCESSING else ""

    def version(self) -> tuple[int, ...]:
        """Return MSH-12, e.g. (2, 5, 1); 2.4, which the ITK profiles, where it is not readable."""
        match = _VERSION.fullmatch(self.component(12, 1))
        return tuple(int(part) for part in match.groups() if part) if match else (2, 4)


def header_of(received: bytes | Hl7Message) -> Header:
    """Return the header of a message read, or of bytes that may be no message at all."""
    if isinstance(received, Hl7Message):
        shared, fields = received.shared, received.header.fields
        return Header(fields=fields, separators=shared.separators, codec=shared.codec)
    try:
        framed = framing.part(received)
    except UnreadableMessage:
        start = received.find(b"MSH")
        return _salvaged(received[start:] if start >= 0 else b"")
    return _salvaged(framed.messages[0], framed.certain, framed.sent)


def _salvaged(content: bytes, certain: Codec | None = None, sent: Codec | None = None) -> Header:
    end = _LINE_END.search(content, 0, _LONGEST)
    line = content[: end.start() if end else _LONGEST]
    codec = certain or codec_of(header_charset(line)) or "cp1252"
    text = line.decode(codec, errors="replace")
    separators = _separators(text)
    fields = text.split(separators.field)
    fields.insert(1, separators.field)
    return Header(fields=fields, separators=separators, codec=sent or codec)


def _separators(header: str) -> Separators:
    """Return what MSH declares; where that is wrong, the usual ones behind its field separator."""
    sign = header[3:4]
    for encoding_characters in (header[4:].partition(sign or "|")[0], "^~\\&"):
        try:
            return declared(sign, encoding_characters)
        except ValueError:
            continue
    return STANDARD

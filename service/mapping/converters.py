"""Converters: what `as` may name, each from one sent text to one value.

A converter takes the text and a list to which it may add doubts (severity, text). It returns
the value, or None for "nothing there"; it raises ValueError, without the text, if what was
sent is not understood. docs/mapping-language.md says exactly what each does.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from service.mapping.narrative import words
from service.mapping.oids import uri_of
from service.mapping.pattern import compile_pattern
from service.mapping.times import Doubts, date_converter, moment_converter
from service.model import Moment, NhsNumber, OdsCode, PartialDate, Telecom
from service.model.signatures import media_type

Convert = Callable[[str, Doubts], Any]

# HL7 table 0001, NHS Data Dictionary PERSON STATED GENDER CODE, FHIR administrative-gender;
# A (ambiguous) and N (not applicable) as the HL7 v2-to-FHIR guide has them.
_GENDERS = {
    **dict.fromkeys(("m", "1", "male"), "male"),
    **dict.fromkeys(("f", "2", "female"), "female"),
    **dict.fromkeys(("o", "a", "n", "other"), "other"),
    **dict.fromkeys(("u", "x", "0", "9", "unknown"), "unknown"),
}
_BOOLEANS = {
    **dict.fromkeys(("y", "yes", "true", "1"), True),
    **dict.fromkeys(("n", "no", "false", "0"), False),
}
_ENCODED = re.compile(r"[^=]+=*|=+")  # what was encoded in one go, with its padding
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_TELECOM_SCHEME = re.compile(r"(?:(tel)|(mailto)|(fax)):", re.IGNORECASE)
_MOBILE = re.compile(r"(?:0|\+44|0044)7\d{9}", re.ASCII)
_NOT_DIALLED = str.maketrans("", "", " -().\u00a0")
MIN_DIGITS = 3  # of a telephone number: 999, 111


@dataclass(frozen=True, kw_only=True, slots=True)
class Converter:
    """A converter made for one rule."""

    name: str
    convert: Convert
    makes: type
    many: bool = False  # makes a tuple of `makes`


def make(name: str, argument: str | None, zone: ZoneInfo) -> Converter:
    """Return the converter that `as: name` or `as: {name: argument}` asks for.

    Raises ValueError that says what is wrong with it.
    """
    if name in _MADE:
        makes, maker = _MADE[name]
        return Converter(name=name, convert=maker(argument or "", zone), makes=makes)
    if argument is not None:
        raise ValueError(f"{name} takes no argument")
    if name not in _PLAIN:
        raise ValueError(f"there is no converter {name}")
    makes, convert = _PLAIN[name]
    return Converter(name=name, convert=convert, makes=makes, many=name == "lines")


def _nhs_number(text: str, doubts: Doubts) -> NhsNumber:
    return NhsNumber.parse(text)


def _ods(text: str, doubts: Doubts) -> OdsCode:
    return OdsCode.parse(text)


def _gender(text: str, doubts: Doubts) -> str:
    gender = _GENDERS.get(text.strip().lower())
    if gender is None:
        raise ValueError("not a known code for gender")
    return gender


def _boolean(text: str, doubts: Doubts) -> bool:
    answer = _BOOLEANS.get(text.strip().lower())
    if answer is None:
        raise ValueError("neither yes nor no")
    return answer


def _integer(text: str, doubts: Doubts) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise ValueError("not a whole number")
    return int(text)


def _base64(text: str, doubts: Doubts) -> bytes:
    """Decode base64; a document that was encoded in parts has padding at the end of each."""
    plain = "".join(text.split())
    parts = _ENCODED.findall(plain) if "=" in plain.rstrip("=") else [plain]
    try:
        return b"".join(base64.b64decode(part, validate=True) for part in parts)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


def _base64_or_text(text: str, doubts: Doubts) -> bytes:
    """Take for base64 what decodes to a file of a known kind; nobody said what it is."""
    try:
        decoded = _base64(text, doubts)
    except ValueError:
        return text.encode()
    if media_type(decoded) is None:
        return text.encode()
    doubts.append(("warning", "not said to be base64, and decoded: it begins like a file"))
    return decoded


def _hex(text: str, doubts: Doubts) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("not pairs of hexadecimal digits") from None


def _utf8(text: str, doubts: Doubts) -> bytes:
    return text.encode()


def _text(text: str, doubts: Doubts) -> str | None:
    return " ".join(text.split()) or None


def _strip(text: str, doubts: Doubts) -> str | None:
    return text.strip() or None


def _upper(text: str, doubts: Doubts) -> str:
    return text.upper()


def _lower(text: str, doubts: Doubts) -> str:
    return text.lower()


def _lines(text: str, doubts: Doubts) -> tuple[str, ...] | None:
    return tuple(line for part in text.splitlines() if (line := part.strip())) or None


def _xhtml_text(text: str, doubts: Doubts) -> str | None:
    return words(text) or None


def _telecom(text: str, doubts: Doubts) -> Telecom | None:
    value = text.strip()
    scheme = _TELECOM_SCHEME.match(value)
    value = value[scheme.end() :].strip() if scheme else value
    if not value:
        return None
    if "@" in value or (scheme and scheme[2]):
        return Telecom(value=value, system="email")
    if sum(character.isdigit() for character in value) < MIN_DIGITS:
        doubts.append(("warning", "this looks like no telephone number and no e-mail address"))
    system = "fax" if scheme and scheme[3] else "phone"
    mobile = system == "phone" and _MOBILE.fullmatch(value.translate(_NOT_DIALLED))
    return Telecom(value=value, system=system, use="mobile" if mobile else None)


def _uri(text: str, doubts: Doubts) -> str:
    return uri_of(text)


def _match(pattern: str, zone: ZoneInfo) -> Convert:
    if not pattern:
        raise ValueError("match needs a pattern: {match: '…'}")
    search = compile_pattern(pattern)

    def first_group(text: str, doubts: Doubts) -> str | None:
        found = search(text)
        return (found[1 if found.re.groups else 0] or None) if found else None

    return first_group


_PLAIN: dict[str, tuple[type, Convert]] = {
    "nhs_number": (NhsNumber, _nhs_number),
    "ods": (OdsCode, _ods),
    "gender": (str, _gender),
    "integer": (int, _integer),
    "boolean": (bool, _boolean),
    "base64": (bytes, _base64),
    "base64_or_text": (bytes, _base64_or_text),
    "hex": (bytes, _hex),
    "utf8": (bytes, _utf8),
    "text": (str, _text),
    "strip": (str, _strip),
    "upper": (str, _upper),
    "lower": (str, _lower),
    "lines": (str, _lines),
    "xhtml_text": (str, _xhtml_text),
    "telecom": (Telecom, _telecom),
    "uri": (str, _uri),
}
_MADE: dict[str, tuple[type, Callable[[str, ZoneInfo], Convert]]] = {
    "date": (PartialDate, lambda order, zone: date_converter(order)),
    "datetime": (Moment, lambda order, zone: moment_converter(zone, order)),
    "match": (str, _match),
}

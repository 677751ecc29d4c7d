"""The separators that a message declares in MSH-1 and MSH-2, and the escapes that go with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from service.formats.hl7v2.charset import windows_1252
from service.formats.source import NULL

_FEWEST, _MOST = 2, 5  # characters of MSH-2: component and repetition are always declared
_LINE_BREAKS = {".br": "\n", ".ce": "\n"}  # begin a line, begin a centred line
_LONGEST = 20  # lines or spaces that one \.sp\ or \.sk\ may ask for
_FORMATTING = re.compile(r"(\.[a-z]{2})[+-]?(\d*)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Separators:
    """MSH-1 and the characters of MSH-2; "" where the sender declared none."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


STANDARD = Separators()


@lru_cache(maxsize=64)
def declared(field: str, encoding_characters: str) -> Separators:
    """Return the separators of MSH-1 and MSH-2. Raises ValueError that says what is wrong."""
    if len(field) != 1:
        raise ValueError("MSH-1, the field separator, is absent")
    if "&amp;" in encoding_characters:
        raise ValueError("MSH-2 was escaped as XML; send the message as it left its sender")
    if "\\\\" in encoding_characters:
        raise ValueError(
            "MSH-2 was escaped, as in JSON (two backslashes for one); send the message as it left "
            "its sender, its segments ended by carriage returns"
        )
    if not _FEWEST <= len(encoding_characters) <= _MOST:
        raise ValueError("MSH-2 has two to five characters, mostly ^~\\&")
    every = field + encoding_characters
    if len(set(every)) != len(every):
        raise ValueError("a separator is declared twice in MSH-1 and MSH-2")
    if any(character.isalnum() or not "!" <= character <= "~" for character in every):
        raise ValueError("a separator in MSH-1 or MSH-2 is a letter, a digit or no ASCII sign")
    signs = [*encoding_characters, "", "", ""]
    return Separators(
        field=field,
        component=signs[0],
        repetition=signs[1],
        escape=signs[2],
        subcomponent=signs[3],
        truncation=signs[4],
    )


def value(text: str, separators: Separators, codec: str) -> str:
    """Return what `text`, the smallest part between two separators, stands for."""
    if text == '""':
        return NULL
    if separators.escape and separators.escape in text:
        return unescape(text, separators, codec)
    return text


def unescape(text: str, separators: Separators, codec: str) -> str:
    """Undo every escape of HL7 v2.5.1 section 2.7, once; what is no escape stays as it is.

    Changes of character set (\\Cxxyy\\, \\Mxxyyzz\\) and highlighting are dropped; hexadecimal
    bytes are read in `codec`.
    """
    signs = _meanings(separators)

    def meaning(match: re.Match[str]) -> str:
        name = match[1]
        if name in signs:
            return signs[name]
        if name[0] == "X":
            return _hexadecimal(name[1:], codec)
        return _formatting(name)

    return _escape_sequence(separators.escape).sub(meaning, text)


def escape(text: str, separators: Separators) -> str:
    """Return `text` fit to stand between separators, on one line."""
    one_line = text.replace("\r\n", "\n").replace("\r", "\n")
    return one_line.translate(_escapes(separators))


@lru_cache(maxsize=64)
def _escapes(separators: Separators) -> dict[int, str]:
    sign = separators.escape
    meant = {**_signs(separators), ".br": "\n"}
    return {ord(s): f"{sign}{name}{sign}" if sign else " " for name, s in meant.items() if s}


def _signs(separators: Separators) -> dict[str, str]:
    return {
        "F": separators.field,
        "S": separators.component,
        "R": separators.repetition,
        "E": separators.escape,
        "T": separators.subcomponent,
        "P": separators.truncation,
    }


@lru_cache(maxsize=64)
def _meanings(separators: Separators) -> dict[str, str]:
    usual = {"T": "&", "P": "#"}
    return usual | {name: sign for name, sign in _signs(separators).items() if sign}


@lru_cache(maxsize=64)
def _escape_sequence(sign: str) -> re.Pattern[str]:
    sign = re.escape(sign)
    return re.compile(
        sign + r"([FSRETPHN]|X(?:[0-9A-Fa-f]{2})+|\.(?:br|ce|sp|sk|in|ti|fi|nf)[+-]?\d{0,9}"
        r"|\.(?:BR|CE|SP|SK|IN|TI|FI|NF)[+-]?\d{0,9}"
        r"|C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4,6})" + sign
    )


def _formatting(name: str) -> str:
    match = _FORMATTING.fullmatch(name)
    if not match:  # \H\, \N\ and changes of character set
        return ""
    command, count = match[1].lower(), min(int(match[2] or 1), _LONGEST)
    if command in _LINE_BREAKS:
        return _LINE_BREAKS[command]
    return {".sp": "\n", ".sk": " "}.get(command, "") * count


def _hexadecimal(digits: str, codec: str) -> str:
    read = bytes.fromhex(digits).replace(b"\0", b"")
    try:
        return read.decode(codec)
    except UnicodeDecodeError:
        return windows_1252(read)

"""Bytes to text: byte order marks, MSH-18 as it is really written, and the guess when it is not."""

from __future__ import annotations

import codecs
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from service.errors import Issue, Severity, UnreadableMessage

Codec = str  # a codec's name in Python

# HL7 table 0211, and what senders write in its place. ISO 8859/1 is read as Windows-1252, of which
# it is a part: the quotation marks and the euro sign that Windows adds are what senders mean.
_CODECS: Final[dict[str, Codec]] = {
    "ASCII": "ascii",
    "ISOIR6": "ascii",
    "8859/1": "cp1252",
    "LATIN1": "cp1252",
    "WINDOWS1252": "cp1252",
    "CP1252": "cp1252",
    "1252": "cp1252",
    "ANSI": "cp1252",
    "ISOIR100": "cp1252",
    **{f"8859/{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    "UNICODE": "utf-8",  # as the ITK samples write it
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "ISOIR192": "utf-8",
    "UNICODEUTF16": "utf-8",  # bytes that really are UTF-16 are known before MSH-18 is read
    "UTF16": "utf-8",
    "ISOIR13": "shift_jis",
    "ISOIR14": "shift_jis",
    "ISOIR87": "iso2022_jp",
    "ISOIR159": "iso2022_jp_1",
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    "KSX1001": "euc_kr",
    "BIG5": "big5",
}
_MARKS: Final[tuple[tuple[bytes, Codec], ...]] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE: Final[dict[bytes, Codec]] = {
    b"M\0S\0": "utf-16-le",
    b"\0M\0S": "utf-16-be",
    b"F\0H\0": "utf-16-le",
    b"\0F\0H": "utf-16-be",
    b"B\0H\0": "utf-16-le",
    b"\0B\0H": "utf-16-be",
}
_UTF8_ALL_THE_SAME: Final = "the bytes would be UTF-8 as well; they were read as MSH-18 says"
_SHIFTED: Final = frozenset({"iso2022_jp", "iso2022_jp_1"})  # ASCII bytes that are not ASCII
_CUT_SHORT: Final = frozenset({"unexpected end of data", "incomplete multibyte sequence"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """Text, how it was read, and whether the message said so itself."""

    text: str
    codec: Codec
    guessed: bool = False
    issues: tuple[Issue, ...] = ()


def codec_of(name: str) -> Codec | None:
    """Return Python's codec for a character set as MSH-18, a mapping or a header names it."""
    plain = (
        name.upper().replace(" ", "").replace("-", "").replace("_", "").replace("ISO8859", "8859")
    )
    plain = plain.replace("8859", "8859/").replace("//", "/")
    return _CODECS.get(plain)


def marked(body: bytes) -> tuple[bytes, Codec | None]:
    """Return `body` without its byte order mark, and the codec which that mark, or NULs, tell."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :], codec
    return body, _WIDE.get(body[:4])


def decode(body: bytes, *, declared: str, default: str | None, certain: Codec | None) -> Decoded:
    """Return the text of `body`.

    declared: MSH-18; default: the character set that the mapping gives; certain: the codec that
    the bytes themselves told. Raises UnreadableMessage where the bytes end inside a character.
    """
    if certain:
        return Decoded(text=strictly(body, certain), codec=certain)
    named = codec_of(declared.partition("~")[0])
    if body.isascii() and named not in _SHIFTED:
        return Decoded(text=body.decode("ascii"), codec=named or codec_of(default or "") or "utf-8")
    if named:
        return _as_declared(body, named, default)
    doubts = [_issue("MSH-18 names no character set that is known here")] if declared else []
    return _as_guessed(body, default, doubts)


def windows_1252(body: bytes) -> str:
    """Return the text of `body`; the five bytes that Windows leaves open become C1 controls."""
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        return body.decode("latin-1").translate(_windows_signs())


def _windows_signs() -> dict[int, str]:
    return {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 160)}


def strictly(body: bytes, codec: Codec) -> str:
    """Return the text of `body`. Raises UnreadableMessage with the first byte that is wrong."""
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        text = f"the message is not {codec.upper()}, as its first bytes say"
        raise UnreadableMessage(issues=[_fault(error, text)]) from None


def _as_declared(body: bytes, codec: Codec, default: str | None) -> Decoded:
    try:
        text = windows_1252(body) if codec == "cp1252" else body.decode(codec)
        doubts = (_issue(_UTF8_ALL_THE_SAME),) if _looks_like_utf8(body, codec) else ()
        return Decoded(text=text, codec=codec, issues=doubts)
    except UnicodeDecodeError as error:
        if error.reason in _CUT_SHORT:
            text = "the message ends in the middle of a character; was it cut short?"
            raise UnreadableMessage(issues=[_fault(error, text)]) from None
        return _as_guessed(body, default, [_issue("the bytes are not in the set MSH-18 names")])


def _as_guessed(body: bytes, default: str | None, doubts: list[Issue]) -> Decoded:
    given = codec_of(default or "")
    if given and _looks_like_utf8(body, given):
        doubt = _issue("the bytes are UTF-8, and were read so in spite of the mapping's set")
        return Decoded(text=body.decode(), codec="utf-8", guessed=True, issues=(*doubts, doubt))
    if given:
        with suppress(UnicodeDecodeError):
            text = windows_1252(body) if given == "cp1252" else body.decode(given)
            return Decoded(text=text, codec=given, issues=tuple(doubts))
        doubts = [*doubts, _issue("the bytes are not in the character set of the mapping")]
    with suppress(UnicodeDecodeError):
        doubt = _issue("the character set was not declared; read as UTF-8", "information")
        return Decoded(text=body.decode(), codec="utf-8", guessed=True, issues=(*doubts, doubt))
    doubt = _issue("the character set was not declared; read as Windows-1252")
    text = windows_1252(body)
    return Decoded(text=text, codec="cp1252", guessed=True, issues=(*doubts, doubt))


def _looks_like_utf8(body: bytes, codec: Codec) -> bool:
    """Whether bytes of a one-byte set are well-formed UTF-8, which text in such a set never is."""
    if codec != "cp1252" and not codec.startswith("iso8859"):
        return False
    with suppress(UnicodeDecodeError):
        body.decode()
        return True
    return False


def _issue(text: str, severity: Severity = "warning") -> Issue:
    return Issue(severity=severity, code="value", text=text, source="MSH-18")


def _fault(error: UnicodeDecodeError, text: str) -> Issue:
    place = f"byte {error.start + 1}"
    return Issue(severity="fatal", code="structure", text=text, source=place)

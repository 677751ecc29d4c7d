"""HTML letters: decoded, parsed without scripts, files or network, and laid out as rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from service.errors import Issue, Severity, TooLarge, UnreadableMessage
from service.formats import xml_tree
from service.formats.hl7v2.charset import codec_of, marked, windows_1252
from service.formats.letters import reading_apart
from service.formats.letters.html_page import Page
from service.formats.letters.letter import Letter

MAX_BYTES: Final = 20 * 1024 * 1024  # of one letter
MAX_MARKUP: Final = 2 * 1024 * 1024  # bytes without embedded pictures
MAX_TAGS: Final = 30_000
_BEGINNING: Final = 4096  # bytes in which the character set is named
_META: Final = re.compile(
    rb"""<meta[^>]{1,200}?charset\s*=\s*["']?\s*([A-Za-z][\w.:-]{0,40})""", re.I
)
_ROOT: Final = re.compile(
    rb"(?i)(?:\s++|<\?xml[^>]*+>|<!--.*?-->)*+<(?:!doctype\s+html|html)[\s>]", re.S
)
_EMBEDDED: Final = re.compile(rb"data:[\w/+.-]{1,80};base64,[A-Za-z0-9+/=\s]+")


def matches(media_type: str, body: bytes) -> bool:
    """Whether `body` begins as a page does; a fragment needs its media type."""
    beginning = marked(body[:_BEGINNING])[0]
    if _ROOT.match(beginning):
        return True
    named = media_type.partition(";")[0].strip().lower() == "text/html"
    return named and beginning.lstrip().startswith(b"<")


def read(body: bytes, charset: str | None = None) -> Letter:
    """Return the letter. Raises UnreadableMessage, TooLarge."""
    if len(body) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")
    decoded = _decoded(body, charset)
    markup = decoded.text.encode("utf-8", "replace")
    if body.count(b"data:"):
        markup = _EMBEDDED.sub(b"", markup)
    if len(markup) > MAX_MARKUP or markup.count(b"<") > MAX_TAGS:
        raise _refusal("the page has more text or elements than are read here")
    page = Page(_parsed(markup))
    rows = page.rows()
    if not rows:
        raise _refusal("the page holds no text")
    hidden = [_doubt("text that the page hides was left out", "information")] if page.hides else []
    return Letter(
        format="html",
        raw=body,
        rows=tuple(rows),
        issues=(*decoded.issues, *hidden),
        charset_guessed=decoded.guessed,
        tree=page.root,
        render=page.render,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decoded:
    text: str
    issues: tuple[Issue, ...] = ()
    guessed: bool = False


def _decoded(body: bytes, charset: str | None) -> _Decoded:
    """Return the text by its mark, by what it names, as UTF-8, or as the mapping says."""
    content, certain = marked(body)
    named = _META.search(content[:_BEGINNING])
    codec = certain or (_codec(named[1].decode()) if named else None)
    if codec is None:
        return _unnamed(content, charset)
    try:
        return _Decoded(text=_by(content, codec))
    except UnicodeDecodeError:
        doubt = _doubt(f"the bytes are not {codec.upper()}, as the page says")
        return _Decoded(text=windows_1252(content), issues=(doubt,))


def _unnamed(content: bytes, charset: str | None) -> _Decoded:
    try:
        return _Decoded(text=content.decode())
    except UnicodeDecodeError:
        pass
    codec = _codec(charset) if charset else None
    if codec:
        try:
            return _Decoded(text=_by(content, codec))
        except UnicodeDecodeError:
            raise _refusal(f"the bytes are not {codec.upper()}, as the mapping says") from None
    doubt = _doubt("the page does not say its character set: WINDOWS-1252 was taken")
    return _Decoded(text=windows_1252(content), issues=(doubt,), guessed=True)


def _codec(name: str) -> str | None:
    """Return Python's codec; what pages call Latin-1 is Windows-1252 (WHATWG Encoding)."""
    codec = codec_of(name) or (name.lower() if re.fullmatch(r"(?i)windows-125\d", name) else None)
    return "cp1252" if codec in {"iso8859-1", "latin-1", "iso-8859-1", "latin_1"} else codec


def _by(content: bytes, codec: str) -> str:
    return windows_1252(content) if codec in {"cp1252", "windows-1252"} else content.decode(codec)


def _parsed(markup: bytes) -> Any:
    return xml_tree.read_tree(reading_apart.read("H", markup)).root


def _doubt(text: str, severity: Severity = "warning") -> Issue:
    return Issue(severity=severity, code="structure", text=text)


def _refusal(reason: str) -> UnreadableMessage:
    return UnreadableMessage(reason, [Issue(severity="fatal", code="structure", text=reason)])

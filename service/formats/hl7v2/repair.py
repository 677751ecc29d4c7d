"""What happens to messages on their way through files, editors and logs, undone; told always.

Only what can mean one thing is repaired. What may have meant two is read as it stands, or refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from service.errors import Issue

QUOTED: Final = "the message came quoted, as in JSON; it was unquoted"
_MSH: Final = b"MSH"
_NARROWEST: Final = 40  # characters: shorter lines are lines of a text, not the width of a page
TEXTS: Final = frozenset({"OBX", "NTE"})  # a line break in them is the text's own
# Segments that a missing carriage return leaves inside a line: each begins with a number, an event
# or a code, or with nothing.
_INNER: Final = ("EVN", "PID", "MRG", "PV1", "DG1", "ORC", "OBR", "RF1", "PRD", "TXA")


def unwrapped(content: bytes) -> tuple[bytes, list[Issue]]:
    """Return a body as it was before it was quoted or its line ends were written in signs."""
    if content[:1] == b'"':
        return _unquoted(content, content)
    written = b"\\r" in content or b"\\n" in content or b"&#" in content
    if not (written or b"<CR>" in content or b"<cr>" in content) or content[:3] != _MSH:
        return content, []
    if content[4:].startswith(b"^~\\\\&") and b"\r" not in content and b"\n" not in content:
        return _unquoted(content, b'"' + content + b'"')
    mended = _line_ends(content[3:4]).sub(b"\r", content)
    if mended == content:
        return content, []
    return mended, [_told("line ends came written in signs, such as \\r; they were put in")]


def _unquoted(content: bytes, quoted: bytes) -> tuple[bytes, list[Issue]]:
    try:
        text = json.loads(quoted)
    except ValueError:
        return content, []
    if not isinstance(text, str) or not text.lstrip().startswith("MSH"):
        return content, []
    return text.encode(errors="replace"), [_told(QUOTED)]


@lru_cache(maxsize=16)
def _line_ends(sign: bytes) -> re.Pattern[bytes]:
    """Return what finds a written line end before a segment, or at the end of a line."""
    written = rb"(?:\\r\\n|\\r|\\n|<CR>(?:<LF>)?|<cr>(?:<lf>)?|&#13;(?:&#10;)?|&#xD;(?:&#xA;)?)+"
    return re.compile(written + rb"(?=[A-Z][A-Z0-9]{2}" + re.escape(sign) + rb"|[\r\n]|$)[\r\n]?")


def parted(text: str, lines: list[str], sign: str, issues: list[Issue]) -> list[str]:
    """Return the lines, parted where a segment begins inside one: its carriage return is missing.

    Texts are left alone: anything may stand in them. Of a message in one line every line end is
    missing: that is refused.
    """
    starts = _starts(sign)
    named = len([line for line in lines if line[:4] in starts])
    if named == 0 or sum(map(text.count, starts)) == named:
        return lines
    every = [part for line in lines for part in _parts(line, sign)]
    if len(every) > len(lines):
        issues.append(_told("a segment began inside a line: a line end was missing there"))
    elif any(_is_inside(line, sign) for line in lines):
        issues.append(_told("a segment may begin inside a line; it was read as it stands"))
    return every


@lru_cache(maxsize=16)
def _starts(sign: str) -> frozenset[str]:
    return frozenset(name + sign for name in _INNER)


def _is_inside(line: str, sign: str) -> bool:
    return line[:3] not in TEXTS and bool(_perhaps_beginning(sign).search(line, 4))


def _parts(line: str, sign: str) -> Iterator[str]:
    if line[:3] in TEXTS:
        yield line
        return
    begins = [0, *(match.start() for match in _beginning(sign).finditer(line, 4)), len(line)]
    for start, end in pairwise(begins):
        yield line[start:end].rstrip(" ")


@lru_cache(maxsize=16)
def _beginning(sign: str) -> re.Pattern[str]:
    """Return what finds the beginning of a segment; a word that ends like its name is none."""
    words = "|".join(name for name in _INNER if name.isalpha())
    numbered = "|".join(name for name in _INNER if not name.isalpha())
    return re.compile(rf"(?:(?<![A-Za-z])(?:{words})|(?:{numbered})){_first_field(sign)}")


@lru_cache(maxsize=16)
def _perhaps_beginning(sign: str) -> re.Pattern[str]:
    """Return what finds what may be one: no part of a word, or begun as such a segment begins."""
    names = f"(?:{'|'.join(_INNER)})"
    return re.compile(rf"(?<![A-Za-z0-9]){names}{re.escape(sign)}|{names}{_first_field(sign)}")


def _first_field(sign: str) -> str:
    separator = re.escape(sign)
    return rf"{separator}(?:\d{{0,4}}|[A-Z]\d\d|[A-Z]{{1,2}}){separator}"


def width(broken: list[list[str]]) -> int:
    """Return at how many characters every line of these was broken; 0 if at no one number.

    Each list holds the lines of one segment; the last of each ends where the segment does.
    """
    widths = {len(line) for lines in broken for line in lines[:-1]}
    if len(widths) != 1:
        return 0
    (only,) = widths
    fits = all(len(lines[-1]) <= only for lines in broken)
    return only if fits and only >= _NARROWEST and sum(map(len, broken)) > len(broken) + 1 else 0


def rejoined(lines: list[str], separators: str, *, wide: bool) -> str:
    """Return one segment of the lines that it was broken into.

    Beside a separator a line end is nobody's; elsewhere it is kept, unless all lines are broken
    at one width.
    """
    if wide:
        return "".join(lines)
    if lines[0][:3] in TEXTS:
        return "\n".join(lines)
    whole = lines[0]
    for line in lines[1:]:
        is_beside = whole[-1:] in separators or line[:1] in separators
        whole += line if is_beside else "\n" + line
    return whole


def _told(text: str) -> Issue:
    return Issue(severity="warning", code="structure", text=text, source="line 1")

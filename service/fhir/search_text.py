"""Search values as text: FHIR's escapes, and what is compared without case and accents."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z_:.\-]{0,63}")
_ESCAPED: Final = re.compile(r"\\([,|$\\])")


def alternatives(text: str) -> list[str]:
    """Part at the commas that are not escaped; the parts keep their escapes."""
    return _split(text, ",")


def split_token(text: str) -> tuple[str | None, str]:
    """Part "system|code" at its first bar; without a bar the system is None (any)."""
    system, *rest = _split(text, "|", 1)
    return (unescape(system), unescape(rest[0])) if rest else (None, unescape(system))


def unescape(text: str) -> str:
    r"""Undo FHIR's escapes: \, \| \$ \\."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    """Write a value so that none of its characters part it."""
    return re.sub(r"([,|$\\])", r"\\\1", text)


def folded(text: str) -> str:
    """Return text for comparison: no accents, no case."""
    parted = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFKD", parted)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def nameable(name: str) -> str:
    """Return a parameter's name if it can be repeated to the client: letters, no digits."""
    return name if _PLAIN.fullmatch(name) else "(a name that is not repeated here)"


def _split(text: str, separator: str, at_most: int = -1) -> list[str]:
    if "\\" not in text:
        return text.split(separator, at_most)
    parts: list[str] = []
    part, escaped = "", False
    for letter in text:
        if letter == separator and not escaped and len(parts) != at_most:
            parts.append(part)
            part = ""
        else:
            part += letter
        escaped = letter == "\\" and not escaped
    return [*parts, part]

"""Reading JSON strictly: no duplicate keys, no NaN, bounded depth, decimals as written.

The standard library does it in about 30 µs for 8 KB (orjson 10 µs, but that keeps the last
of two equal keys without a word, and turns 1.10 into 1.1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import orjson

from service.errors import Issue, UnreadableMessage

MAX_DEPTH: Final = 254  # levels of objects and arrays: what orjson writes again

_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*+")(\s*:)?|[{}\[\]]|NaN|-?Infinity', re.DOTALL)
_HALF_CHARACTER: Final = re.compile(
    r"\\u[dD][89abAB]\w\w(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]\w\w)\\u[dD][c-fC-F]"
)


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object that `body` holds; decimals are `Decimal`.

    Raises UnreadableMessage with line and column.
    """
    value = read_value(body)
    if type(value) is not dict:
        _refuse("a FHIR resource is a JSON object", "", 0)
    return value


def read_value(body: bytes) -> Any:
    """Return what `body` holds, an object or anything else. Raises as `read_json` does."""
    text = _decoded(body)
    try:
        value = _DECODER.decode(text)
        orjson.dumps(value, default=str)
    except json.JSONDecodeError as error:
        _refuse(error.msg, text, error.pos)
    except RecursionError:
        _refuse(_too_deep(), text, _fault(text)[1])
    except (_Refused, InvalidOperation, ValueError, orjson.JSONEncodeError):
        _refuse(*_reason(text))
    if "\\u0000" in text and not _is_free_of_nul(value):
        _refuse("the character U+0000 is not allowed", text, text.index("\\u0000"))
    return value


def as_written(value: Any) -> Any:
    """`orjson.dumps(…, default=as_written)` writes a Decimal with the digits it was read with."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value).encode())
    raise TypeError


class _Refused(Exception):
    """Something that JSON readers commonly let pass."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused
    return found


def _constant(_name: str) -> NoReturn:
    raise _Refused


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_constant
)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        _refuse("JSON is UTF-8, this byte is not", before, len(before))


def _is_free_of_nul(value: Any) -> bool:
    return b"\\u0000" not in orjson.dumps(value, default=str).replace(b"\\\\", b"")


def _reason(text: str) -> tuple[str, str, int]:
    """Return why a text that parses was refused all the same, and where."""
    reason, at = _fault(text)
    if reason:
        return reason, text, at
    half = _HALF_CHARACTER.search(text)
    if half:
        return "half of a surrogate pair is no character", text, half.start()
    return "a number has more digits than can be kept", text, 0


def _fault(text: str) -> tuple[str, int]:
    """Return the first duplicate key, constant or level too deep, and its offset."""
    names: list[set[str] | None] = [None]
    for sign, at in _tokens(text):
        if sign in "{[":
            names.append(set() if sign == "{" else None)
            if len(names) > MAX_DEPTH + 1:
                return _too_deep(), at
        elif sign in "}]":
            del names[max(1, len(names) - 1) :]
        elif sign[0] != '"':
            return "NaN and Infinity are not JSON numbers", at
        elif _is_repeated(names[-1], json.loads(sign)):
            return "the same key stands twice in one object", at
    return "", 0


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Yield brackets, constants and keys with their offsets; values that are strings not."""
    for match in _TOKEN.finditer(text):
        if match[1] is None or match[2] is not None:
            yield match[1] or match[0], match.start()


def _is_repeated(names: set[str] | None, name: str) -> bool:
    if names is None or name in names:
        return names is not None
    names.add(name)
    return False


def _too_deep() -> str:
    return f"objects and arrays are nested more than {MAX_DEPTH} levels deep"


def _refuse(reason: str, text: str, at: int) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    place = f"line {line}, column {column}"
    issue = Issue(
        severity="fatal",
        code="structure",
        text=f"not JSON as it is read here: {reason}",
        source=place,
    )
    raise UnreadableMessage(f"{issue.text} ({place})", [issue]) from None

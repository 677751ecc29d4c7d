"""What a primitive value looks like in JSON: as a schema for the fast check, and one by one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from service.model import PartialDate, r4

Schema = dict[str, Any]

# The store puts the instant of the commit here, in as many characters.
LAST_UPDATED: Final = "0000-00-00T00:00:00.000000Z"
MAX_INTEGER: Final = 2**31 - 1

_CALENDAR: Final = ("date", "dateTime", "instant")
# HL7's expression for string, [ \r\n\t\S]+, means ASCII white space: a no-break space is text.
_CHARACTER: Final = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]"
_TEXT: Final = f"{_CHARACTER}+"
TEXT_REST: Final = f"{_CHARACTER}*"
# Python and Rust differ on whether \x1c to \x1f are white space; none of them may be there.
_SIGN: Final = r"[^\s\x00-\x1f]"
_URI: Final = f"{_SIGN}+"
_OWN_PATTERNS: Final = {
    "string": _TEXT,
    "markdown": _TEXT,
    "uri": _URI,
    "url": _URI,
    "canonical": _URI,
    "code": f"{_SIGN}+(?: {_SIGN}+)*",  # the text of the standard: no white space but single spaces
    "base64Binary": r"(?:\s*[0-9a-zA-Z+/=]{4}\s*)+",
}
_NUMBERS: Final[dict[str, tuple[int, int]]] = {
    "integer": (-MAX_INTEGER - 1, MAX_INTEGER),
    "positiveInt": (1, MAX_INTEGER),
    "unsignedInt": (0, MAX_INTEGER),
}


def pattern(kind: str) -> str:
    """Return the regular expression of a primitive type, anchored by nothing."""
    return _OWN_PATTERNS.get(kind) or r4.patterns()[kind]


def schema_of(kind: str) -> Schema:
    """Return the JSON Schema of a primitive type.

    It may be stricter than FHIR in what is rare, since what fails it is looked at once more by
    `is_value`; it is never laxer.
    """
    if kind == "boolean":
        return {"type": "boolean"}
    if kind == "decimal":
        return {"type": "number"}
    if kind in _NUMBERS:
        low, high = _NUMBERS[kind]
        return {"type": "integer", "minimum": low, "maximum": high}
    if kind == "xhtml":
        return {"type": "string", "xhtml": True}
    if kind in _CALENDAR:
        return _calendar_schema(kind)
    return {"type": "string", "pattern": f"^(?:{pattern(kind)})$"}


def _calendar_schema(kind: str) -> Schema:
    """FHIR's pattern, and with the day given also the calendar, which a pattern cannot know."""
    shape: Schema = {"type": "string", "pattern": f"^(?:{pattern(kind)})$"}
    dated: Schema = {"anyOf": [{"maxLength": len("YYYY-MM")}, {"format": "date"}]}
    timed: Schema = {"format": "date-time"}
    if kind == "instant":
        return shape | timed
    return shape | (dated if kind == "date" else {"anyOf": [*dated["anyOf"], timed]})


def is_value(kind: str, value: Any) -> bool:
    """Whether `value`, as JSON gives it, is a value of this primitive type."""
    test = _TESTS.get(kind)
    if test is not None:
        return test(value)
    return isinstance(value, str) and _compiled(kind).fullmatch(value) is not None


def json_type(kind: str) -> str:
    """Return how JSON writes this primitive type, for a person."""
    if kind == "boolean":
        return "true or false"
    return "a number" if kind == "decimal" or kind in _NUMBERS else "a string"


def has_json_type(kind: str, value: Any) -> bool:
    """Whether `value` is of the JSON type that this primitive type is written in."""
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "decimal" or kind in _NUMBERS:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return isinstance(value, str)


@cache
def _compiled(kind: str) -> re.Pattern[str]:
    return re.compile(pattern(kind))


def _is_number(kind: str) -> Callable[[Any], bool]:
    low, high = _NUMBERS[kind]

    def test(value: Any) -> bool:
        return has_json_type(kind, value) and value == int(value) and low <= value <= high

    return test


def _is_calendar(kind: str) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        if not isinstance(value, str) or not _compiled(kind).fullmatch(value):
            return False
        return _exists(value)

    return test


def _exists(moment: str) -> bool:
    try:
        if "T" in moment:
            datetime.fromisoformat(moment[:17] + moment[17:].replace("60", "59", 1))
        else:
            PartialDate.parse(moment)
    except ValueError:
        return False
    return True


_TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "boolean": lambda value: isinstance(value, bool),
    "decimal": lambda value: has_json_type("decimal", value),
    **{kind: _is_number(kind) for kind in _NUMBERS},
    **{kind: _is_calendar(kind) for kind in _CALENDAR},
}

"""Dates and times as neither HL7 v2 nor ISO 8601 write them: read where they can mean one thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_TIME: Final = r"(?:[T ,]+(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
_OFFSET: Final = r"\s?(?P<offset>Z|[+-]\d\d:?\d\d)?)?"
_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_YEAR_FIRST: Final = re.compile(
    rf"(?P<year>\d{{4}})(?P<sign>[/.]?)(?P<month>\d\d)(?P=sign)(?P<day>\d\d){_TIME}{_OFFSET}",
    re.ASCII,
)
_NUMBERS: Final = re.compile(
    rf"(?P<one>\d\d?)(?P<sign>[/.-])(?P<other>\d\d?)(?P=sign)(?P<year>\d{{4}}){_TIME}{_OFFSET}",
    re.ASCII,
)
_NAMED: Final = re.compile(
    rf"(?P<day>\d\d?)[ -](?P<name>[A-Za-z]{{3,9}})[ -](?P<year>\d{{4}}){_TIME}{_OFFSET}", re.ASCII
)
TOLD: Final = "written neither as HL7 v2 nor as ISO 8601 write it, and read as it can only be meant"
_UNCLEAR: Final = "may be the day before the month, or the month before the day"
_NOT: Final = "not a date or time as HL7 v2 or ISO 8601 write it"
_LAST_MONTH: Final = 12

Parts = Mapping[str, str | None]  # as `times` has them


def odd_parts(text: str, doubts: list[tuple[str, str]]) -> Parts:
    """Part a date or time that is written otherwise, and say so.

    01/05/2024 may be the first of May or the fifth of January: then ValueError is raised, as for
    what is no date at all.
    """
    parts = _year_first(text) or _named(text) or _in_numbers(text)
    if parts is None:
        raise ValueError(_NOT)
    doubts.append(("warning", TOLD))
    return parts


def _year_first(text: str) -> Parts | None:
    match = _YEAR_FIRST.fullmatch(text)
    return match.groupdict() if match else None


def _named(text: str) -> Parts | None:
    match = _NAMED.fullmatch(text)
    if not match or match["name"][:3].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match["name"][:3].lower()) + 1
    return {**match.groupdict(), "month": f"{month:02d}", "day": match["day"].zfill(2)}


def _in_numbers(text: str) -> Parts | None:
    match = _NUMBERS.fullmatch(text)
    if not match:
        return None
    day, month = match["one"].zfill(2), match["other"].zfill(2)
    if int(month) > _LAST_MONTH:
        day, month = month, day
    elif int(day) <= _LAST_MONTH and day != month:
        raise ValueError(_UNCLEAR)
    return {**match.groupdict(), "day": day, "month": month}

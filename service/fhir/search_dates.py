"""Dates as intervals, and how FHIR's date prefixes compare them.

A date or time without an offset, in a search or in a resource, is read as United Kingdom
civil time (Europe/London), so `sent=2025-06-14` is the whole of that day as a ward knows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from service.model import Instant

ZONE: Final = "Europe/London"
FOREVER: Final = 1 << 62  # microseconds; an open end
PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_PATTERN: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)


class Interval(NamedTuple):
    """From `low` until just before `high`, in microseconds since 1970 UTC."""

    low: int
    high: int


def interval(text: str) -> Interval:
    """Return what a date, dateTime or instant covers at its precision. Raises ValueError.

    A "+" before the offset that arrived as a space is understood.
    """
    text = text.replace(" ", "+")
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ValueError("a date is written YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm")
    month, day, hour, second, fraction = match.group(2, 3, 4, 6, 7)
    start = _calendar(text + ("-01-01" if month is None else "-01" if day is None else ""))
    low = _instant(start)
    if hour is None:
        return Interval(low, _end_of(start, month, day))
    return Interval(low, low + _width(second, fraction))


def intervals(value: Any) -> Iterator[Interval]:
    """Yield what a date, Period or Timing of a resource covers; nothing if it cannot be read."""
    if isinstance(value, str):
        yield from _readable(value)
    elif isinstance(value, dict) and ("event" in value or "repeat" in value):
        for event in value.get("event", ()):
            yield from _readable(event)
        yield from intervals(value.get("repeat", {}).get("boundsPeriod"))
    elif isinstance(value, dict):
        yield _period(value)


def compare(prefix: str, asked: Interval, now: int) -> Callable[[Interval], bool]:
    """Return the comparison of a resource's interval with the one asked for.

    https://hl7.org/fhir/R4/search.html#prefix; `now` (microseconds) widens "ap".
    """
    if prefix == "ap":
        margin = abs(now - asked.low) // 10
        wide = Interval(asked.low - margin, asked.high + margin)
        return lambda one: one.low < wide.high and one.high > wide.low
    comparison = _COMPARISONS[prefix]
    return lambda one: comparison(one, asked)


def split_prefix(text: str) -> tuple[str, str]:
    """Part "ge2025-03-14" into its prefix ("eq" if there is none) and its date."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def _within(one: Interval, asked: Interval) -> bool:
    return asked.low <= one.low and one.high <= asked.high


_COMPARISONS: Final[dict[str, Callable[[Interval, Interval], bool]]] = {
    "eq": _within,
    "ne": lambda one, asked: not _within(one, asked),
    "gt": lambda one, asked: one.high > asked.high,
    "lt": lambda one, asked: one.low < asked.low,
    "ge": lambda one, asked: one.high > asked.high or _within(one, asked),
    "le": lambda one, asked: one.low < asked.low or _within(one, asked),
    "sa": lambda one, asked: one.low >= asked.high,
    "eb": lambda one, asked: one.high <= asked.low,
}


def _calendar(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("there is no such date") from None


def _width(second: str | None, fraction: str | None) -> int:
    if second is None:
        return 60_000_000
    return int(10 ** (6 - min(6, len((fraction or ".")[1:]))))


def _end_of(start: datetime, month: str | None, day: str | None) -> int:
    try:
        if day is not None:
            return _instant(start + timedelta(days=1))
        if month is not None:
            return _instant((start + timedelta(days=31)).replace(day=1))
        return _instant(start.replace(year=start.year + 1))
    except (OverflowError, ValueError):  # 9999: how many systems write "no end"
        return FOREVER


@cache
def _zone() -> ZoneInfo:
    return ZoneInfo(ZONE)


def _instant(moment: datetime) -> int:
    return Instant.of(moment if moment.tzinfo else moment.replace(tzinfo=_zone()))


def _readable(text: str) -> Iterator[Interval]:
    try:
        yield interval(text)
    except ValueError:  # such a value is never found
        return


def _period(period: dict[str, Any]) -> Interval:
    start = next(_readable(period.get("start", "")), None)
    end = next(_readable(period.get("end", "")), None)
    return Interval(start.low if start else -FOREVER, end.high if end else FOREVER)

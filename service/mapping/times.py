"""Dates and times as senders write them: HL7 v2, ISO 8601, or an order named by the mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from service.mapping.odd_times import odd_parts
from service.model import Moment, PartialDate

FIRST_YEAR = 1850  # nobody born before that is alive
MAX_OFFSET = timedelta(hours=14)
LAST_MINUTE = 59
DAY, SECONDS = len("YYYYMMDD"), len("YYYYMMDDHHMMSS")
_WITH_DAY = (DAY, DAY + 2, DAY + 4, SECONDS)  # characters

Doubts = list[tuple[str, str]]  # severity and text

_HL7 = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)"
    r"(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\.\d{1,9})?)?)?)?)?)?"
    # Behind a time some leave the minutes of the offset out, or write UTC as ISO 8601 does.
    r"(?P<offset>[+-]\d{4}|(?<=[\d.]{12})(?:[+-]\d\d|Z))?",
    re.ASCII,
)
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?)?)?)?)?"
    r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_FULL_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
_MONTHS = tuple(month[:3] for month in _FULL_MONTHS.split("|"))
_TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short>\d\d)",
    "MMMM": f"(?P<name>{_FULL_MONTHS})",
    "MMM": f"(?P<name>{'|'.join(_MONTHS)})",
    "MM": r"(?P<month>\d\d)",
    "M": r"(?P<month>\d\d?)",
    "DD": r"(?P<day>\d\d)",
    "D": r"(?P<day>\d\d?)",
    "HH": r"(?P<hour>\d\d)",
    "mm": r"(?P<minute>\d\d)",
    "ss": r"(?P<second>\d\d)",
}
_TOKEN = re.compile("|".join(_TOKENS))

_FEW = 100  # pairs of dates that are compared one by one

Parts = Mapping[str, str | None]  # year, month, day, hour, minute, second, offset


def standard_parts(text: str) -> Parts:
    """Part an HL7 v2 or ISO 8601 date or time. Raises ValueError."""
    match = _HL7.fullmatch(text) or _ISO.fullmatch(text)
    if not match:
        raise ValueError("not a date or time as HL7 v2 or ISO 8601 write it")
    return match.groupdict()


def _standard_or_odd(text: str, doubts: Doubts) -> Parts:
    plain = text.strip()  # some systems fill up their fields with blanks
    try:
        return standard_parts(plain)
    except ValueError:
        return odd_parts(plain, doubts)


def is_earlier(one: str, other: str) -> bool:
    """Whether the day of one is before that of the other, as far as both are told.

    What is no date or time is neither before nor after anything.
    """
    one, other = one.strip(), other.strip()
    if _tells_a_day(one) and _tells_a_day(other):
        return one[:DAY] < other[:DAY]
    try:
        ours, theirs = standard_parts(one), standard_parts(other)
    except ValueError:
        return False
    both = [(ours[part], theirs[part]) for part in ("year", "month", "day")]
    told = [(mine, yours) for mine, yours in both if mine and yours]
    return [mine for mine, _ in told] < [yours for _, yours in told]


def any_is_earlier(ones: Sequence[str], others: Sequence[str]) -> bool:
    """Whether any of these is before any of the others; of many, only the ends are compared."""
    if len(ones) * len(others) > _FEW:
        ones, others = _ends(ones, min), _ends(others, max)
    return any(is_earlier(one, other) for one in ones for other in others)


def _ends(texts: Sequence[str], end: Callable[[Iterable[str]], str]) -> list[str]:
    """Return the first (or last) day of those told to the year, to the month and to the day."""
    by_precision: dict[int, set[str]] = {}
    for text in {text.strip() for text in texts}:
        day = _day_told(text)
        by_precision.setdefault(len(day), set()).add(day)
    return [end(days) for precision, days in by_precision.items() if precision]


def _day_told(text: str) -> str:
    """Return YYYY, YYYYMM or YYYYMMDD, as far as a date is told; "" for what is none."""
    if _tells_a_day(text):
        return text[:DAY]
    try:
        parts = standard_parts(text)
    except ValueError:
        return ""
    return "".join(told for part in ("year", "month", "day") if (told := parts[part]))


def _tells_a_day(text: str) -> bool:
    """Whether this is YYYYMMDD or more, as HL7 v2 writes it without an offset: nearly all are."""
    return text.isdigit() and len(text) in _WITH_DAY and text.isascii()


def parts_in_order(order: str) -> Callable[[str], Parts]:
    """Return what parts dates written in `order`, e.g. "DD/MM/YYYY HH:mm".

    Several orders stand between bars: "DD/MM/YYYY | D MMM YYYY"; the first that fits serves.
    Raises ValueError if an order names no year or a part twice.
    """
    orders = [_parts_in_one(one.strip()) for one in order.split("|")]
    if len(orders) == 1:
        return orders[0]

    def parts(text: str) -> Parts:
        for one in orders:
            try:
                return one(text)
            except ValueError:
                continue
        raise ValueError(f"not a date or time in any of the orders {order}")

    return parts


def _parts_in_one(order: str) -> Callable[[str], Parts]:
    pieces, at = [], 0
    for token in _TOKEN.finditer(order):
        pieces += [re.escape(order[at : token.start()]), _TOKENS[token[0]]]
        at = token.end()
    try:
        pattern = re.compile("".join([*pieces, re.escape(order[at:])]), re.ASCII | re.IGNORECASE)
    except re.error:
        raise ValueError(f"{order} names a part twice") from None
    _complete(order, set(pattern.groupindex))

    def parts(text: str) -> Parts:
        match = pattern.fullmatch(text.strip())
        if not match:
            raise ValueError(f"not a date or time in the order {order}")
        found = match.groupdict()
        if short := found.pop("short", None):
            found["year"] = f"20{short}"
        name = found.get("name")
        return {**found, "month": f"{_MONTHS.index(name[:3].lower()) + 1}"} if name else found

    return parts


def _complete(order: str, named: set[str]) -> None:
    """Check that no smaller part is there without the larger one."""
    if "name" in named and "month" in named:
        raise ValueError(f"{order} names a part twice")
    if {"year", "short"} <= named:
        raise ValueError(f"{order} names a part twice")
    named = named | {"month"} if "name" in named else named
    named = named | {"year"} if "short" in named else named
    for larger, smaller in (
        ("year", "month"), ("month", "day"), ("day", "hour"), ("hour", "minute"),
        ("minute", "second"),
    ):  # fmt: skip
        if smaller in named and larger not in named:
            raise ValueError(f"{order} has a {smaller} and no {larger}")
    if "year" not in named or ("hour" in named and "minute" not in named):
        raise ValueError(f"{order} lacks a year, or an hour's minutes")


def date_converter(order: str = "") -> Callable[[str, Doubts], PartialDate]:
    """Return a converter to a date that keeps its precision; a time of day is cut off."""
    parse = parts_in_order(order) if order else None

    def to_date(text: str, doubts: Doubts) -> PartialDate:
        parts = parse(text) if parse else _standard_or_odd(text, doubts)
        if parts.get("hour"):
            _naive(parts)  # the time must be one, even if it is not kept
        return _date(parts)

    return to_date


def moment_converter(zone: ZoneInfo, order: str = "") -> Callable[[str, Doubts], Moment]:
    """Return a converter to a FHIR dateTime; a time without an offset is in `zone`."""
    parse = parts_in_order(order) if order else None

    def to_moment(text: str, doubts: Doubts) -> Moment:
        if len(text) == SECONDS and not order and (made := _to_the_second(text, zone)):
            return Moment(made)  # what most feeds send
        parts = parse(text) if parse else _standard_or_odd(text, doubts)
        if not parts.get("hour"):
            return Moment(_date(parts))
        naive = _naive(parts)
        if not parts["minute"]:
            doubts.append(("information", "an hour without minutes: only the date was kept"))
            return Moment(_date(parts))
        offset = parts.get("offset")
        if offset:
            return Moment(naive.isoformat() + _offset(offset))
        return _in_zone(naive, zone, doubts)

    return to_moment


def _to_the_second(text: str, zone: ZoneInfo) -> str:
    """Read YYYYMMDDHHMMSS on a day without a change of clocks; "" for any other text.

    A fifth of the work that the patterns and the zone are.
    """
    if not (text.isascii() and text.isdigit()):
        return ""
    hour, minute, second = text[8:10], text[10:12], text[12:]
    if hour > "23" or minute > "59" or second > "59":
        return ""
    offset = _offset_all_day(zone, text[:8])
    date_part = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return offset and f"{date_part}T{hour}:{minute}:{second}{offset}"


@lru_cache(maxsize=1024)
def _offset_all_day(zone: ZoneInfo, day: str) -> str:
    """Return the offset that the zone has all through a day; "" if it changes or is no day."""
    doubts: Doubts = []
    try:
        midnight = datetime.fromisoformat(day)
        times = (midnight, midnight.replace(hour=23, minute=59, second=59))
        begin, end = (_in_zone(_checked_year(time), zone, doubts)[19:] for time in times)
    except ValueError:
        return ""
    return begin if begin == end and not doubts else ""


def _date(parts: Parts) -> PartialDate:
    year, month, day = parts["year"], parts.get("month"), parts.get("day")
    _checked(year, month or "1", day or "1", "0", "0", "0")
    return PartialDate("-".join(part.zfill(2) for part in (year, month, day) if part))


def _naive(parts: Parts) -> datetime:
    clock = (parts["hour"], parts["minute"] or "0", parts.get("second") or "0")
    return _checked(parts["year"], parts["month"], parts["day"], *clock)


def _checked(*numbers: str | None) -> datetime:
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    try:
        naive = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - zone follows
    except ValueError:
        raise ValueError("there is no such date or time") from None
    return _checked_year(naive)


def _checked_year(naive: datetime) -> datetime:
    if naive.year < FIRST_YEAR:
        raise ValueError(f"the year is before {FIRST_YEAR}")
    return naive


def _offset(text: str) -> str:
    """Return the offset as FHIR writes it. Raises ValueError beyond 14 hours."""
    if text == "Z":
        return text
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if minutes > LAST_MINUTE or timedelta(hours=hours, minutes=minutes) > MAX_OFFSET:
        raise ValueError("there is no such offset from UTC")
    return f"{text[0]}{hours:02}:{minutes:02}"


def _in_zone(naive: datetime, zone: ZoneInfo, doubts: Doubts) -> Moment:
    local = naive.replace(tzinfo=zone)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    if first is None or second is None:
        raise ValueError("the zone has no offset at that time")
    if first > second:
        doubts.append(("warning", "this hour came twice that night; the first was taken"))
    elif first < second:
        doubts.append(("warning", "the clocks skipped this hour; the offset before was taken"))
    minutes, seconds = divmod(int(first.total_seconds()), 60)
    if seconds:
        raise ValueError("the zone's offset was not whole minutes then, and FHIR knows no other")
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return Moment(f"{naive.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}")

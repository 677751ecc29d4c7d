"""When a team works: opening hours by weekday, and what time is left within them.

All in Europe/London, where every team of the directory is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from service.delivery.bank_holidays import bank_holidays
from service.model import Instant

LONDON: Final = ZoneInfo("Europe/London")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = 24 * 60
_FURTHEST: Final = 400  # days; every week has an opening
_SPAN: Final = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))? "
    r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])"
)
_ALLOWANCE: Final = re.compile(r"([1-9][0-9]{0,2}) (min|h|days?)")
Span = tuple[int, int]  # minutes since midnight


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """How long something may take: working days, or time within opening hours."""

    days: int = 0
    time: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> Allowance:
        """Read "30 min", "2 h", "1 day" or "3 days". Raises ValueError."""
        match = _ALLOWANCE.fullmatch(text)
        if not match:
            raise ValueError(f'"{text}" is no time: write 30 min, 2 h, 1 day or 3 days')
        count, unit = int(match[1]), match[2]
        if unit.startswith("day"):
            return cls(days=count)
        return cls(time=timedelta(hours=count) if unit == "h" else timedelta(minutes=count))

    @property
    def elapsed(self) -> timedelta:
        """The same for those who always work."""
        return timedelta(days=self.days) + self.time


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """The opening hours of one team; without any it always works."""

    week: tuple[tuple[Span, ...], ...] = ()  # Monday … Sunday
    on_bank_holidays: bool = False

    @classmethod
    def parse(cls, text: str, *, on_bank_holidays: bool = False) -> Hours:
        """Read "always", or "Mon-Fri 08:00-18:30, Sat 09:00-13:00". Raises ValueError."""
        if text == "always":
            return cls()
        week: list[list[Span]] = [[] for _ in DAYS]
        for part in text.split(", "):
            days, span = _span(part)
            for day in days:
                week[day].append(span)
        for name, spans in zip(DAYS, week, strict=True):
            spans.sort()
            if any(end > start for (_, end), (start, _) in pairwise(spans)):
                raise ValueError(f"two times of {name} overlap")
        return cls(week=tuple(map(tuple, week)), on_bank_holidays=on_bank_holidays)

    def is_open(self, moment: datetime) -> bool:
        """Whether the team works at this moment."""
        return self.opening(moment) == moment

    def opening(self, moment: datetime) -> datetime:
        """Return the moment itself while the team works, else when it opens next."""
        return moment if not self.week else next(self._open(moment))[0]

    def after(self, moment: datetime, allowed: Allowance) -> datetime:
        """Return the end of an allowance that begins now, or when the team opens.

        Hours count while it is open. Whole days are working days: the same time of day, so
        many working days later.
        """
        if not self.week:
            return moment + allowed.elapsed
        left = allowed.time
        for start, end in self._open(self._days_later(moment, allowed.days)):
            if start + left <= end:
                return start + left
            left -= end - start
        raise AssertionError("a team opens every week")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return how long the team works between two moments."""
        if not self.week or end <= start:
            return max(end - start, timedelta())
        worked = timedelta()
        for opens, closes in self._open(start):
            if opens >= end:
                break
            worked += min(closes, end) - opens
        return worked

    def _days_later(self, moment: datetime, days: int) -> datetime:
        moment = self.opening(moment)
        local = moment.astimezone(LONDON)
        day = local.date()
        for _ in range(days):
            day = next(d for d in _days_from(day + _DAY) if self._spans(d))
        return datetime.combine(day, local.time(), LONDON).astimezone(UTC) if days else moment

    def _open(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield from when until when the team works, from this moment on."""
        for day in _days_from(moment.astimezone(LONDON).date()):
            for start, end in self._spans(day):
                opens, closes = _at(day, start), _at(day, end)
                if closes > moment:
                    yield max(opens, moment), closes

    def _spans(self, day: date) -> tuple[Span, ...]:
        spans = self.week[day.weekday()]
        closed = not self.on_bank_holidays and day in bank_holidays()
        return () if closed else spans


NEVER_CLOSED: Final = Hours()


def beginning(day: date | str) -> int:
    """Return when a day begins in London, in microseconds since 1970."""
    known = date.fromisoformat(day) if isinstance(day, str) else day
    return Instant.of(_at(known, 0))


def _span(text: str) -> tuple[range, Span]:
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError(f'"{text}" is no time of the week: write Mon-Fri 09:00-17:00, or always')
    first = DAYS.index(match[1])
    last = DAYS.index(match[2] or match[1])
    start, end = int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])
    if last < first or not start < end <= _MIDNIGHT:
        raise ValueError(f'"{text}" ends before it begins: write two times')
    return range(first, last + 1), (start, end)


def _days_from(day: date) -> Iterator[date]:
    return (day + timedelta(days=k) for k in range(_FURTHEST))


def _at(day: date, minutes: int) -> datetime:
    """Return the moment at a time of day; 24:00 is the next day's beginning."""
    if minutes == _MIDNIGHT:
        return _at(day + _DAY, 0)
    return datetime.combine(day, time(*divmod(minutes, 60)), LONDON).astimezone(UTC)

"""The time that figures are for: whole days in London, from one to another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from service.delivery.hours import LONDON, beginning
from service.model import Instant

_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_DAY: Final = timedelta(days=1)
_YEARS: Final = 20  # of one report, at most


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """From the first day to the last, both counted."""

    start: date
    end: date

    @classmethod
    def parse(cls, start: str, end: str = "") -> Period:
        """Read a year, a month or a day; the end is that of the start unless it is said.

        Raises ValueError that says what is wrong.
        """
        first, last = _days(start)[0], _days(end or start)[1]
        if last < first:
            raise ValueError(f"{end} is before {start}: the period ends before it begins")
        if last.year - first.year > _YEARS:
            raise ValueError(f"a period of more than {_YEARS} years is not reported")
        return cls(start=first, end=last)

    @classmethod
    def last_month(cls, today: date) -> Period:
        """Return the latest month that is over."""
        end = today.replace(day=1) - _DAY
        return cls(start=end.replace(day=1), end=end)

    @property
    def since(self) -> int:
        """Its first moment, in microseconds."""
        return beginning(self.start)

    @property
    def until(self) -> int:
        """The first moment after it."""
        return beginning(self.end + _DAY)

    def __str__(self) -> str:
        if self.start.day == 1 and self.end == _month_end(self.start):
            return f"{self.start:%Y-%m}"
        return f"{self.start} to {self.end}"

    def months(self) -> Iterator[Period]:
        """Yield its months; the first and the last may be parts of one."""
        start = self.start
        while start <= self.end:
            end = min(_month_end(start), self.end)
            yield Period(start=start, end=end)
            start = end + _DAY


def month_of(moment: int) -> str:
    """Return the month of an instant in London, YYYY-MM."""
    return f"{Instant(moment).as_datetime().astimezone(LONDON):%Y-%m}"


def _days(text: str) -> tuple[date, date]:
    """Return the first and the last day of a year, a month or a day."""
    match = _DATE.fullmatch(text)
    year, month, day = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        text = f"{text!r} is no time: write 2026-11, or 2026-11-05, or 2026"
        raise ValueError(text) from None
    if day:
        return first, first
    return first, _month_end(first) if month else date(year, 12, 31)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY

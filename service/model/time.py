"""Dates and times that keep the precision they were sent with, as FHIR writes them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PartialDate(str):
    """A FHIR date: YYYY, YYYY-MM or YYYY-MM-DD."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """Return `text` checked against the calendar. Raises ValueError."""
        match = _DATE.fullmatch(text)
        if not match:
            raise ValueError("a date is YYYY, YYYY-MM or YYYY-MM-DD")
        year, month, day = match.groups()
        date(int(year), int(month or 1), int(day or 1))
        return cls(text)


class Moment(str):
    """A FHIR dateTime: a PartialDate, or date and time to the second with an offset."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Return `text` checked against the calendar. Raises ValueError."""
        if "T" not in text:
            return cls(PartialDate.parse(text))
        match = _DATE_TIME.fullmatch(text)
        if not match:
            raise ValueError("a time is YYYY-MM-DDThh:mm:ss with an offset")
        datetime.fromisoformat(text)
        return cls(text)

    @property
    def is_exact(self) -> bool:
        """Whether it has a time of day, and so an offset."""
        return "T" in self


class Instant(int):
    """Microseconds since 1970-01-01T00:00:00Z: how the store orders, and stamps lastUpdated."""

    __slots__ = ()

    @classmethod
    def of(cls, moment: datetime) -> Instant:
        """Return the instant of an aware datetime."""
        return cls((moment - _EPOCH) // timedelta(microseconds=1))

    def as_datetime(self) -> datetime:
        """Return the aware datetime, in UTC."""
        return _EPOCH + timedelta(microseconds=self)

    def isoformat(self) -> str:
        """Return the FHIR instant, e.g. 2025-03-14T17:05:00.000123Z."""
        moment = _EPOCH + timedelta(microseconds=self)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

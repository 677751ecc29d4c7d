"""When a daily digest goes: a time of day in London, on some days of the week."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Literal

from service import yamlfile
from service.delivery.hours import DAYS, LONDON
from service.model import Instant

_DAY: Final = timedelta(days=1)
_SPAN: Final = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))?")
By = Literal["mesh", "fhir-server"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestSchedule:
    """One team's digest."""

    at: time  # in London
    by: By
    days: frozenset[int] = frozenset(range(7))  # Monday is 0
    empty: bool = False  # whether it goes on days with nothing new too

    def after(self, moment: int) -> Instant:
        """Return the first time that it goes after a moment (microseconds)."""
        local = Instant(moment).as_datetime().astimezone(LONDON)
        found = (self._on(local + k * _DAY) for k in range(9))
        return next(slot for slot in found if slot and slot > moment)

    def latest(self, moment: int) -> Instant:
        """Return the last time that it was to go, up to a moment."""
        local = Instant(moment).as_datetime().astimezone(LONDON)
        found = (self._on(local - k * _DAY) for k in range(9))
        return next(slot for slot in found if slot and slot <= moment)

    def _on(self, local: datetime) -> Instant | None:
        if local.weekday() not in self.days:
            return None
        return Instant.of(datetime.combine(local.date(), self.at, LONDON))


def read_schedule(written: dict[str, Any]) -> DigestSchedule:
    """Return an organisation's digest; by MESH if it has a mailbox and says nothing else."""
    said = written["digest"]
    return DigestSchedule(
        at=time.fromisoformat(said["at"]),
        by=said.get("by", "mesh" if "mesh" in written else "fhir-server"),
        days=_days(said.get("days", "Mon-Sun")),
        empty=said.get("empty") in (True, "true"),
    )


def faults_of_digest(document: yamlfile.Document) -> Iterator[yamlfile.Fault]:
    """Yield what is wrong with the digests of a directory."""
    for i, written in enumerate(document.value["organisations"]):
        place = ("organisations", i)
        if "digest" not in written:
            if "digest" in written.get("channels", ()):
                text = (
                    f"{written['ods']} is to be sent a digest: say when, as digest: {{at: 08:00}}"
                )
                yield document.fault(text, *place, "channels")
            continue
        try:
            by = read_schedule(written).by
        except ValueError as fault:
            yield document.fault(str(fault), *place, "digest", "days")
            continue
        if (address := by.replace("-", "_")) not in written:
            text = f"{written['ods']} is to be sent a digest by {by}: say its {address}"
            yield document.fault(text, *place, "digest")


def _days(text: str) -> frozenset[int]:
    match = _SPAN.fullmatch(text)
    first = DAYS.index(match[1]) if match else 1
    last = DAYS.index(match[2] or match[1]) if match else 0
    if last < first:
        raise ValueError(f'"{text}" is no part of a week: write Mon-Fri, or Mon')
    return frozenset(range(first, last + 1))

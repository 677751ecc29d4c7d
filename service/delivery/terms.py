"""How soon a team is to acknowledge, and who is asked in its place when it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from service import yamlfile
from service.delivery.hours import NEVER_CLOSED, Allowance, Hours
from service.fhir.search_parameters import Resource
from service.model import Instant, OdsCode
from service.store import LATER, Deadline, Step

# How long by the request's priority; ours, not a standard's.
WITHIN: Final[Mapping[str, Allowance]] = MappingProxyType(
    {
        "stat": Allowance.parse("2 h"),
        "asap": Allowance.parse("8 h"),
        "urgent": Allowance.parse("1 day"),
        "routine": Allowance.parse("3 days"),
    }
)
REMINDER: Final = "reminder"
LATE: Final = "late"
ON_DUTY: Final = "on-duty"
WAITING: Final = "waiting"  # nothing more is done, and nothing was answered
_REMIND_AFTER: Final = 0.75  # of the time that there is


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the directory says of one team, or of its kind; else that it always works."""

    hours: Hours = NEVER_CLOSED
    within: Mapping[str, Allowance] = field(default_factory=lambda: WITHIN)
    fallback: tuple[OdsCode, ...] = ()  # asked one after another
    on_duty: tuple[OdsCode, ...] = ()  # asked at once while the team is closed

    def due(self, urgency: str, released: datetime) -> datetime:
        """Return until when the team is to answer."""
        return self.hours.after(released, self.within[urgency])

    def reminder(self, released: datetime, due: datetime) -> datetime:
        """Return when it is reminded: while a quarter of its working time is left."""
        spent = self.hours.between(released, due) * _REMIND_AFTER
        return self.hours.after(released, Allowance(time=spent))


ALWAYS: Final = Terms()


def first_deadline(
    terms: Terms, role: str, task: Resource, released: datetime, **about: str
) -> Deadline:
    """Return until when a new Task is to be answered, and what comes first without it.

    Who is only told is not chased: it can be seen that it is late. `about`: fields of a
    Deadline that say in whose place somebody is asked.
    """
    end = datetime.fromisoformat(task["restriction"]["period"]["end"])
    step = Step(name=WAITING, at=LATER)
    if role == "action" and terms.on_duty and not terms.hours.is_open(released):
        step = Step(name=ON_DUTY, at=Instant.of(released))
    elif role == "action":
        step = Step(name=REMINDER, at=Instant.of(terms.reminder(released, end)))
    return Deadline(role=role, due=Instant.of(end), step=step, **about)


def read_terms(written: Mapping[str, Any], defaults: Mapping[str, Any]) -> Terms:
    """Return the terms as written; what is left out is its kind's. Raises ValueError."""
    said = {**defaults, **written}
    on_holidays = said.get("bank_holidays") == "open"
    within = {**defaults.get("within", {}), **written.get("within", {})}
    return Terms(
        hours=Hours.parse(said.get("hours", "always"), on_bank_holidays=on_holidays),
        within={**WITHIN, **{name: Allowance.parse(text) for name, text in within.items()}},
        fallback=tuple(map(OdsCode, said.get("fallback", ()))),
        on_duty=tuple(map(OdsCode, said.get("on_duty", ()))),
    )


def faults_of_terms(
    document: yamlfile.Document, known: set[str], *keys: str | int
) -> Iterator[yamlfile.Fault]:
    """Yield what cannot be used of the terms at a place: a time, or somebody not listed."""
    written = document.value
    for key in keys:
        written = written[key]
    try:
        Hours.parse(written.get("hours", "always"))
    except ValueError as fault:
        yield document.fault(str(fault), *keys, "hours")
    for name, text in written.get("within", {}).items():
        try:
            Allowance.parse(text)
        except ValueError as fault:
            yield document.fault(str(fault), *keys, "within", name)
    for name in ("fallback", "on_duty"):
        for k, ods in enumerate(written.get(name, ())):
            if ods == written.get("ods"):
                yield document.fault("a team cannot stand in for itself", *keys, name, k)
            elif ods not in known:
                yield document.fault(f"{ods} is not in the directory", *keys, name, k)

"""The figures: what each counts, from notices and from what teams recorded.

The Measures of profiles/ say the same in words; what nobody recorded is not counted.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import Final

from service.store import Done, Noticed

_HOUR: Final = 3_600_000_000  # microseconds
# What is counted, with the heading of its column.
COUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "notified": "patients",
        "identified": "identified",
        "discussed": "discussed",
        "assessed": "assessed",
        "treated": "treated",
        "sent": "sent",
        "received": "received",
        "asked": "asked to act",
        "acknowledged": "acknowledged",
        "acknowledged-24h": "within 24 h",
        "acknowledged-72h": "within 72 h",
        "escalated": "escalated",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The figures of one team, trust or month, or of all."""

    label: str  # an ODS code, a month; "" for all
    name: str = ""
    counts: Mapping[str, int | None]  # by COUNTS; None: suppressed
    hours: float | None = None  # the median until an acknowledgement; None: none, or suppressed


@dataclass(kw_only=True, slots=True)
class Tally:
    """Counts what it is told, one by one: a year of everybody's is never held at once."""

    people: dict[str, set[str]] = field(default_factory=dict)  # by figure
    numbers: Counter[str] = field(default_factory=Counter)
    hours: array[float] = field(default_factory=lambda: array("d"))  # until each acknowledgement

    def count(self, one: Noticed | Done) -> None:
        """Count a notice of the period, or what a team recorded for a day of it."""
        if isinstance(one, Done):
            self._met(one.step, one)
        else:
            self._notice(one)

    def _notice(self, one: Noticed) -> None:
        self._met("notified", one)
        self.numbers["sent"] += 1
        self.numbers["received"] += one.received is not None
        if is_asked(one):
            self._met("identified", one)
            self.numbers["asked"] += 1
            self.numbers["escalated"] += one.escalated is not None
            if one.answered is not None:
                self.hours.append((one.answered - one.sent) / _HOUR)

    def row(self, label: str, name: str) -> Row:
        """Return what was counted; nothing is suppressed yet."""
        counts: dict[str, int | None] = dict.fromkeys(COUNTS, 0)
        counts |= {name: len(met) for name, met in self.people.items()}
        counts |= self.numbers
        counts["acknowledged"] = len(self.hours)
        counts["acknowledged-24h"] = sum(taken <= 24 for taken in self.hours)  # noqa: PLR2004
        counts["acknowledged-72h"] = sum(taken <= 72 for taken in self.hours)  # noqa: PLR2004
        typical = round(median(self.hours), 1) if self.hours else None
        return Row(label=label, name=name, counts=counts, hours=typical)

    def _met(self, figure: str, one: Noticed | Done) -> None:
        """Count a person: by NHS number, else by the sending trust's record of them."""
        if person := one.nhs_number or one.patient_id:
            self.people.setdefault(figure, set()).add(person)


def is_asked(one: Noticed) -> bool:
    """Whether a team was to act on a notice, unless that was taken back before it answered."""
    return one.role == "action" and (one.cancelled is None or one.answered is not None)

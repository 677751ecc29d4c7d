"""What was told lately of those who are put on a list: as the team's next events, or to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from service.delivery.caseloads import ASKED_AS, agreement
from service.delivery.following import takes_back
from service.delivery.recall import Addressing, Notice
from service.fhir.build.continuity import is_restricted
from service.model import Instant, OdsCode
from service.store import Asking, Entry, KeptOccurrence, Known, Recall, Store
from service.store.caseload_records import Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """What is told, what is to be decided, and what was looked at for it."""

    recalls: tuple[Recall, ...] = ()
    asked: tuple[Asking, ...] = ()
    known: tuple[Known, ...] = ()


class Recalling:
    """Finds what was told of patients before a team had them."""

    def __init__(self, store: Store, addressing: Addressing) -> None:
        self._store, self._addressing = store, addressing

    @property
    def clock(self) -> Callable[[], datetime]:
        """The clock of everything here."""
        return self._addressing.clock

    @property
    def new_id(self) -> Callable[[], str]:
        """What makes ids."""
        return self._addressing.new_id

    def of(self, added: Sequence[Entry], since: Instant, day: str) -> Recalled:
        """Return what is told of new entries: what agrees, in the order of telling.

        What agrees nearly is for a person to decide.
        """
        holding = [entry for entry in added if entry.holds_on(day)]
        places = [place for entry in holding for place in entry.places]
        found = self._store.caseloads.occurrences(places, since) if places else []
        told: list[tuple[KeptOccurrence, Entry]] = []
        asked: dict[tuple[str, str], Asking] = {}
        for entry in holding:
            for one in self._wanted(entry, found):
                why = agreement(entry, one.nhs_number, one.birth_date)
                if why is None:
                    told.append((one, entry))
                else:
                    asked.setdefault((entry.id, one.patient_id), self._asking(entry, one, why))
        return Recalled(
            recalls=self._recalls(told), asked=tuple(asked.values()), known=_known(places, found)
        )

    def accepted(self, entry: Entry, patient_id: str, since: Instant) -> Recalled:
        """Return what is told of an entry and a record that a person takes for the same."""
        found = self._store.caseloads.occurrences(entry.places, since)
        told = [(one, entry) for one in self._wanted(entry, found) if one.patient_id == patient_id]
        return Recalled(recalls=self._recalls(told), known=_known(entry.places, found))

    def _wanted(self, entry: Entry, found: Sequence[KeptOccurrence]) -> Iterator[KeptOccurrence]:
        """Yield what a team wants to hear, has not heard, and still holds."""
        mine = [
            one
            for one in found
            if one.place in entry.places
            and ASKED_AS[one.kind] in entry.kinds
            and entry.team not in one.told
        ]
        yield from (one for one in _in_force(mine) if not self._is_restricted(one))

    def _is_restricted(self, told: KeptOccurrence) -> bool:
        """Whether the patient's record was restricted since, or is gone."""
        row = self._store.read(told.sender, "Patient", told.patient_id)
        return row is None or row.deleted or is_restricted(orjson.loads(row.body))

    def _asking(self, entry: Entry, told: KeptOccurrence, why: Why) -> Asking:
        return Asking(
            id=self.new_id(),
            entry=entry.id,
            team=entry.team,
            patient_id=told.patient_id,
            why=why,
        )

    def _recalls(self, told: Sequence[tuple[KeptOccurrence, Entry]]) -> tuple[Recall, ...]:
        ordered = sorted(told, key=lambda one: (one[0].at, one[0].id))
        return tuple(self._addressing.recall(one, OdsCode(entry.team)) for one, entry in ordered)


def _known(places: Sequence[bytes], found: Sequence[KeptOccurrence]) -> tuple[Known, ...]:
    return tuple(
        Known(place=place, expected=tuple(sorted(one.id for one in found if one.place == place)))
        for place in dict.fromkeys(places)
    )


def _in_force(found: Sequence[KeptOccurrence]) -> Iterator[KeptOccurrence]:
    """Yield what holds: nobody is told of what was withdrawn before they had the patient."""
    gone: set[str] = set()
    notices = {one.id: Notice.unpacked(one.body).communication for one in found}
    for i, later in enumerate(found):
        withdrawn = [
            one.id
            for one in found[:i]
            if one.sender == later.sender
            and takes_back(later.kind, notices[later.id], one.kind, notices[one.id])
        ]
        gone.update([*withdrawn, later.id] if withdrawn else [])
    yield from (one for one in found if one.id not in gone)

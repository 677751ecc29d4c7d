"""The caseloads of teams: what is on each list, and one transaction for all that changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

import orjson

from service.errors import Conflict
from service.model import Instant
from service.store import concerning, recalling, rows
from service.store.caseload_records import (
    Asking,
    Basis,
    Candidate,
    Entry,
    KeptOccurrence,
    ListChange,
    ListState,
    Lookup,
    Review,
)
from service.store.commit import RELAY, Stale
from service.store.database import Database, Duplicate, Params, Row, Transaction
from service.store.keys import search_key

SWEEP_EVERY: Final = 4096  # messages
KEPT_DAYS: Final = 92  # that an occurrence is kept at least: no backfill goes back further
_DAY: Final = 86_400_000_000  # microseconds

_ENTRY = """c.id, c.team, c.nhs_number, c.birth_date, c.family, c.given, c.postcode, c.kinds,
    c.basis, c.starts, c.ends, c.revision, c.added, c.added_by, c.changed, c.changed_by, c.ended,
    c.ended_by"""
FOUND_NUMBER = concerning.OF_NUMBER.replace("c.id, c.revision, ", f"{_ENTRY}, ", 1)
FOUND_LIKENESS = concerning.OF_LIKENESS.replace("c.id, c.revision, ", f"{_ENTRY}, ", 1)
LISTED = f"""
    SELECT {_ENTRY} FROM caseload c WHERE c.team = :team AND c.ended = 0 ORDER BY c.id"""  # noqa: S608
EVERY = f"""
    SELECT {_ENTRY} FROM caseload c WHERE c.team = :team ORDER BY c.id"""  # noqa: S608
ENTRY = f"SELECT {_ENTRY} FROM caseload c WHERE c.id = :id"  # noqa: S608
STATE = "SELECT version, updated FROM caseload_list WHERE team = :team"
LOCK_LIST = f"{STATE} FOR NO KEY UPDATE"
COUNT_LIST = """
    UPDATE caseload_list SET version = :version, updated = :updated WHERE team = :team"""
CHANGE = """
    UPDATE caseload SET revision = revision + 1, kinds = :kinds, basis = :basis, starts = :starts,
        ends = :ends, family = :family, given = :given, postcode = :postcode,
        likeness = :likeness, changed = :at, changed_by = :by
    WHERE id = :id AND ended = 0"""
END = "UPDATE caseload SET ended = :at, ended_by = :by WHERE id = :id AND ended = 0"
_REVIEW = "id, entry, team, patient_id, why, state, asked, decided, decided_by, reason"
REVIEWS = f"""
    SELECT {_REVIEW} FROM caseload_review
    WHERE team = :team AND state = :state AND id > :after ORDER BY id LIMIT :count"""  # noqa: S608
REVIEW = f"SELECT {_REVIEW} FROM caseload_review WHERE id = :id"  # noqa: S608
LOCK_REVIEW = "SELECT state FROM caseload_review WHERE id = :id FOR NO KEY UPDATE"
DECIDE = """
    UPDATE caseload_review SET state = :state, decided = :at, decided_by = :by, reason = :reason
    WHERE id = :id"""
TOLD = """
    SELECT DISTINCT d.recipient, d.sender FROM search_index s CROSS JOIN delivery d
    WHERE s.place = :place AND s.what = :what AND d.communication_id = s.id"""
TEAMS = "SELECT team FROM caseload_list ORDER BY team"


class Caseloads:
    """Every team's list. `tell` is told the feeds that have grown."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], Instant],
        tell: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._database, self._clock, self._tell = database, clock, tell
        self._told = 0

    def candidates(self, lookup: Lookup) -> list[Candidate]:
        """Return the entries at a place, of every team: the only look-up in a message's way."""
        sql = FOUND_LIKENESS if lookup.by_likeness else FOUND_NUMBER
        asked = {"place": lookup.place, "patient_id": lookup.patient_id}
        found = self._database.select(sql, asked)
        return [Candidate(entry=_entry(row[:-1]), decision=row[-1]) for row in found]

    def entries(self, team: str, *, ended_too: bool = False) -> list[Entry]:
        """Return a team's list, by when each was added."""
        sql = EVERY if ended_too else LISTED
        return [_entry(row) for row in self._database.select(sql, {"team": team})]

    def entry(self, id_: str) -> Entry | None:
        """Return one entry, ended or not."""
        found = self._database.select(ENTRY, {"id": id_})
        return _entry(found[0]) if found else None

    def state(self, team: str) -> ListState:
        """Return how a list stands; version 0 if there never was one."""
        for version, updated in self._database.select(STATE, {"team": team}):
            return ListState(version=version, updated=Instant(updated))
        return ListState()

    def teams(self) -> list[str]:
        """Return the ODS codes of those who keep a list."""
        return [team for (team,) in self._database.select(TEAMS, {})]

    def occurrences(self, places: Sequence[bytes], since: Instant) -> list[KeptOccurrence]:
        """Return what was told of whoever is found there, in the order of telling."""
        return recalling.occurrences(self._database, places, since)

    def told_discreetly(self, sender: str, patient_ids: Sequence[str]) -> set[str]:
        """Return who was told of these patients, and the sender has seen no notice to them."""
        keys = [("patient", f"Patient/{id_}") for id_ in patient_ids]
        asked = [(TOLD, search_key("Communication", *key)._asdict()) for key in keys]
        found = [row for rows_ in self._database.select_each(asked) for row in rows_]
        openly = {recipient for recipient, by in found if by == sender}
        return {recipient for recipient, by in found if by == RELAY} - openly

    def reviews(
        self, team: str, state: str = "open", after: str = "", count: int = 200
    ) -> list[Review]:
        """Return a team's near matches, oldest first."""
        asked = {"team": team, "state": state, "after": after, "count": count}
        return [_review(row) for row in self._database.select(REVIEWS, asked)]

    def review(self, id_: str) -> Review | None:
        """Return one near match."""
        found = self._database.select(REVIEW, {"id": id_})
        return _review(found[0]) if found else None

    def change(self, change: ListChange) -> ListState:
        """Carry a change out, and tell what it recalls as the next events of the team's feed.

        Raises Stale if the list, or what was told of those on it, changed meanwhile (look again),
        Conflict for a near match that was decided before.
        """
        try:
            state, numbers = self._database.write(lambda tx: self._carry_out(tx, change))
        except Duplicate as error:
            raise Stale("the patient was put on the list meanwhile") from error
        self._tell(numbers)
        return state

    def _carry_out(self, tx: Transaction, change: ListChange) -> tuple[ListState, dict[str, int]]:
        before = _lock(tx, change)
        at = Instant(max(self._clock(), before.updated + 1))
        params = {"team": change.team, "version": before.version + 1, "updated": at}
        told, numbers = recalling.deliver(tx, change.team, change.recalls, at)
        _write(tx, change, at)
        tx.run(COUNT_LIST, params)
        tx.insert("audit", [rows.audit(entry) for entry in change.audit])
        return ListState(version=before.version + 1, updated=at), numbers if told else {}

    def sweep_now_and_then(self) -> None:
        """Sweep once in many messages: another process may do it as well, which is no harm."""
        self._told += 1
        if self._told % SWEEP_EVERY == 0:
            self.sweep()

    def sweep(self, days: int = KEPT_DAYS) -> None:
        """Forget what was told so long ago that no backfill goes back to it."""
        floor = Instant(self._clock() - days * _DAY)
        self._database.write(lambda tx: recalling.forget(tx, floor))


def _lock(tx: Transaction, change: ListChange) -> ListState:
    """Hold the list and the places still. Raises Stale or Conflict."""
    tx.insert("caseload_list", [(change.team, 0, 0)], skip_known=True)
    [(version, updated)] = tx.select(LOCK_LIST, {"team": change.team})()
    if change.version not in (None, version):
        raise Stale("the list was changed meanwhile")
    tx.lock_names([concerning.lock_name(place) for place in change.places])
    recalling.verify(tx, change.known, change.since)
    if change.decided:
        _require_open(tx, change.decided)
    return ListState(version=version, updated=Instant(updated))


def _require_open(tx: Transaction, review: Review) -> None:
    for (state,) in tx.select(LOCK_REVIEW, {"id": review.id})():
        if state != "open":
            raise Conflict(f"This was decided before: {state}.")


def _write(tx: Transaction, change: ListChange, at: Instant) -> None:
    by = {"at": at, "by": change.by}
    tx.run_each(END, [{"id": entry.id, **by} for entry in change.ended])
    tx.run_each(CHANGE, [{**_changed(entry), **by} for entry in change.changed])
    tx.insert("caseload", [_row(entry, change.by, at) for entry in change.added])
    concerning.write_asked(tx, change.asked, at)
    if change.decided:
        given = change.decided
        params = {"id": given.id, "state": given.state, "reason": given.reason}
        tx.run(DECIDE, {**params, "at": at, "by": given.decided_by})


def _row(entry: Entry, by: str, at: Instant) -> Row:
    return (
        entry.id,
        entry.team,
        1,
        entry.number,
        entry.likeness,
        *(entry.nhs_number, entry.birth_date, entry.family, entry.given, entry.postcode),
        *_told(entry),
        *(entry.starts, entry.ends),
        *(at, entry.added_by or by, at, by, 0, ""),
    )


def _told(entry: Entry) -> Iterator[str]:
    yield orjson.dumps(entry.kinds).decode()
    yield orjson.dumps(asdict(entry.basis)).decode()


def _changed(entry: Entry) -> Params:
    kinds, basis = _told(entry)
    names = ("id", "starts", "ends", "family", "given", "postcode", "likeness")
    return {**{name: getattr(entry, name) for name in names}, "kinds": kinds, "basis": basis}


def _entry(row: Row) -> Entry:
    id_, team, number, born, family, given, postcode, kinds, basis, starts, ends, *rest = row
    revision, added, added_by, changed, changed_by, ended, ended_by = rest
    return Entry(
        id=id_,
        team=team,
        nhs_number=number,
        birth_date=born,
        family=family,
        given=given,
        postcode=postcode,
        kinds=tuple(orjson.loads(kinds)),
        basis=Basis(**orjson.loads(basis)),
        starts=starts,
        ends=ends,
        revision=revision,
        added=Instant(added),
        added_by=added_by,
        changed=Instant(changed),
        changed_by=changed_by,
        ended=Instant(ended),
        ended_by=ended_by,
    )


def _review(row: Row) -> Review:
    id_, entry, team, patient_id, why, state, asked, decided, decided_by, reason = row
    asking = Asking(id=id_, entry=entry, team=team, patient_id=patient_id, why=why)
    return Review(
        **asdict(asking),
        state=state,
        asked=Instant(asked),
        decided=Instant(decided),
        decided_by=decided_by,
        reason=reason,
    )

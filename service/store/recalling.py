"""What was told of a patient, told again to a team that has the patient from now on.

It becomes the next events of the team's feed, in the order in which it was told first, and each
of them once: a row remembers it.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from service.model import Instant
from service.store import feed, rows, versions
from service.store.caseload_records import KeptOccurrence, Known, Recall
from service.store.commit import Stale
from service.store.database import Database, Row, Transaction
from service.store.rows import Numbered, Stamped
from service.store.transaction import COUNT, LOCK_RECIPIENT, brought

AT_PLACE = """
    SELECT o.id, o.at, o.sender, o.message_id, o.kind, o.patient_id, o.place, o.nhs_number,
        o.birth_date, o.seen, o.told, o.body
    FROM occurrence o WHERE o.place = :place AND o.at >= :since"""
LATER = """
    SELECT r.occurrence, r.team FROM occurrence o CROSS JOIN recalled r
    WHERE o.place = :place AND o.at >= :since AND r.occurrence = o.id"""
IDS_AT_PLACE = """
    SELECT o.id FROM occurrence o WHERE o.place = :place AND o.at >= :since ORDER BY o.id"""
# Ids begin with the time they were made at, so the oldest are the first by id.
OLDEST = (
    """
    DELETE FROM recalled WHERE occurrence < :floor""",
    """
    DELETE FROM occurrence WHERE id < :floor""",
)


def occurrences(
    database: Database, places: Sequence[bytes], since: Instant
) -> list[KeptOccurrence]:
    """Return the occurrences at these places, in the order of telling."""
    asked = [
        (sql, {"place": place, "since": since}) for place in places for sql in (AT_PLACE, LATER)
    ]
    found = database.select_each(asked)
    later: dict[str, list[str]] = {}
    for id_, team in (row for rows_ in found[1::2] for row in rows_):
        later.setdefault(id_, []).append(team)
    kept = [_occurrence(row, later) for rows_ in found[::2] for row in rows_]
    return sorted(kept, key=lambda one: (one.at, one.id))


def verify(tx: Transaction, known: Sequence[Known], since: Instant) -> None:
    """Raise Stale if more was told meanwhile of somebody at these places."""
    asked = [{"place": one.place, "since": since} for one in known]
    for one, found in zip(known, tx.select_each(IDS_AT_PLACE, asked), strict=True):
        if tuple(id_ for (id_,) in found()) != one.expected:
            raise Stale("more was told of the patient meanwhile")


def deliver(
    tx: Transaction, team: str, recalls: Sequence[Recall], clock: Instant
) -> tuple[bool, dict[str, int]]:
    """Write the next events of a team's feed. Raises Duplicate if one was told before."""
    if not recalls:
        return False, {}
    feed.begin(tx, [team])
    [(n, updated)] = tx.select(LOCK_RECIPIENT, {"ods": team})()
    first = max(clock, updated + 1)
    for k, recall in enumerate(recalls):
        _write(tx, recall, Numbered(recall.delivery, n + k + 1, Instant(first + k)))
    last = n + len(recalls)
    tx.run(COUNT, {"ods": team, "n": last, "updated": first + len(recalls) - 1})
    return True, {team: last}


def _write(tx: Transaction, recall: Recall, numbered: Numbered) -> None:
    told, delivery = recall.occurrence, recall.delivery
    keys = rows.delivery_keys(delivery)
    if delivery.task:
        versions.create(tx, [Stamped(delivery.task, numbered.ts)], told.message_id)
        keys += rows.resource_keys(delivery.task)
    tx.insert("delivery", [rows.delivered(numbered, told.sender, told.message_id)])
    due = rows.deadline(numbered, told.sender, told.message_id)
    tx.insert("deadline", [due] if due else [])
    tx.insert("search_index", sorted(keys))
    seen = brought(numbered, told.sender, set(told.seen))
    tx.insert("visible", sorted(seen), skip_known=True)
    tx.insert("recalled", [(told.id, delivery.recipient)])


def forget(tx: Transaction, before: Instant) -> None:
    """Remove what was told before an instant."""
    milliseconds = f"{before // 1000:012x}"
    for sql in OLDEST:
        tx.run(sql, {"floor": f"{milliseconds[:8]}-{milliseconds[8:]}"})


def _occurrence(row: Row, later: dict[str, list[str]]) -> KeptOccurrence:
    id_, at, sender, message_id, kind, patient_id, place, number, born, seen, told, body = row
    return KeptOccurrence(
        id=id_,
        at=Instant(at),
        sender=sender,
        message_id=message_id,
        kind=kind,
        patient_id=patient_id,
        place=bytes(place),
        nhs_number=number,
        birth_date=born,
        seen=tuple((type_, id_) for type_, id_ in orjson.loads(seen)),
        told=(*orjson.loads(told), *later.get(id_, ())),
        body=bytes(body),
    )

"""What the transaction of a message does about caseloads: looks again under lock, and remembers.

A message locks the place of its patient and finds the entries there as it found them before; who
changes a list locks the same places. So an entry that is added meanwhile is neither missed nor
told twice: one of the two waits for the other, and sees what it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from service.model import Instant
from service.store.caseload_records import Asking, Concerned, Lookup, Occurrence
from service.store.commit import Reference, Stale
from service.store.database import Row, Rows, Transaction

DECIDED = """
    LEFT JOIN caseload_review r ON r.entry = c.id AND r.patient_id = :patient_id"""
OF_NUMBER = f"""
    SELECT c.id, c.revision, COALESCE(r.state, '') FROM caseload c {DECIDED}
    WHERE c.number = :place AND c.ended = 0 ORDER BY c.id"""  # noqa: S608
OF_LIKENESS = OF_NUMBER.replace("c.number", "c.likeness")


def lock_name(place: bytes) -> str:
    """Return under which name a place is locked."""
    return f"caseload\n{place.hex()}"


def ask(tx: Transaction, lookup: Lookup) -> Rows:
    """Ask for the entries at a place."""
    sql = OF_LIKENESS if lookup.by_likeness else OF_NUMBER
    return tx.select(sql, {"place": lookup.place, "patient_id": lookup.patient_id})


def verify(concerned: Sequence[Concerned], found: Sequence[Rows]) -> None:
    """Raise Stale if an entry came, went or changed since it was looked for."""
    for one, rows in zip(concerned, found, strict=True):
        if tuple(tuple(row) for row in rows()) != one.lookup.expected:
            raise Stale("a caseload was changed meanwhile")


def remember(
    tx: Transaction,
    concerned: Sequence[Concerned],
    message: tuple[str, str],
    seen: Iterable[Reference],
    at: Instant,
) -> None:
    """Write what was told, and what a person is to look at. `message`: (sender, id)."""
    occurrences = [one.occurrence for one in concerned if one.occurrence]
    references = _json(seen)
    tx.insert("occurrence", [_row(o, message, references, at) for o in occurrences])
    write_asked(tx, [asking for one in concerned for asking in one.asked], at)


def write_asked(tx: Transaction, asked: Sequence[Asking], at: Instant) -> None:
    """Write near matches; a pair that was asked about before is not asked about again."""
    rows = [(a.id, a.entry, a.patient_id, a.team, a.why, "open", at, 0, "", "") for a in asked]
    tx.insert("caseload_review", rows, skip_known=True)


def _json(values: Iterable[str] | Iterable[Reference]) -> str:
    return orjson.dumps(sorted(set(values))).decode()


def _row(occurrence: Occurrence, message: tuple[str, str], seen: str, at: Instant) -> Row:
    return (
        occurrence.id,
        at,
        *message,
        occurrence.kind,
        occurrence.patient_id,
        occurrence.place,
        occurrence.nhs_number,
        occurrence.birth_date,
        seen,
        _json(occurrence.told),
        occurrence.body,
    )

"""What evaluation counts: notices with what became of them, and what teams did with patients.

Nothing of a message is read for it: columns and the steps that were noted when a Task moved on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.model import Instant
from service.store.commit import OUTCOMES, Write
from service.store.database import Database, Transaction

_NOTICES = """
    SELECT d.recipient, d.sender, d.patient_id, d.nhs_number, w.role, d.ts,
        (SELECT MIN(at) FROM reached WHERE task_id = w.task_id AND step = 'received'),
        (SELECT MIN(at) FROM reached WHERE task_id = w.task_id AND step = 'answered'),
        (SELECT MIN(at) FROM reached WHERE task_id = w.task_id AND step = 'escalated'),
        (SELECT MIN(at) FROM reached WHERE task_id = w.task_id AND step = 'cancelled')
    FROM delivery d JOIN deadline w ON w.recipient = d.recipient AND w.n = d.n
    WHERE {whose} AND d.updated >= :since AND d.ts >= :since AND d.ts < :until"""
OF_TEAM = _NOTICES.format(whose="d.recipient = :ods")
OF_TRUST = _NOTICES.format(whose="d.sender = :ods")
DONE = """
    SELECT d.recipient, d.sender, d.patient_id, d.nhs_number, r.step, r.at
    FROM reached r JOIN deadline w ON w.task_id = r.task_id
        JOIN delivery d ON d.recipient = w.recipient AND d.n = w.n
    WHERE r.step = :step AND r.at >= :since AND r.at < :until"""
SHORTENED = "SELECT recipient FROM feed_floor WHERE updated >= :since ORDER BY recipient"
UNSAY = "DELETE FROM reached WHERE task_id = :task_id AND step = :step AND at = :at"
_FEEDS = "SELECT ods FROM recipient ORDER BY ods"

_AT_ONCE = 20  # feeds in one round trip


class Noticed(NamedTuple):
    """One notice that asked for an answer. Instants are microseconds; None: not yet, or never."""

    recipient: str  # ODS code
    sender: str  # ODS code; "": its sender was not told whom it went to
    patient_id: str
    nhs_number: str
    role: str  # action | information
    sent: int
    received: int | None
    answered: int | None
    escalated: int | None
    cancelled: int | None


class Done(NamedTuple):
    """What a team recorded that it did with a patient."""

    recipient: str
    sender: str
    patient_id: str
    nhs_number: str
    step: str  # one of OUTCOMES
    at: int  # microseconds: the day's beginning


class Evaluations:
    """Reads for figures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def to_teams(self, since: int, until: int, teams: Sequence[str] = ()) -> Iterator[Noticed]:
        """Yield the notices that were sent in a time, to these teams or to everybody."""
        wanted = teams or [ods for (ods,) in self._database.select(_FEEDS, {})]
        params = {"since": since, "until": until}
        for k in range(0, len(wanted), _AT_ONCE):
            asked = [(OF_TEAM, {**params, "ods": ods}) for ods in wanted[k : k + _AT_ONCE]]
            for rows in self._database.select_each(asked):
                yield from map(Noticed._make, rows)

    def of_trust(self, since: int, until: int, trust: str) -> list[Noticed]:
        """Return the notices that a trust's messages brought in a time, as far as it may know."""
        params = {"since": since, "until": until, "ods": trust}
        return list(map(Noticed._make, self._database.select(OF_TRUST, params)))

    def done(self, since: int, until: int) -> list[Done]:
        """Return what teams recorded for a time."""
        params = {"since": since, "until": until}
        found = self._database.select_each([(DONE, {**params, "step": s}) for s in OUTCOMES])
        return [Done._make(row) for rows in found for row in rows]

    def shortened(self, since: int) -> list[str]:
        """Return the recipients of whose feeds something after `since` is no longer kept."""
        return [ods for (ods,) in self._database.select(SHORTENED, {"since": since})]


def note(tx: Transaction, writes: Sequence[Write], updated: Instant) -> None:
    """Write down what these versions of Tasks have reached; the same again changes nothing."""
    for write in writes:
        for said in write.unsaid:
            tx.run(UNSAY, {"task_id": write.id, **said._asdict()})
    rows = [(w.id, one.step, one.at or updated) for w in writes for one in w.reached]
    if rows:
        tx.insert("reached", sorted(rows), skip_known=True)

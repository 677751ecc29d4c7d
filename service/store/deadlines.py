"""Until when recipients are to answer, and what is done next for those who do not.

A row is written with the Task that it is about, and moved on with the Task's later versions, in
the same transaction: what a worker finds here is as true as the Task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from service.store.commit import Step, Write
from service.store.database import Database, Transaction

LATER = 1 << 62  # a step's time: never, unless somebody answers
TAKEN = "taken"  # the step of those who need not act any more, since another does

_WAITING = """
    SELECT task_id, message_id, communication_id, recipient, n, sender, role, due, step, next_at,
        instead_of, chase
    FROM deadline WHERE {where}"""
DUE = _WAITING.format(
    where="next_at > 0 AND next_at <= :now ORDER BY next_at, task_id LIMIT :count"
)
UNANSWERED = _WAITING.format(
    where="""next_at > 0 AND (next_at, task_id) > (:next_at, :after)
    ORDER BY next_at, task_id LIMIT :count"""
)
OF_TEAM = _WAITING.format(
    where="""recipient = :recipient AND n > :after AND next_at > 0 AND role = 'action'
    ORDER BY n LIMIT :count"""
)
OF_MESSAGE = _WAITING.format(where="message_id = :message_id ORDER BY task_id")
ONE = _WAITING.format(where="task_id = :task_id")
# Whoever answers holds the counter of the sender, so that two answers to one message do not wait
# for each other's rows.
MOVE = "UPDATE deadline SET step = :step, next_at = :at WHERE task_id = :task_id AND next_at > 0"
MOVE_FROM = MOVE + " AND step = :was"
TELL_OTHERS = """
    UPDATE deadline SET step = 'taken', next_at = :at
    WHERE message_id = (SELECT message_id FROM deadline WHERE task_id = :task_id)
        AND task_id <> :task_id AND next_at > 0 AND (instead_of = :task_id
            OR chase = (SELECT chase FROM deadline WHERE task_id = :task_id))"""
_PAGE = 500


class Waiting(NamedTuple):
    """One recipient's answer that is, or was, waited for."""

    task_id: str
    message_id: str  # the message that it is about
    communication_id: str
    recipient: str  # ODS code
    n: int  # event number in the recipient's feed
    sender: str  # ODS code
    role: str  # action | information
    due: int  # microseconds
    step: str
    next_at: int  # microseconds; 0: answered
    instead_of: str  # id of the Task of the team in whose place it is asked
    chase: str  # id of the Task whose answer is this one's too

    @property
    def is_answered(self) -> bool:
        """Whether nothing is waited for any more."""
        return self.next_at == 0


class Deadlines:
    """What is waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: int, count: int = 100) -> list[Waiting]:
        """Return those with a step to be taken by now, the longest due first."""
        rows = self._database.select(DUE, {"now": now, "count": count})
        return list(map(Waiting._make, rows))

    def late(self, now: int) -> list[Waiting]:
        """Return those that should have answered before now and have not, earliest due first."""
        return sorted((one for one in self._unanswered() if one.due <= now), key=_by_due)

    def count(self, now: int) -> tuple[int, int]:
        """Return how many are waited for, and how many of them are late, those to act only."""
        due = [one.due for one in self._unanswered() if one.role == "action"]
        return len(due), sum(moment <= now for moment in due)

    def of_team(self, recipient: str, count: int) -> list[Waiting]:
        """Return what a team is still to answer, the oldest first."""
        params = {"recipient": recipient, "after": 0, "count": count}
        return list(map(Waiting._make, self._database.select(OF_TEAM, params)))

    def of_message(self, message_id: str) -> list[Waiting]:
        """Return those of one message, stand-ins too, in the order in which they were asked."""
        rows = self._database.select(OF_MESSAGE, {"message_id": message_id})
        return list(map(Waiting._make, rows))

    def get(self, task_id: str) -> Waiting | None:
        """Return the one of a Task."""
        rows = self._database.select(ONE, {"task_id": task_id})
        return Waiting._make(rows[0]) if rows else None

    def end(self, waiting: Waiting) -> None:
        """Wait for nothing any more, unless another step has come meanwhile; tell nobody."""
        self._move(waiting, "ended", 0)

    def put_off(self, waiting: Waiting, at: int) -> None:
        """Take the same step later, unless it was taken meanwhile."""
        self._move(waiting, waiting.step, at)

    def _move(self, waiting: Waiting, step: str, at: int) -> None:
        params = {"task_id": waiting.task_id, "was": waiting.step, "step": step, "at": at}
        self._database.write(lambda tx: tx.run(MOVE_FROM, params))

    def _unanswered(self) -> list[Waiting]:
        found: list[Waiting] = []
        place = {"next_at": 0, "after": ""}
        while True:
            rows = self._database.select(UNANSWERED, {**place, "count": _PAGE})
            found += map(Waiting._make, rows)
            if len(rows) < _PAGE:
                return found
            place = {"next_at": found[-1].next_at, "after": found[-1].task_id}


def follow(tx: Transaction, writes: Sequence[Write], now: int) -> None:
    """Move the deadlines of Tasks on with these versions of them."""
    for write in sorted(writes, key=lambda one: one.id):
        if write.step is None:
            continue
        key = {"task_id": write.id}
        if write.step == Step():
            tx.run(TELL_OTHERS, {**key, "at": now})
        tx.run(MOVE, {**key, "step": write.step.name, "at": write.step.at})


def _by_due(one: Waiting) -> tuple[int, str]:
    return one.due, one.task_id

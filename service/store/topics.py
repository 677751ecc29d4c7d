"""The events of a topic for one team, numbered 1, 2, 3 … without gaps.

A team's feed is numbered by the commits themselves. Other topics are gathered from it: whatever
changed up to the latest instant of the team's counter is committed, so that nothing can appear
before it later.
"""

from __future__ import annotations

from typing import Final

from service.errors import Gone
from service.store import feed
from service.store.database import Database, Params, Row, Transaction
from service.store.records import Event, Head, Page

FEED: Final = "communication"  # the topic that is the feed itself
CHANGED_COMMUNICATIONS: Final = "communication-changed"
TASKS: Final = "task"

COUNTER = "SELECT updated FROM recipient WHERE ods = :recipient"
LOCK_COUNTER = COUNTER + " FOR NO KEY UPDATE"
STAND = "SELECT n, since FROM topic WHERE recipient = :recipient AND name = :name"
LOCK_STAND = STAND + " FOR NO KEY UPDATE"
MOVE = "UPDATE topic SET n = :n, since = :since WHERE recipient = :recipient AND name = :name"
PAGE = """
    SELECT n, at, focus, version FROM topic_event
    WHERE recipient = :recipient AND name = :name AND n > :after ORDER BY n LIMIT :count"""
SWEEP_EVERY: Final = 256  # events
KEPT: Final = 92 * 86_400 * 1_000_000  # microseconds that an event is kept which was sent
FIRST = "SELECT MIN(n) FROM topic_event WHERE recipient = :recipient AND name = :name"
# Until which event everybody who is sent them has them; those of a stopped subscription wait.
SENT = """
    SELECT MIN(c.n) FROM subscription s CROSS JOIN channel c
    WHERE s.recipient = :recipient AND s.topic = :name
        AND s.status IN ('requested', 'active', 'error')
        AND c.recipient = s.recipient AND c.name = 'rest-hook/' || s.id"""
SWEEP = """
    DELETE FROM topic_event
    WHERE recipient = :recipient AND name = :name AND n <= :upto AND at < :before"""
_CHANGED = {
    CHANGED_COMMUNICATIONS: """
        SELECT updated, communication_id, version FROM delivery
        WHERE recipient = :recipient AND updated > :since AND updated <= :upto AND version > 1
        ORDER BY updated, n""",
    TASKS: """
        SELECT r.updated, r.id, r.version FROM resource r
            JOIN visible v ON v.id = r.id AND v.type = r.type AND v.organisation = :recipient
        WHERE r.updated > :since AND r.updated <= :upto AND r.type = 'Task' AND NOT r.deleted
        ORDER BY r.updated, r.id""",
}


def head(database: Database, recipient: str, name: str) -> Head:
    """Return how far the events reach."""
    if name == FEED:
        return feed.head(database, recipient)
    gather(database, recipient, name)
    found = database.select(STAND, {"recipient": recipient, "name": name})
    return Head(n=found[0][0]) if found else Head()


def events(database: Database, recipient: str, name: str, after: int | None, count: int) -> Page:
    """Return events with n > after; those of other topics than the feed without a body.

    None starts at the oldest kept.

    Raises Gone if some of them are no longer kept.
    """
    if name == FEED:
        return feed.feed(database, recipient, after, count)
    reached = head(database, recipient, name)
    floor = _floor(database, recipient, name, reached.n)
    if after is not None and after < floor:
        raise Gone(f"Events up to {floor} are no longer kept; begin with {floor + 1}.")
    key = {"recipient": recipient, "name": name, "after": after or floor, "count": count}
    found = tuple(Event._make((*row, b"")) for row in database.select(PAGE, key))
    return Page(events=found, head=reached.n, floor=floor)


def _floor(database: Database, recipient: str, name: str, last: int) -> int:
    """Return the last event that was swept away, 0 for none."""
    [(first,)] = database.select(FIRST, {"recipient": recipient, "name": name})
    return last if first is None else int(first) - 1


def begin(tx: Transaction, recipient: str, name: str) -> int:
    """Return the number of the last event there is; from here on nothing is missed."""
    key = {"recipient": recipient, "name": name}
    feed.begin(tx, [recipient])
    [(updated,)] = tx.select(LOCK_COUNTER, key)()
    if name == FEED:
        [(n,)] = tx.select("SELECT n FROM recipient WHERE ods = :recipient", key)()
        return int(n)
    tx.insert("topic", [(recipient, name, 0, updated)], skip_known=True)
    return _gathered(tx, recipient, name, updated)


def gather(database: Database, recipient: str, name: str) -> None:
    """Number what has changed since the last time."""
    key = {"recipient": recipient, "name": name}
    stand, counter = database.select(STAND, key), database.select(COUNTER, key)
    if stand and counter and counter[0][0] > stand[0][1]:
        database.write(lambda tx: _gathered(tx, recipient, name, counter[0][0]))


def _gathered(tx: Transaction, recipient: str, name: str, upto: int) -> int:
    key = {"recipient": recipient, "name": name}
    [(n, since)] = tx.select(LOCK_STAND, key)()
    if upto <= since:
        return int(n)
    rows: list[Row] = tx.select(_CHANGED[name], {**key, "since": since, "upto": upto})()
    numbered = [(recipient, name, n + i, *row) for i, row in enumerate(rows, 1)]
    tx.insert("topic_event", numbered)
    tx.run(MOVE, {**key, "n": n + len(rows), "since": upto})
    if (n + len(rows)) // SWEEP_EVERY > n // SWEEP_EVERY:
        _sweep(tx, key, n, upto - KEPT)
    return int(n) + len(rows)


def _sweep(tx: Transaction, key: Params, last: int, before: int) -> None:
    """Remove events that are old, and that nobody waits for."""
    [(sent,)] = tx.select(SENT, key)()
    upto = last if sent is None else sent
    tx.run(SWEEP, {**key, "upto": upto, "before": before})

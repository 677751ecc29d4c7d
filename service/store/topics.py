"""The events of a topic for one team, numbered 1, 2, 3 … without gaps.

A team's feed is numbered by the commits themselves. Other topics are gathered from it: whatever
changed up to the latest instant of the team's counter is committed, so that nothing can appear
before it later.
"""

from __future__ import annotations

from typing import Final

from service.store import feed
from service.store.database import Database, Row, Transaction
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
    key = {"recipient": recipient, "name": name, "after": after or 0, "count": count}
    found = tuple(Event._make((*row, b"")) for row in database.select(PAGE, key))
    return Page(events=found, head=reached.n, floor=0)


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
    return int(n) + len(rows)

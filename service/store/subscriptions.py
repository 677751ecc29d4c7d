"""Subscriptions: who wants to be told of what, where, and in what state that is.

How far one was told is its place in `channel`, which is made in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from service.errors import UnmappableMessage
from service.model import Instant
from service.store import topics
from service.store.commit import NEVER, Stale
from service.store.database import Database, Row, Transaction
from service.store.records import Head, Page

MOST: Final = 50  # of one team
_ALL = """
    SELECT id, recipient, client, scopes, version, status, topic, headers, body, begins, ends,
        created, updated, reason
    FROM subscription WHERE """
GET = _ALL + "id = :id AND recipient = :recipient"
LIST = _ALL + "recipient = :recipient AND status <> 'deleted' ORDER BY id"
EVERY = _ALL + "status <> 'deleted' ORDER BY id"
LIVE = _ALL + "status IN ('requested', 'active', 'error') ORDER BY id"
LOCK = GET + " FOR NO KEY UPDATE"
SAVE = """
    UPDATE subscription SET client = :client, scopes = :scopes, version = :version,
        status = :status, headers = :headers, body = :body, ends = :ends, updated = :updated,
        reason = :reason
    WHERE id = :id"""
GO_ON = """
    UPDATE channel SET state = 'active', attempts = 0, next_at = 0, reason = '',
        updated = :updated
    WHERE recipient = :recipient AND name = :name"""
STATES = "SELECT recipient, name, state, reason FROM channel WHERE name LIKE 'rest-hook/%'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """One subscription, its secrets too."""

    id: str
    recipient: str  # ODS code
    client: str
    scopes: str
    version: int = 1
    status: str = "requested"  # requested | active | error | off | deleted
    topic: str
    headers: str  # JSON list of "Name: value"; secret
    body: bytes  # the resource without headers, status, id and meta
    begins: int = 0  # events up to this number were there before
    ends: int = 0  # microseconds; 0: no end
    created: Instant = NEVER
    updated: Instant = NEVER
    reason: str = ""  # of its state

    @property
    def channel(self) -> str:
        """The name of its place in the feed."""
        return f"rest-hook/{self.id}"


class Subscriptions:
    """Kept by id; everything is asked for as the team whose they are."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database, self._clock = database, clock

    def create(self, wanted: Subscription) -> Subscription:
        """Begin behind the last event there is. Raises UnmappableMessage for one too many."""
        return self._database.write(lambda tx: self._create(tx, wanted))

    def _create(self, tx: Transaction, wanted: Subscription) -> Subscription:
        begins = topics.begin(tx, wanted.recipient, wanted.topic)
        if len(tx.select(LIST, {"recipient": wanted.recipient})()) >= MOST:
            raise UnmappableMessage(f"An organisation has {MOST} subscriptions at most.")
        now = self._clock()
        made = replace(wanted, begins=begins, created=now, updated=now)
        tx.insert("subscription", [_row(made)])
        place = (made.recipient, made.channel, "active", begins, 0, 0, 0, 0, "", now)
        tx.insert("channel", [place])
        return made

    def get(self, recipient: str, id_: str) -> Subscription | None:
        """Return one of a team's, a deleted one too."""
        found = self._database.select(GET, {"recipient": recipient, "id": id_})
        return _read(found[0]) if found else None

    def of(self, recipient: str) -> list[Subscription]:
        """Return a team's, by id."""
        return [_read(row) for row in self._database.select(LIST, {"recipient": recipient})]

    def every(self) -> list[Subscription]:
        """Return every team's, for operators."""
        return [_read(row) for row in self._database.select(EVERY, {})]

    def live(self) -> list[tuple[Subscription, str, str]]:
        """Return every team's that are not off, with the state of their places and its reason."""
        states = {row[:2]: row[2:] for row in self._database.select(STATES, {})}
        found = [_read(row) for row in self._database.select(LIVE, {})]
        return [(one, *states.get((one.recipient, one.channel), ("active", ""))) for one in found]

    def change(self, known: Subscription, changed: Subscription) -> Subscription:
        """Write the next version of `known`; asked for again, its place goes on.

        Raises Stale if another was faster.
        """
        return self._database.write(lambda tx: self._change(tx, known, changed))

    def _change(self, tx: Transaction, known: Subscription, changed: Subscription) -> Subscription:
        found = tx.select(LOCK, {"recipient": known.recipient, "id": known.id})()
        if not found or _read(found[0]).version != known.version:
            raise Stale
        new = replace(changed, version=known.version + 1, updated=self._clock())
        tx.run(SAVE, dict(zip(Subscription.__dataclass_fields__, _row(new), strict=True)))
        if new.status == "requested":
            place = {"recipient": new.recipient, "name": new.channel, "updated": new.updated}
            tx.run(GO_ON, place)
        return new

    def delete(self, known: Subscription) -> None:
        """Delete: its secrets are forgotten at once. Raises Stale if another was faster."""
        gone = replace(known, status="deleted", headers="[]", reason="deleted by its owner")
        self.change(known, gone)

    # --- its events --------------------------------------------------------------------------

    def head(self, recipient: str, topic: str) -> Head:
        """Return how far a topic's events reach."""
        return topics.head(self._database, recipient, topic)

    def events(self, recipient: str, topic: str, after: int | None, count: int) -> Page:
        """Return a topic's events with n > after. Raises Gone as Store.feed does."""
        return topics.events(self._database, recipient, topic, after, count)


def _row(subscription: Subscription) -> Row:
    return tuple(getattr(subscription, name) for name in Subscription.__dataclass_fields__)


def _read(row: Row) -> Subscription:
    read = dict(zip(Subscription.__dataclass_fields__, row, strict=True))
    return Subscription(**{**read, "body": bytes(read["body"])})

"""Feeds: how far each may be cut off, and cutting it off a few events at a time.

The floor passes an event only if it is old, nobody's answer to it is waited for, and every
channel of its recipient has handed it over. What is under a hold stays behind the floor: it can
still be read and found, and is no event of a feed any more. So does what a team was sent without
its sender being told: while the patient's record is there it says from whom that team is hidden,
and it goes with the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from service.store import feed
from service.store.commit import RELAY
from service.store.database import Transaction
from service.store.keys import search_key
from service.store.retention.holds import LOCK, Ask, InForce
from service.store.retention.removal import KeptEvent, Member, remove_event, remove_resource
from service.store.topics import FEED

BATCH: Final = 40  # events of one transaction: some tens of milliseconds
_EVENT: Final = """
    SELECT recipient, n, ts, updated, communication_id, version, sender, message_id, nhs_number,
        keys
    FROM delivery WHERE {where} ORDER BY n LIMIT :count"""
NEXT: Final = _EVENT.format(where="recipient = :recipient AND n > :after")
BEHIND: Final = _EVENT.format(where="recipient = :recipient AND n > :after AND n <= :floor")
AWAITED: Final = """
    SELECT n, next_at FROM deadline WHERE recipient = :recipient AND n > :after AND n <= :last"""
PLACES: Final = "SELECT name, n FROM channel WHERE recipient = :recipient"
SUBSCRIBED: Final = """
    SELECT status, topic FROM subscription WHERE recipient = :recipient AND id = :id"""
UNCONFIRMED: Final = """
    SELECT MIN(n) FROM dispatch
    WHERE recipient = :recipient AND channel = :channel AND n > :after AND n <= :last
        AND state IN ('sent', 'undelivered')"""
TASKS: Final = """
    SELECT r.type, r.id, r.version, r.updated, r.owner, r.message_id, r.media_type, r.keys, r.body
    FROM search_index s CROSS JOIN resource r
    WHERE s.place = :place AND r.id = s.id AND r.type = 'Task' AND NOT r.deleted"""
LOCK_FLOOR: Final = "SELECT floor FROM recipient WHERE ods = :recipient FOR NO KEY UPDATE"
FLOOR: Final = "SELECT floor FROM recipient WHERE ods = :recipient"
_HOOK: Final = "rest-hook/"
_UNANSWERED: Final = ("requested", "received")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What becomes of the next events of one feed."""

    floor: int  # where it comes to stand
    gone: tuple[tuple[KeptEvent, tuple[Member, ...]], ...] = ()  # with their Tasks
    held: tuple[KeptEvent, ...] = ()
    stays: str = ""  # why the next event stays; "": nobody looked at it, or there is none
    n: int = 0  # its number
    channels: tuple[str, ...] = field(default=())


def cut(ask: Ask, recipient: str, after: int, limit: int, holds: InForce) -> Cut:
    """Say what becomes of the events with n > after."""
    key = {"recipient": recipient, "after": after}
    events = [KeptEvent._make(row) for row in ask(NEXT, {**key, "count": BATCH})]
    if not events or events[0].ts >= limit:
        return Cut(floor=after)
    last = events[-1].n
    awaited: dict[int, int] = dict(ask(AWAITED, {**key, "last": last}))
    places: dict[str, int] = dict(ask(PLACES, key))
    sent = min(
        (sent_to(ask, recipient, name, n, (after, last)) for name, n in places.items()),
        default=last,
    )
    gone: list[tuple[KeptEvent, tuple[Member, ...]]] = []
    held: list[KeptEvent] = []
    floor = after
    for event in events:
        tasks = _tasks(ask, event)
        stays = _why(event, tasks, limit, awaited.get(event.n), sent)
        if stays:
            return Cut(
                floor=floor,
                gone=tuple(gone),
                held=tuple(held),
                stays=stays,
                n=event.n,
                channels=tuple(places),
            )
        floor = event.n
        if is_held(event, holds):
            held.append(event)
        elif event.sender != RELAY:
            gone.append((event, tasks))
    return Cut(floor=floor, gone=tuple(gone), held=tuple(held), channels=tuple(places))


def released(ask: Ask, recipient: str, after: int, holds: InForce) -> tuple[list[KeptEvent], int]:
    """Return events behind the floor that nobody holds any more, and how far was looked."""
    [(floor,)] = ask(FLOOR, {"recipient": recipient}) or [(0,)]
    asked = {"recipient": recipient, "after": after, "floor": floor, "count": BATCH}
    events = [KeptEvent._make(row) for row in ask(BEHIND, asked)]
    free = [one for one in events if one.sender != RELAY and not is_held(one, holds)]
    return free, events[-1].n if events else 0


def _why(
    event: KeptEvent, tasks: Sequence[Member], limit: int, next_at: int | None, sent: int
) -> str:
    """Return why the floor does not pass an event; "young" is no reason to tell anybody."""
    if max(event.ts, event.updated, *(task.updated for task in tasks), 0) >= limit:
        return "young"
    if next_at or (next_at is None and any(map(_is_open, tasks))):
        return "not acknowledged"
    return "not sent" if event.n > sent else ""


def _is_open(task: Member) -> bool:
    """Whether a Task without a deadline still waits for its answer."""
    return orjson.loads(task.body).get("status") in _UNANSWERED


def _tasks(ask: Ask, event: KeptEvent) -> tuple[Member, ...]:
    """Return the Tasks whose focus the event's Communication is."""
    focus = ("focus", f"Communication/{event.communication_id}")
    found = ask(TASKS, {"place": search_key("Task", *focus).place})
    every = {row[1]: Member._make(row) for row in found}
    return tuple(task for task in every.values() if focus in task.named())


def sent_to(ask: Ask, recipient: str, channel: str, n: int, among: tuple[int, int]) -> int:
    """Return up to which event of some a channel has handed everything over."""
    after, last = among
    if channel.startswith(_HOOK):
        key = {"recipient": recipient, "id": channel.removeprefix(_HOOK)}
        live = [
            status in ("requested", "active", "error") and topic == FEED
            for status, topic in ask(SUBSCRIBED, key)
        ]
        return n if any(live) else last
    range_ = {"recipient": recipient, "channel": channel, "after": after, "last": last}
    [(first,)] = ask(UNCONFIRMED, range_)
    return n if first is None else min(n, first - 1)


def is_held(event: KeptEvent, holds: InForce) -> bool:
    """Whether an event must stay."""
    return (
        event.nhs_number in holds.numbers
        or event.message_id in holds.messages
        or not holds.teams.isdisjoint((event.recipient, event.sender))
    )


def carry_out(tx: Transaction, recipient: str, limit: int, at: int) -> Cut:
    """Cut off the next events of a feed; commits to it wait meanwhile."""
    ask = asking(tx)
    tx.lock_names([LOCK])
    [(floor,)] = tx.select(LOCK_FLOOR, {"recipient": recipient})()
    found = cut(ask, recipient, floor, limit, InForce.at(ask))
    for event, tasks in found.gone:
        _remove(tx, event, tasks, found.channels, at)
    if found.floor > floor:
        passed = [event.updated for event, _ in found.gone]
        feed.raise_floor(tx, recipient, found.floor, max(passed, default=0))
    return found


def let_go(tx: Transaction, recipient: str, after: int, at: int) -> tuple[list[KeptEvent], int]:
    """Remove what stayed behind the floor for a hold that was lifted."""
    ask = asking(tx)
    tx.lock_names([LOCK])
    events, upto = released(ask, recipient, after, InForce.at(ask))
    for event in events:
        drop(tx, event, _tasks(ask, event), at)
    return events, upto


def drop(tx: Transaction, event: KeptEvent, tasks: Sequence[Member], at: int) -> None:
    """Remove an event that is behind the floor already."""
    channels = [name for name, _ in tx.select(PLACES, {"recipient": event.recipient})()]
    _remove(tx, event, tasks, channels, at)
    feed.raise_floor(tx, event.recipient, 0, event.updated)


def _remove(
    tx: Transaction,
    event: KeptEvent,
    tasks: Sequence[Member],
    channels: Sequence[str],
    at: int,
) -> None:
    for task in tasks:
        remove_resource(tx, task, at)
    remove_event(tx, event, channels, at)


def asking(tx: Transaction) -> Ask:
    """Return what runs a query in a transaction."""
    return lambda sql, params: tx.select(sql, params)()

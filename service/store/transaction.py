"""The one transaction that changes resources: locks in order, one instant, gapless numbers.

First everything is locked and looked at, always in the same order: names of checks, the message,
resources, recipients, each sorted. Then everything is written and nothing more is asked, so that
PostgreSQL gets the second half in one go. A unique constraint, not a search, finds the repeated
message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from service.errors import ConflictingMessage, NotFound
from service.model import Instant
from service.store import concerning, deadlines, evaluation, rows, versions
from service.store.caseload_records import Concerned
from service.store.commit import (
    RELAY,
    Answer,
    AuditEntry,
    Check,
    Delivery,
    RawMessage,
    Reference,
    Stale,
    Write,
)
from service.store.database import Duplicate, Row, Rows, Transaction
from service.store.finding import find_rows
from service.store.reading import AUDIENCE
from service.store.rows import Numbered, Stamped
from service.store.versions import Prior

LOCK_MESSAGE = "SELECT state, digest FROM message WHERE id = :id FOR NO KEY UPDATE"
LOCK_RESOURCE = """
    SELECT version, updated, keys, '', 0 FROM resource WHERE id = :id AND type = :type
    FOR NO KEY UPDATE"""
LOCK_RECIPIENT = "SELECT n, updated FROM recipient WHERE ods = :ods FOR NO KEY UPDATE"
FEED_OF = "SELECT recipient FROM delivery WHERE communication_id = :id"
DELIVERED = """
    SELECT version, updated, keys, recipient, n FROM delivery WHERE communication_id = :id"""
COUNT = "UPDATE recipient SET n = :n, updated = :updated WHERE ods = :ods"
COMMIT_KEPT = """
    UPDATE message SET state = 'committed', sender = :sender, control_id = :control_id,
        mapping = :mapping,
        mapping_version = :mapping_version, issues = :issues, answer_status = :answer_status,
        answer_media_type = :answer_media_type, answer_headers = :answer_headers, answer = :answer
    WHERE id = :id"""


class UnknownRecipient(Exception):
    """A feed has no counter yet; `args` are the ODS codes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What `Store.commit` and `Store.update` have in common."""

    writes: Sequence[Write] = ()
    checks: Sequence[Check] = ()
    audit: Sequence[AuditEntry] = ()
    among: Sequence[str] = ()  # whose lastUpdated must rise, beside the recipients
    message: RawMessage | None = None
    answer: Answer | None = None
    deliveries: Sequence[Delivery] = ()
    shared: Sequence[Reference] = ()
    concerned: Sequence[Concerned] = ()
    replay: bool = False

    @property
    def message_id(self) -> str:
        return self.message.id if self.message else ""

    def parties(self) -> Iterator[str]:
        """Yield the organisations whose counters this moves or needs."""
        yield from (ods for ods in self.among if ods)
        yield from (delivery.recipient for delivery in self.deliveries)
        yield from (ods for write in self.writes for ods in write.visible_to if ods)

    def brought(self) -> set[Reference]:
        """Return what every recipient comes to see."""
        every = {(w.type, w.id) for w in self.writes if not w.keeps_audience}
        return {*self.shared, *every, ("Binary", self.message_id)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """What was found, and nobody else can change before the commit."""

    counters: dict[str, tuple[int, int]]  # recipient → (n, updated)
    priors: dict[Reference, Prior]

    def instant(self, clock: int) -> Instant:
        """Return the commit's lastUpdated: later than everything it follows."""
        before = [updated for _, updated in self.counters.values()]
        before.extend(prior.updated for prior in self.priors.values())
        return Instant(max(clock, max(before, default=0) + 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the change was given."""

    updated: Instant
    answer: Answer | None = None
    numbers: dict[str, int] = field(default_factory=dict)


def carry_out(tx: Transaction, change: Change, clock: Callable[[], int]) -> Outcome:
    """Lock, then write. Raises Stale, UnknownRecipient or, for a replay, NotFound."""
    locked = _lock(tx, change)
    updated = locked.instant(clock())
    numbered = list(_number(change.deliveries, locked, updated))
    answer = rows.answered(change.answer, updated) if change.answer else None
    _write_message(tx, change, answer)
    _write_resources(tx, change, numbered, locked, updated)
    _set_deadlines(tx, change, numbered, updated)
    _remember(tx, change, updated)
    tx.insert("visible", _visible(change, numbered, locked), skip_known=True)
    tx.insert("audit", [rows.audit(entry) for entry in change.audit])
    counters = _count(locked, numbered, updated)
    tx.run_each(COUNT, [{"ods": ods, "n": n, "updated": u} for ods, (n, u) in counters.items()])
    numbers = {d.delivery.recipient: d.n for d in numbered}
    return Outcome(updated=updated, answer=answer, numbers=numbers)


# --- locking ---------------------------------------------------------------------------------


def _lock(tx: Transaction, change: Change) -> Locked:
    """Ask for all locks at once, then look at what came back."""
    names = [f"{c.owner}\n{c.type}\n{c.key[0]}\n{c.key[1]}" for c in change.checks]
    tx.lock_names([*names, *(concerning.lock_name(c.lookup.place) for c in change.concerned)])
    found = [find_rows(tx, c.owner, c.type, c.key) for c in change.checks]
    entries = [concerning.ask(tx, c.lookup) for c in change.concerned]
    kept = _lock_message(tx, change)
    replaced = [w for w in change.writes if w.prior]
    feeds = _feeds(tx, replaced)
    priors = _ask_priors(tx, [w for w in replaced if w.id not in feeds])
    ods = sorted({*change.parties(), *feeds.values(), *_told_of_tasks(tx, replaced)})
    counters = tx.select_each(LOCK_RECIPIENT, [{"ods": o} for o in ods])
    in_feeds = tx.select_each(DELIVERED, [{"id": id_} for id_ in feeds])
    priors |= {("Communication", id_): ask for id_, ask in zip(feeds, in_feeds, strict=True)}
    _verify_checks(change.checks, found)
    concerning.verify(change.concerned, entries)
    _verify_kept(change, kept)
    return Locked(counters=_counters(ods, counters), priors=_priors(replaced, priors))


def _lock_message(tx: Transaction, change: Change) -> Rows | None:
    return tx.select(LOCK_MESSAGE, {"id": change.message_id}) if change.replay else None


def _feeds(tx: Transaction, replaced: Sequence[Write]) -> dict[str, str]:
    """Return which Communications are in whose feed. They never move: no lock is needed yet."""
    ids = sorted(w.id for w in replaced if w.type == "Communication")
    asked = tx.select_each(FEED_OF, [{"id": id_} for id_ in ids])
    return {id_: row[0] for id_, ask in zip(ids, asked, strict=True) for row in ask()}


def _told_of_tasks(tx: Transaction, replaced: Sequence[Write]) -> Iterator[str]:
    """Yield who is told of a Task's next version: behind its counter they would never look."""
    tasks = [{"type": w.type, "id": w.id} for w in replaced if w.type == "Task"]
    for ask in tx.select_each(AUDIENCE, tasks):
        yield from (row[0] for row in ask())


def _ask_priors(tx: Transaction, replaced: Sequence[Write]) -> dict[Reference, Rows]:
    places = sorted((w.id, w.type) for w in replaced)
    asked = tx.select_each(LOCK_RESOURCE, [{"id": i, "type": t} for i, t in places])
    return {(t, i): ask for (i, t), ask in zip(places, asked, strict=True)}


def _verify_checks(checks: Sequence[Check], found: Sequence[Rows]) -> None:
    for check, ask in zip(checks, found, strict=True):
        if tuple(row[0] for row in ask()) != check.expected:
            raise Stale(f"another {check.type} with this {check.key[0]} came first")


def _verify_kept(change: Change, kept: Rows | None) -> None:
    """A replay must find the message not yet taken in, and with the bytes it was read with."""
    if kept is None or change.message is None:
        return
    if not (row := kept()):
        raise NotFound("no such message")
    state, digest = row[0]
    if state == "committed":
        raise Duplicate
    if bytes(digest) != change.message.digest:
        raise ConflictingMessage


def _counters(ods: Sequence[str], asked: Sequence[Rows]) -> dict[str, tuple[int, int]]:
    counters = {o: (n, updated) for o, ask in zip(ods, asked, strict=True) for n, updated in ask()}
    if len(counters) < len(ods):
        raise UnknownRecipient(*(o for o in ods if o not in counters))
    return counters


def _priors(replaced: Sequence[Write], asked: dict[Reference, Rows]) -> dict[Reference, Prior]:
    priors = {place: Prior(*row) for place, ask in asked.items() for row in ask()}
    for write in replaced:
        prior = priors.get((write.type, write.id))
        if prior is None or prior.version != write.prior:
            raise Stale(f"{write.type} {write.id} is not at version {write.prior}")
    return priors


# --- writing ---------------------------------------------------------------------------------


def _number(deliveries: Sequence[Delivery], locked: Locked, updated: Instant) -> Iterator[Numbered]:
    """Give each delivery its recipient's next number; a second to the same one is 1 µs later."""
    earlier: Counter[str] = Counter()
    for delivery in deliveries:
        k = earlier[delivery.recipient]
        n, _ = locked.counters[delivery.recipient]
        yield Numbered(delivery, n + k + 1, Instant(updated + k))
        earlier[delivery.recipient] += 1


def _write_message(tx: Transaction, change: Change, answer: Answer | None) -> None:
    if change.message is None or answer is None:
        return
    row = rows.message(change.message, "committed", answer)
    if change.replay:
        tx.run(COMMIT_KEPT, rows.named("message", row))
    else:
        tx.insert("message", [row])


def _write_resources(
    tx: Transaction, change: Change, numbered: Sequence[Numbered], locked: Locked, updated: Instant
) -> None:
    """Write first versions, later versions, Communications in feeds, and all their keys."""
    stamped = [Stamped(write, updated) for write in change.writes]
    stamped += [Stamped(d.task, ts) for d, _, ts in numbered if d.task]
    new = [s for s in stamped if not s.write.prior]
    keys = [row for s in new for row in rows.resource_keys(s.write)]
    versions.create(tx, new, change.message_id)
    for s in stamped:
        if s.write.prior:
            keys += versions.replace(tx, s, locked.priors[s.write.type, s.write.id])
    if change.message:
        sender, id_ = change.message.sender, change.message_id
        tx.insert("delivery", [rows.delivered(d, sender, id_) for d in numbered])
    keys += [row for d in numbered for row in rows.delivery_keys(d.delivery)]
    tx.insert("search_index", sorted(keys))


def _remember(tx: Transaction, change: Change, updated: Instant) -> None:
    if change.message and change.concerned:
        message = change.message.sender, change.message_id
        concerning.remember(tx, change.concerned, message, change.brought(), updated)


def _set_deadlines(
    tx: Transaction, change: Change, numbered: Sequence[Numbered], updated: Instant
) -> None:
    if change.message:
        message = change.message
        new = [rows.deadline(d, message.sender, message.id) for d in numbered]
        tx.insert("deadline", [row for row in new if row])
    deadlines.follow(tx, change.writes, updated)
    evaluation.note(tx, change.writes, updated)


def _visible(change: Change, numbered: Sequence[Numbered], locked: Locked) -> list[Row]:
    """Return who may see what from now on, beside its owner; each organisation's together."""
    seen = {
        (ods, max(locked.counters[ods][0], 1), write.id, write.type)
        for write in change.writes
        for ods in write.visible_to
        if ods not in (write.owner, RELAY)
    }
    if change.message:
        common = change.brought()
        for delivery in numbered:
            seen.update(brought(delivery, change.message.sender, common))
    return sorted(seen)


def brought(numbered: Numbered, sender: str, common: set[Reference]) -> Iterator[Row]:
    """Yield what a delivery lets its recipient see, unless it is the sender's own."""
    recipient, task = numbered.delivery.recipient, numbered.delivery.task
    if recipient == sender:
        return
    yield from ((recipient, numbered.n, id_, type_) for type_, id_ in common)
    if task:
        yield recipient, numbered.n, task.id, task.type


def _count(
    locked: Locked, numbered: Sequence[Numbered], updated: Instant
) -> dict[str, tuple[int, int]]:
    """Return where each counter stands after the commit."""
    counters = {ods: (n, int(updated)) for ods, (n, _) in locked.counters.items()}
    return counters | {d.delivery.recipient: (d.n, int(d.ts)) for d in numbered}

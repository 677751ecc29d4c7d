"""How far each channel has come with each recipient's feed, and what became of what it sent.

An event is written down before it is sent (`begin`) and after (`sent`), so that whoever takes
over from a process that died knows what may have been sent already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

from service.model import Instant
from service.store import leases
from service.store.commit import NEVER
from service.store.database import Database, Row, Transaction

_PLACE = """
    SELECT recipient, name, state, n, trying, round, attempts, next_at, reason, updated
    FROM channel {where}"""
GET = _PLACE.format(where="WHERE recipient = :recipient AND name = :name")
LOCK = GET + " FOR NO KEY UPDATE"
LIST = _PLACE.format(where="ORDER BY recipient, name")
SAVE = """
    UPDATE channel SET state = :state, n = :n, trying = :trying, round = :round,
        attempts = :attempts, next_at = :next_at, reason = :reason, updated = :updated
    WHERE recipient = :recipient AND name = :name"""
_DISPATCH = """
    SELECT recipient, channel, n, round, communication_id, message_id, handle, sent_at, state,
        changed_at, reason
    FROM dispatch WHERE {where}"""
ONE = _DISPATCH.format(where="recipient = :recipient AND channel = :channel AND n = :n")
BY_MESSAGE = _DISPATCH.format(where="message_id = :message_id ORDER BY sent_at")
BY_HANDLE = _DISPATCH.format(where="handle = :handle ORDER BY sent_at")
OPEN = _DISPATCH.format(
    where="""recipient = :recipient AND channel = :channel AND state = 'sent' AND n > :after
    ORDER BY n LIMIT :count"""
)
WAITING = """
    SELECT n, ts FROM delivery WHERE recipient = :recipient AND n > :after
    ORDER BY n LIMIT :count"""
UNCONFIRMED = """
    SELECT MIN(n) FROM dispatch
    WHERE recipient = :recipient AND channel = :channel AND state IN ('sent', 'undelivered')"""
COUNT_OPEN = """
    SELECT COUNT(*) FROM dispatch
    WHERE recipient = :recipient AND channel = :channel AND state = 'sent'"""
PUT = """
    INSERT INTO dispatch (recipient, channel, n, round, communication_id, message_id, handle,
        sent_at, state, changed_at, reason)
    VALUES (:recipient, :channel, :n, :round, :communication_id, :message_id, :handle,
        :sent_at, :state, :changed_at, :reason)
    ON CONFLICT (recipient, channel, n) DO UPDATE SET round = excluded.round,
        handle = excluded.handle, sent_at = excluded.sent_at, state = excluded.state,
        changed_at = excluded.changed_at, reason = excluded.reason"""
SETTLE = """
    UPDATE dispatch SET state = :state, changed_at = :changed_at, reason = :reason
    WHERE recipient = :recipient AND channel = :channel AND n = :n"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a channel stands in a recipient's feed."""

    recipient: str  # ODS code
    channel: str
    state: str = "active"  # active | parked
    n: int = 0  # events up to this one were handed over
    trying: int = 0  # the event that may have been sent; 0: none
    round: int = 0  # how often the channel was resumed
    attempts: int = 0  # that failed since the last success
    next_at: int = 0  # microseconds: not before
    reason: str = ""  # of the last failure
    updated: Instant = NEVER

    @property
    def lease(self) -> str:
        """The name of the lease that its sender holds."""
        return f"{self.channel}/{self.recipient}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatch:
    """One event that was handed to a channel."""

    recipient: str
    channel: str
    n: int
    round: int
    communication_id: str
    message_id: str  # MessageHeader.id
    handle: str  # the channel's own id
    sent_at: int
    state: str = "sent"  # sent | confirmed | undelivered | refused
    changed_at: int = 0
    reason: str = ""


_FIELDS = Place.__dataclass_fields__


class Channels:
    """Places in feeds. Only the holder of a place's lease moves it on."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> Instant:
        """Return the time, by the clock that `next_at` goes by."""
        return self._clock()

    def place(self, recipient: str, channel: str) -> Place:
        """Return where a channel stands; one that never sent begins before the oldest event."""
        found = self._database.select(GET, {"recipient": recipient, "name": channel})
        return _place(found[0]) if found else Place(recipient=recipient, channel=channel)

    def places(self) -> list[Place]:
        """Return every place, by recipient."""
        return [_place(row) for row in self._database.select(LIST, {})]

    def waiting(self, recipient: str, after: int, count: int) -> list[tuple[int, int]]:
        """Return the numbers of a feed's events with n > after, and when each was delivered."""
        params = {"recipient": recipient, "after": after, "count": count}
        return [(n, ts) for n, ts in self._database.select(WAITING, params)]

    def begin(self, holder: str, place: Place, n: int) -> Place:
        """Write down that the events up to `n` are about to be sent. Raises LeaseLost."""
        return self._move(place, holder, lambda known: replace(known, trying=n))

    def sent(self, holder: str, place: Place, dispatches: Sequence[Dispatch]) -> Place:
        """Write down what was handed over. Raises LeaseLost."""
        n = dispatches[-1].n

        def moved(known: Place) -> Place:
            return replace(known, n=n, trying=0, attempts=0, next_at=0, reason="")

        def work(tx: Transaction) -> Place:
            for one in dispatches:
                tx.run(PUT, _params(one))
            return self._save(tx, place, holder, moved)

        return self._database.write(work)

    def pass_over(self, holder: str, place: Place, n: int) -> Place:
        """Go on behind events that need no sending. Raises LeaseLost."""
        return self._move(place, holder, lambda known: replace(known, n=n, trying=0))

    def put_off(self, holder: str, place: Place, seconds: float, reason: str) -> Place:
        """Write a failure down, and not to try again before some seconds. Raises LeaseLost."""
        next_at = self._clock() + int(seconds * 1_000_000)

        def moved(known: Place) -> Place:
            return replace(known, attempts=known.attempts + 1, next_at=next_at, reason=reason)

        return self._move(place, holder, moved)

    def park(self, recipient: str, channel: str, reason: str) -> Place:
        """Stop a channel until an operator resumes it."""
        place = Place(recipient=recipient, channel=channel)
        return self._move(place, "", lambda known: replace(known, state="parked", reason=reason))

    def resume(self, recipient: str, channel: str, after: int | None = None) -> Place:
        """Go on, from the first event that was not confirmed, or behind `after`.

        What was sent and not confirmed is sent again, as another message.
        """
        place = Place(recipient=recipient, channel=channel)

        def work(tx: Transaction) -> Place:
            return self._save(tx, place, "", lambda known: self._resumed(tx, known, after))

        return self._database.write(work)

    def _resumed(self, tx: Transaction, known: Place, after: int | None) -> Place:
        n = after
        if n is None:
            params = {"recipient": known.recipient, "channel": known.channel}
            [(first,)] = tx.select(UNCONFIRMED, params)()
            n = known.n if first is None else first - 1
        if n == known.n:  # the same message again: what is being tried stays known
            return replace(known, state="active", attempts=0, next_at=0, reason="")
        fresh = Place(recipient=known.recipient, channel=known.channel)
        return replace(fresh, n=n, round=known.round + 1)

    def _move(self, place: Place, holder: str, change: Callable[[Place], Place]) -> Place:
        return self._database.write(lambda tx: self._save(tx, place, holder, change))

    def _save(
        self, tx: Transaction, place: Place, holder: str, change: Callable[[Place], Place]
    ) -> Place:
        """Change a place under its lock; `holder` "" is an operator, who needs no lease."""
        if holder:
            leases.require(tx, place.lease, holder)
        begun = Place(recipient=place.recipient, channel=place.channel)
        tx.insert("channel", [astuple(begun)], skip_known=True)
        key = {"recipient": place.recipient, "name": place.channel}
        [row] = tx.select(LOCK, key)()
        changed = replace(change(_place(row)), updated=self._clock())
        tx.run(SAVE, {field: getattr(changed, field) for field in _FIELDS} | key)
        return changed

    # --- what was sent -----------------------------------------------------------------------

    def dispatch(self, recipient: str, channel: str, n: int) -> Dispatch | None:
        """Return what became of one event."""
        key = {"recipient": recipient, "channel": channel, "n": n}
        return next(map(_dispatch, self._database.select(ONE, key)), None)

    def open(
        self, recipient: str, channel: str, after: int = 0, count: int = 100
    ) -> list[Dispatch]:
        """Return what was sent and is not confirmed, with n > after, rising."""
        params = {"recipient": recipient, "channel": channel, "after": after, "count": count}
        return [_dispatch(row) for row in self._database.select(OPEN, params)]

    def count_open(self, recipient: str, channel: str) -> int:
        """Return how many were sent and are not confirmed."""
        params = {"recipient": recipient, "channel": channel}
        return int(self._database.select(COUNT_OPEN, params)[0][0])

    def by_message(self, message_id: str) -> list[Dispatch]:
        """Return what was sent under this MessageHeader.id."""
        found = self._database.select(BY_MESSAGE, {"message_id": message_id})
        return [_dispatch(row) for row in found]

    def by_handle(self, handle: str) -> list[Dispatch]:
        """Return what the channel calls by this id."""
        return [_dispatch(row) for row in self._database.select(BY_HANDLE, {"handle": handle})]

    def settle(self, dispatch: Dispatch, state: str, reason: str = "") -> None:
        """Write down what became of something that was sent; again changes nothing."""
        params = {**_params(dispatch), "state": state, "reason": reason}
        params["changed_at"] = self._clock()
        self._database.write(lambda tx: tx.run(SETTLE, params))


def _place(row: Row) -> Place:
    recipient, name, state, n, trying, round_, attempts, next_at, reason, updated = row
    return Place(
        recipient=recipient,
        channel=name,
        state=state,
        n=n,
        trying=trying,
        round=round_,
        attempts=attempts,
        next_at=next_at,
        reason=reason,
        updated=Instant(updated),
    )


def _dispatch(row: Row) -> Dispatch:
    return Dispatch(**dict(zip(Dispatch.__dataclass_fields__, row, strict=True)))


def _params(dispatch: Dispatch) -> dict[str, object]:
    return {field: getattr(dispatch, field) for field in Dispatch.__dataclass_fields__}

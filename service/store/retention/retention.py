"""The whole of retention, one small transaction after the other; or what it would come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from service.model import Instant
from service.store import recalling
from service.store.caseloads import KEPT_DAYS
from service.store.database import Database, T, Transaction
from service.store.feed import FEEDS
from service.store.retention import compartments, events, originals
from service.store.retention.compartments import Bounds, Compartment
from service.store.retention.holds import LOCK, InForce
from service.store.retention.removal import KeptEvent

DAY: Final = 86_400_000_000  # microseconds
_LOOKED: Final = 200  # rows of one look for what is old
_ENTRIES: Final = 1_000  # audit entries of one transaction
_REMEMBERED: Final = 4_000  # resources of compartments that stay, so that each is seen once
OLD_AUDIT: Final = """
    SELECT MIN(at), MAX(at), COUNT(*) FROM (
        SELECT at FROM audit WHERE at < :limit ORDER BY at LIMIT :count) few"""
FORGET_AUDIT: Final = """
    DELETE FROM audit WHERE seq IN (
        SELECT seq FROM audit WHERE at < :limit ORDER BY at LIMIT :count)"""
FORGET_REMOVED: Final = """
    DELETE FROM removed WHERE at < :limit AND id IN (
        SELECT id FROM removed WHERE at < :limit ORDER BY at LIMIT :count)"""
OLD_REMOVED: Final = "SELECT at FROM removed WHERE at < :limit ORDER BY at LIMIT 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """For how many days what is kept; 0: for ever."""

    messages: int = 0  # bytes as they came
    resources: int = 0  # and the events of feeds
    audit: int = 0

    @property
    def everything(self) -> bool:
        """Whether nothing is ever removed."""
        return not (self.messages or self.resources or self.audit)


class Passed(NamedTuple):
    """What was looked at: it goes, or it stays although it is old."""

    what: str  # "event", a resource type, "message", "audit entry"
    many: int
    oldest: int  # microseconds
    newest: int
    stays: str = ""  # why
    where: str = ""  # the feed and number that stands in the way


class Retention:
    """Looks at everything in turn; whoever iterates decides how long to pause in between."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database, self._clock = database, clock

    def run(self, keep: Keep, *, remove: bool) -> Iterator[Passed]:
        """Yield what goes (with `remove`: has gone, after each transaction) and what stays.

        It may be left at any point and begun again. Raises Unavailable.
        """
        now = self._clock()
        if keep.resources:
            limit = now - keep.resources * DAY
            floors: dict[str, int] = {}
            yield from self._events(limit, floors, remove)
            yield from self._compartments(limit, floors, remove)
            if remove:
                self._forget(limit, now)
        if keep.messages:
            yield from self._originals(now - keep.messages * DAY, remove)
        if keep.audit:
            yield from self._audit(now - keep.audit * DAY, remove)

    # --- feeds -------------------------------------------------------------------------------

    def _events(self, limit: int, floors: dict[str, int], remove: bool) -> Iterator[Passed]:
        for recipient, _ in self._database.select(FEEDS, {}):
            yield from self._released(recipient, remove)
            cut = None
            while cut is None or (cut.floor > floors[recipient] and not cut.stays):
                before = cut.floor if cut else self._floor(recipient)
                floors[recipient] = before
                cut = self._cut(recipient, before, limit, remove)
                yield from _told(cut, recipient)
            floors[recipient] = cut.floor

    def _floor(self, recipient: str) -> int:
        return int(self._database.select(events.FLOOR, {"recipient": recipient})[0][0])

    def _cut(self, recipient: str, after: int, limit: int, remove: bool) -> events.Cut:
        if remove:
            return self._write(lambda tx, at: events.carry_out(tx, recipient, limit, at))
        ask = self._database.select
        return events.cut(ask, recipient, after, limit, InForce.at(ask))

    def _released(self, recipient: str, remove: bool) -> Iterator[Passed]:
        after = 0
        while True:
            found, upto = self._let_go(recipient, after, remove)
            for one in found:
                yield Passed("event", 1, one.ts, one.ts)
            if upto <= after:
                return
            after = upto

    def _let_go(self, recipient: str, after: int, remove: bool) -> tuple[list[KeptEvent], int]:
        if remove:
            return self._write(lambda tx, at: events.let_go(tx, recipient, after, at))
        ask = self._database.select
        return events.released(ask, recipient, after, InForce.at(ask))

    # --- resources ---------------------------------------------------------------------------

    def _compartments(self, limit: int, floors: dict[str, int], remove: bool) -> Iterator[Passed]:
        ask = self._database.select
        looked: dict[str, None] = {}
        bounds = Bounds(limit=limit, holds=InForce.at(ask), floors=floors)
        for id_ in self._old(limit):
            if id_ in looked:
                continue
            found = compartments.around(ask, id_, bounds)
            if found.stays or not remove:
                yield from _counted(found)
            while remove and found.members and not found.stays:
                found = self._removed(found, bounds)
                yield from _counted(found)
                if not found.stays:
                    found = compartments.around(ask, id_, bounds)
            looked.update(dict.fromkeys(found.seen))
            while len(looked) > _REMEMBERED:
                del looked[next(iter(looked))]

    def _removed(self, found: Compartment, bounds: Bounds) -> Compartment:
        return self._write(lambda tx, at: compartments.carry_out(tx, found, bounds, at))

    def _old(self, limit: int) -> Iterator[str]:
        """Yield the ids of resources that were not changed since, the oldest first."""
        place = {"since": -1, "after": "", "type": ""}
        asked = {"limit": limit, "count": _LOOKED}
        while rows := self._database.select(compartments.OLD, {**place, **asked}):
            yield from (id_ for _, id_, type_ in rows if type_ != compartments.ENCLOSED)
            place = dict(zip(("since", "after", "type"), rows[-1], strict=True))

    def _forget(self, limit: int, now: int) -> None:
        """Forget what is told later, and that something was removed, after as long again."""
        before = Instant(max(limit, now - KEPT_DAYS * DAY))
        self._write(lambda tx, _: recalling.forget(tx, before))
        asked = {"limit": limit, "count": _ENTRIES}
        while self._database.select(OLD_REMOVED, asked):
            self._write(lambda tx, _: tx.run(FORGET_REMOVED, asked))

    # --- messages and the audit trail --------------------------------------------------------

    def _originals(self, limit: int, remove: bool) -> Iterator[Passed]:
        ask = self._database.select
        place = {"after": "", "upto": _first_id(limit), "count": originals.BATCH}
        while ids := [id_ for (id_,) in ask(originals.OLD, place)]:
            if remove:
                fates = self._write(_emptying(ids, limit))
            else:
                holds = InForce.at(ask)
                looked = [originals.fate(ask, id_, limit, holds) for id_ in ids]
                fates = [one for one in looked if one]
            yield from (_message(one) for one in fates if one.stays != "young")
            place = {**place, "after": ids[-1]}

    def _audit(self, limit: int, remove: bool) -> Iterator[Passed]:
        """All of it stays while there is a hold: searches are recorded without their patient."""
        asked = {"limit": limit, "count": _ENTRIES if remove else 1 << 40}
        while True:
            [(oldest, newest, count)] = self._database.select(OLD_AUDIT, asked)
            if not count:
                return
            held = InForce.at(self._database.select).any
            if remove and not held:
                held = self._write(lambda tx, _: _forget_audit(tx, asked))
            yield Passed("audit entry", count, oldest, newest, "held" if held else "")
            if held or not remove:
                return

    def _write(self, work: Callable[[Transaction, int], T]) -> T:
        at = self._clock()
        return self._database.write(lambda tx: work(tx, at))


def _emptying(ids: list[str], limit: int) -> Callable[[Transaction, int], list[originals.Fate]]:
    return lambda tx, at: originals.carry_out(tx, ids, limit, at)


def _forget_audit(tx: Transaction, asked: dict[str, int]) -> bool:
    """Remove some entries, unless there is a hold by now; return whether there is."""
    tx.lock_names([LOCK])
    if InForce.at(events.asking(tx)).any:
        return True
    tx.run(FORGET_AUDIT, asked)
    return False


def _told(cut: events.Cut, recipient: str) -> Iterator[Passed]:
    for event, tasks in cut.gone:
        yield Passed("event", 1, event.ts, event.ts)
        yield from (Passed("Task", 1, task.updated, task.updated) for task in tasks)
    for event in cut.held:
        yield Passed("event", 1, event.ts, event.ts, "held")
    if cut.stays and cut.stays != "young":
        yield Passed("event", 1, 0, 0, cut.stays, f"{recipient} {cut.n}")


def _counted(found: Compartment) -> Iterator[Passed]:
    if found.stays == "young":
        return
    for event in found.events:
        yield Passed("event", 1, event.ts, event.ts)
    for member in found.members:
        yield Passed(member.type, 1, member.updated, member.updated, found.stays)


def _message(fate: originals.Fate) -> Passed:
    at = fate.original.received_at
    return Passed("message", 1, at, at, fate.stays)


def _first_id(at: int) -> str:
    """Return what every id is behind that was made at an instant or later."""
    milliseconds = f"{max(at, 0) // 1000:012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}"

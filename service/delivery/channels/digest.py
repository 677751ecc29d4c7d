"""A team's digest: one message a day, at its time, of what is new and what is unanswered.

It goes by MESH or to the team's own FHIR server, and its number is the same however often it is
sent. Which events are in it follows from their own times and the schedule alone, so that a
process that takes over makes the same one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from service.delivery.channels import Fate, Handed, Means, Parcel
from service.delivery.channels.fhir_server import open_channel as open_fhir_server
from service.delivery.channels.mesh import open_channel as open_mesh
from service.delivery.directory import DirectoryEntry
from service.delivery.hours import LONDON
from service.delivery.schedule import DigestSchedule
from service.fhir.digest import Digest, Item
from service.fhir.search_parameters import Resource
from service.formats.fhir_r4.json_reader import read_json
from service.model import Instant, OdsCode
from service.store import Dispatch, Event

NAME: Final = "digest"
_MOST: Final = 500  # events of one digest; more of a day make another
_UNANSWERED: Final = 200  # that are listed
_SECOND: Final = 1_000_000  # microseconds


class Carrier(Protocol):
    """What takes a digest to the team."""

    follow_every: float

    def carry(self, digest: Digest, key: str) -> Handed:
        """Hand over, under our own id of the sending. Raises NotSent, Refused."""
        ...

    def known(self, key: str) -> Handed | None:
        """Return what an earlier try came to; None: nothing, or the same again is harmless."""
        ...

    def follow(self, dispatch: Dispatch) -> Fate: ...

    def close(self) -> None: ...


class DigestChannel:
    """One team's digest; used by one thread."""

    name = NAME

    def __init__(
        self, recipient: OdsCode, schedule: DigestSchedule, carrier: Carrier, means: Means
    ) -> None:
        self._recipient, self._schedule = recipient, schedule
        self._carrier, self._means, self._store = carrier, means, means.contents.store
        self.follow_every, self.batch = carrier.follow_every, 1
        self._first = -1  # the event before the first that waits
        self._slot = 0  # when the first that waits is due; 0: none waits
        self._told = 0  # when an empty one was due that has gone

    def due(self, now: int, sent_at: int) -> int:
        return self._slot or now + _SECOND

    def keep_up(self, n: int) -> float:
        """See what waits, and when it is due; send an empty one if that is wanted and due."""
        now = self._store.channels.now()
        if n != self._first or not self._slot:
            self._first, self._slot = n, self._slot_after(n)
        if self._slot and self._slot <= now:
            waiting = self._store.channels.waiting(self._recipient, n, _MOST)
            self.batch = max(1, sum(1 for _, told in waiting if told < self._slot))
        elif self._schedule.empty:
            self._keep_up_with_nothing(n, self._schedule.latest(now))
        return self.follow_every

    def send(self, parcel: Parcel) -> Handed:
        slot = self._slot_after(parcel.events[0].n - 1)
        digest = self._digest(parcel.events, Instant(slot), parcel.n)
        return self._carrier.carry(replace(digest, message_id=parcel.message_id), parcel.key)

    def _slot_after(self, n: int) -> int:
        """Return when the event after this one goes; 0 where there is none yet."""
        waiting = self._store.channels.waiting(self._recipient, n, 1)
        return self._schedule.after(waiting[0][1]) if waiting else 0

    def already(self, parcel: Parcel) -> Handed | None:
        return self._carrier.known(parcel.key)

    def follow(self, dispatch: Dispatch) -> Fate:
        return self._carrier.follow(dispatch)

    def close(self) -> None:
        self._carrier.close()

    def _keep_up_with_nothing(self, n: int, slot: Instant) -> None:
        """Say that nothing is new, unless a digest has gone since it was due."""
        last = self._store.channels.dispatch(self._recipient, NAME, n)
        if slot <= self._told or (last and last.sent_at >= slot):
            return
        digest = self._digest((), slot, n)
        key = f"{self._recipient}.{NAME}.{digest.day}"
        if not self._carrier.known(key):
            self._carrier.carry(digest, key)
        self._told = slot

    def _digest(self, events: Sequence[Event], slot: Instant, n: int) -> Digest:
        return Digest(
            recipient=self._recipient,
            day=slot.as_datetime().astimezone(LONDON).date().isoformat(),
            n=n,
            at=slot.isoformat(),
            base=self._means.base,
            new=[self._item(event.n, read_json(event.body)) for event in events],
            unanswered=list(self._unanswered({event.n for event in events})),
        )

    def _item(self, n: int, communication: Resource) -> Item:
        tasks = self._means.contents.tasks(self._recipient, communication["id"])
        return Item(n=n, communication=communication, task=next(iter(tasks), None))

    def _unanswered(self, new: set[int]) -> Iterator[Item]:
        """Yield what was told before and nobody has answered, the oldest first."""
        for waiting in self._store.deadlines.of_team(self._recipient, _UNANSWERED):
            id_ = waiting.communication_id
            kept = self._store.read(self._recipient, "Communication", id_)
            if waiting.n not in new and kept and not kept.deleted:
                yield self._item(waiting.n, read_json(kept.body))


def open_channel(entry: DirectoryEntry, means: Means) -> DigestChannel:
    """Return an organisation's digest."""
    if entry.digest is None:
        raise ValueError("no time for a digest")
    carrier = (open_mesh if entry.digest.by == "mesh" else open_fhir_server)(entry, means)
    return DigestChannel(entry.ods, entry.digest, carrier, means)

"""One recipient's feed by one channel: in order, one at a time, again until it is confirmed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from service.delivery.channels import Channel, Ended, Handed, NotSent, Parcel, Refused
from service.errors import Gone, ServiceError, Unavailable
from service.log import without_values
from service.model import OdsCode
from service.store import Dispatch, Event, LeaseLost, Page, Place, Store

_FOLLOWED: Final = 200  # sent events that are asked after in one go
_SECOND: Final = 1_000_000  # microseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """When something that failed is tried again, and when no more."""

    longest: float = 900  # seconds between two tries, at most
    tries: int = 100  # then it is parked: about a day
    look: float = 5  # seconds between two looks at a feed that is still or parked

    def pause(self, attempts: int) -> float:
        """Return the seconds after so many failures: 1, 2, 4 … with jitter, so that many who
        failed together do not come back together."""
        whole = min(self.longest, 2.0 ** min(attempts, 30))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Sender:
    """Takes turns: each does what is due and says when something may be due again."""

    def __init__(
        self,
        *,
        store: Store,
        recipient: OdsCode,
        channel: Channel,
        holder: str,
        received: Callable[[OdsCode, str, str], None],
        policy: Policy,
        events: Callable[[int, int], Page] | None = None,
    ) -> None:
        """`events` gives those after a number, where they are not the recipient's feed."""
        self.recipient, self.n = recipient, 0
        self.waits_for_events = self.is_holding = False
        self._store, self._channel, self._holder = store, channel, holder
        self._received, self._policy = received, policy
        self._places = store.channels
        self._feed, self._has_feed = events or partial(store.feed, recipient), events is None
        self._epoch = store.settings.epoch()
        self._followed = 0.0  # when it was last asked what became of what was sent
        self._sent_at = 0
        self._log = structlog.get_logger().bind(organisation=recipient, channel=channel.name)

    @property
    def lease(self) -> str:
        """What whoever sends must hold."""
        return Place(recipient=self.recipient, channel=self._channel.name).lease

    def turn(self) -> float:
        """Do what is due, with the lease in hand. Raises LeaseLost, Unavailable."""
        self.waits_for_events = False
        self._follow()
        place = self._places.place(self.recipient, self._channel.name)
        self.n = place.n
        if place.state == "parked":
            return self._policy.look
        wait = (place.next_at - self._now()) / _SECOND
        return self._send_next(place) if wait <= 0 else min(wait, self._policy.look)

    def _send_next(self, place: Place) -> float:
        again = [0.0]
        if not self._tried(place, 0, lambda: again.append(self._channel.keep_up(place.n))):
            return 0
        events = self._events(place)
        if not events:
            self.waits_for_events = self._has_feed
            return min(self._policy.look, self._channel.follow_every, again[-1])
        due = self._channel.due(self._now(), self._sent_at)
        if due > self._now():
            return min((due - self._now()) / _SECOND, self._policy.look)
        self._send(place, events)
        return 0

    def _events(self, place: Place) -> tuple[Event, ...]:
        """Return what comes next; what was sent before and is confirmed is passed over."""
        while True:
            try:
                events = self._feed(place.n, self._channel.batch).events
            except Gone as gone:
                if place.updated:
                    self._park(f"{gone.text}; they were never sent")
                    return ()
                floor = self._store.head(self.recipient).floor  # it begins with what is kept
                place = self._places.pass_over(self._holder, place, floor)
                continue
            if not (events and place.round and self._is_confirmed(events[0].n)):
                return tuple(e for e in events if not place.trying or e.n <= place.trying)
            place = self._places.pass_over(self._holder, place, events[0].n)

    def _is_confirmed(self, n: int) -> bool:
        known = self._places.dispatch(self.recipient, self._channel.name, n)
        return known is not None and known.state == "confirmed"

    def _send(self, place: Place, events: tuple[Event, ...]) -> None:
        parcel = Parcel(
            recipient=self.recipient,
            channel=self._channel.name,
            events=events,
            round=place.round,
            epoch=self._epoch,
        )
        self._tried(place, parcel.n, lambda: self._sent(parcel, place, self._handed(parcel, place)))

    def _tried(self, place: Place, n: int, work: Callable[[], object]) -> bool:
        """Do something about event `n` (0: none); what becomes of it when that fails."""
        try:
            work()
        except Refused as refused:
            self._park(f"event {n}: {refused.reason}" if n else refused.reason)
        except NotSent as failed:
            self._put_off(place, n, failed)
        except (LeaseLost, Unavailable, Ended):
            raise
        except Exception as fault:
            self._log.error("the relay failed", event_number=n, exception=without_values(fault))
            self._put_off(place, n, NotSent("the relay failed; the log says how"))
        else:
            return True
        return False

    def _handed(self, parcel: Parcel, place: Place) -> Handed:
        """Send, unless an earlier try that nobody saw the end of got through."""
        if place.trying:
            before = self._channel.already(parcel)
            if before:
                return before
        self._places.begin(self._holder, place, parcel.n)
        return self._channel.send(parcel)

    def _sent(self, parcel: Parcel, place: Place, handed: Handed) -> None:
        self._sent_at = self._now()
        state = "confirmed" if handed.confirmed else "sent"
        dispatches = [
            Dispatch(
                recipient=self.recipient,
                channel=self._channel.name,
                n=event.n,
                round=parcel.round,
                communication_id=event.id,
                message_id=parcel.message_id,
                handle=handed.handle,
                sent_at=self._sent_at,
                state=state,
                changed_at=self._sent_at,
            )
            for event in parcel.events
        ]
        if handed.confirmed and handed.received:
            self._tell_received(dispatches)
        self._places.sent(self._holder, place, dispatches)
        self._log.info("sent", event_number=parcel.n, handle=handed.handle)

    def _put_off(self, place: Place, n: int, failed: NotSent) -> None:
        attempts = place.attempts + 1
        wait = max(failed.wait, self._policy.pause(place.attempts))
        self._places.put_off(self._holder, place, wait, failed.reason)
        self._log.warning("not sent", event_number=n, reason=failed.reason, attempts=attempts)
        if attempts >= self._policy.tries:
            self._park(f"event {n}, after {attempts} tries: {failed.reason}")

    def _park(self, reason: str) -> None:
        self._places.park(self.recipient, self._channel.name, reason)
        self._log.error("parked", reason=reason)

    # --- what became of it -------------------------------------------------------------------

    def _follow(self) -> None:
        """Ask what became of what was sent, as often as the channel says."""
        if time.monotonic() < self._followed + self._channel.follow_every:
            return
        self._followed = time.monotonic()
        for dispatch in self._places.open(self.recipient, self._channel.name, count=_FOLLOWED):
            try:
                fate = self._channel.follow(dispatch)
            except NotSent as failed:
                self._log.warning("not followed", reason=failed.reason)
                return
            if fate.state == "confirmed":
                self._confirm(dispatch)
            elif fate.state == "undelivered":
                self._undelivered(dispatch, fate.reason)

    def _confirm(self, dispatch: Dispatch) -> None:
        self._tell_received([dispatch])
        self._places.settle(dispatch, "confirmed")
        self._log.info("confirmed", event_number=dispatch.n)

    def _tell_received(self, dispatches: list[Dispatch]) -> None:
        """Before it is written down that it is confirmed: told twice is told once."""
        for dispatch in dispatches:
            try:
                self._received(self.recipient, dispatch.communication_id, dispatch.channel)
            except Unavailable:
                raise
            except ServiceError as refused:  # such as one that was answered otherwise meanwhile
                self._log.warning("receipt not noted", event_number=dispatch.n, reason=refused.text)

    def _undelivered(self, dispatch: Dispatch, reason: str) -> None:
        self._places.settle(dispatch, "undelivered", reason)
        self._park(f"event {dispatch.n} was not delivered: {reason}")

    def _now(self) -> int:
        return self._places.now()

"""How far each team was sent to, by channels and subscriptions, and what has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.errors import BadRequest, Conflict, NotFound
from service.operating.actor import Actor
from service.store import Place, Store, Subscription
from service.store.topics import FEED

_HOOK: Final = "rest-hook/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One channel of one team."""

    place: Place
    head: int  # the last event that there is for it
    behind: int  # events that wait to be sent; those that retention removed do not
    unconfirmed: int
    subscription: Subscription | None = None  # what it is for; its headers are secret

    @property
    def key(self) -> str:
        """What it is known by, and ordered by."""
        return f"{self.place.recipient}/{self.place.channel}"

    @property
    def state(self) -> str:
        """active, parked, or what a subscription that is not sent to is: requested, error, off."""
        asked = self.subscription.status if self.subscription else "active"
        return self.place.state if asked == "active" else asked

    @property
    def reason(self) -> str:
        """Why it does not go on, in words; nothing of a message."""
        return self.place.reason or (self.subscription.reason if self.subscription else "")

    @property
    def is_stuck(self) -> bool:
        """Whether somebody must look: parked, in error, or off for a reason of its own."""
        stopped = self.place.state == "parked" or self.state == "error"
        return stopped or (self.state == "off" and bool(self.reason))


class Channels:
    """The channels of a store; those of subscriptions that were deleted are none."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def standing(self) -> Iterator[Standing]:
        """Yield every channel, by organisation."""
        hooks = {one.channel: one for one in self._store.subscriptions.every()}
        for place in self._store.channels.places():
            hook = hooks.get(place.channel)
            if hook is None and place.channel.startswith(_HOOK):
                continue
            head = self._head(place.recipient, hook)
            apart = hook is not None and hook.topic != FEED  # numbered by itself
            waiting = head - place.n if apart else self._store.count(place.recipient, place.n)
            yield Standing(
                place=place,
                head=head,
                behind=waiting,
                unconfirmed=self._store.channels.count_open(place.recipient, place.channel),
                subscription=hook,
            )

    def resume(self, ods: str, channel: str, after: int | None, by: Actor) -> Place:
        """Send again from the first event that was not confirmed, or behind `after`.

        Raises NotFound, BadRequest for an event that there is not, Conflict for a subscription
        that only its owner can ask for again.
        """
        known = next((s for s in self.standing() if s.key == f"{ods}/{channel}"), None)
        if known is None and (after is None or channel.startswith(_HOOK)):
            raise NotFound(f"nothing was sent to {ods} by {channel}")
        if known and known.subscription and known.subscription.status == "off":
            raise Conflict("This subscription is off: its owner puts it as requested again.")
        if after and after > (known.head if known else self._head(ods, None)):
            raise BadRequest(f"there is no event {after} yet")
        place = self._store.channels.resume(ods, channel, after)
        self._store.audit([by.did("resume", "Channel", f"{ods}/{channel}", ods)])
        return place

    def _head(self, recipient: str, hook: Subscription | None) -> int:
        if hook is None:
            return self._store.head(recipient).n
        return self._store.subscriptions.head(recipient, hook.topic).n

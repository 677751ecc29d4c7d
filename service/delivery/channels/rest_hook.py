"""To a team's own endpoint: a notification of the R4 Backport IG by POST, taken by a 2xx.

Whether the subscription is there, and what its client may see, is looked at before each request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from service.delivery.channels import Ended, Fate, Handed, NotSent, Parcel, Refused
from service.delivery.channels.signing import signed
from service.delivery.notices import Notices
from service.delivery.outbound import NotAllowed, Outbound, Reply, Unreachable
from service.fhir.notification import Notified, Status, notification
from service.fhir.subscription import XML, Asked, read_subscription
from service.fhir.topics import COMMUNICATION
from service.fhir.xml import to_xml
from service.formats.fhir_r4.json_reader import as_written, read_json
from service.model import Instant
from service.security import Scopes
from service.store import Dispatch, Stale, Store, Subscription

LIVE: Final = ("requested", "active")
_TRIES: Final = 3  # of what is refused for what it is: 4xx, a redirect, a forbidden address
_HANDSHAKES: Final = 5
_LATER: Final = (408, 425, 429)
_GONE: Final = 410


@dataclass(frozen=True, kw_only=True, slots=True)
class HookMeans:
    """What rest-hooks are made with."""

    store: Store
    notices: Notices
    outbound: Outbound
    base: str  # our FHIR endpoint
    clock: Callable[[], Instant]


class RestHook:
    """One subscription's endpoint."""

    def __init__(self, subscription: Subscription, means: HookMeans) -> None:
        self._means, self._recipient, self._id = means, subscription.recipient, subscription.id
        self.name = subscription.channel
        self._asked = asked_of(subscription)
        self.batch = self._asked.most
        self.follow_every = 1.0
        self._refusals = self._handshakes = 0
        self._posted = time.monotonic()

    def due(self, now: int, sent_at: int) -> int:
        return now

    def keep_up(self, n: int) -> float:
        """Shake hands, or send the heartbeat that is due."""
        known, _ = self._current()
        if known.status == "requested":
            self._shake_hands(known, n)
        if not self._asked.heartbeat:
            return self.follow_every
        left = self._posted + self._asked.heartbeat - time.monotonic()
        if left <= 0:
            self._post(known, "heartbeat", n, ())
        return max(0.1, min(left, self.follow_every))

    def _shake_hands(self, known: Subscription, n: int) -> None:
        try:
            self._post(known, "handshake", n, ())
        except NotSent as failed:
            self._handshakes += 1
            if self._handshakes < _HANDSHAKES or isinstance(failed, Refused):
                raise
            raise Refused(f"no handshake: {failed.reason}") from failed
        self._handshakes = 0
        self._state(known, "active", "")

    def send(self, parcel: Parcel) -> Handed:
        known, scopes = self._current()
        told = self._means.notices.of(
            self._recipient,
            self._asked.topic,
            parcel.events,
            full=self._asked.content == "full-resource",
            may=scopes.may,
        )
        seen = [event for event in told if event.focus]
        if not seen:
            return Handed(handle="withheld", confirmed=True, received=False)
        self._post(known, "event-notification", parcel.n, seen)
        received = self._asked.content == "full-resource" and self._asked.topic == COMMUNICATION
        return Handed(handle=parcel.key, confirmed=True, received=received)

    def already(self, parcel: Parcel) -> Handed | None:
        return None  # receivers drop repeats by the event's number

    def follow(self, dispatch: Dispatch) -> Fate:
        return Fate(state="confirmed")  # a 2xx was all there is to know

    def close(self) -> None:
        return

    # --- what holds at this moment -----------------------------------------------------------

    def _current(self) -> tuple[Subscription, Scopes]:
        """Return it as it stands, and its client's rights. Raises Ended, Refused."""
        known = self._means.store.subscriptions.get(self._recipient, self._id)
        if known is None or known.status not in LIVE:
            raise Ended
        self._asked = asked_of(known)
        self.batch = self._asked.most
        scopes = rights(self._means.store, known)
        if not scopes.may(self._asked.topic.kind, "r"):
            raise Refused("its client may not read what it is about any more")
        return known, scopes

    def _post(self, known: Subscription, kind: str, n: int, events: Sequence[Notified]) -> None:
        """Send. Raises NotSent, Refused."""
        asked = asked_of(known)
        status = "requested" if kind == "handshake" else "active"
        body = self._body(asked, status, kind, n, events)
        named = dict(_split(one) for one in asked.headers)
        now = self._means.clock()
        what = str(n) if events else f"{kind}.{now}"  # an event sent again has the same id
        headers = signed(named, f"{self._id}.{what}", now, body)
        headers["Content-Type"] = f"{asked.media_type}; charset=utf-8; fhirVersion=4.0"
        self._posted = time.monotonic()
        try:
            reply = self._means.outbound.post(asked.endpoint, body, headers, asked.timeout)
        except NotAllowed as fault:
            raise self._refused(str(fault)) from None
        except Unreachable as fault:
            raise NotSent(str(fault)) from None
        self._judge(known, reply)

    def _body(
        self, asked: Asked, status: str, kind: str, n: int, events: Sequence[Notified]
    ) -> bytes:
        bundle = notification(
            Status(
                id=self._id,
                topic=asked.topic.url,
                status=status,
                kind=kind,
                n=n,
                now=self._means.clock(),
                base=self._means.base,
            ),
            events,
            asked.content,
        )
        if asked.media_type == XML:
            return to_xml(bundle)
        return orjson.dumps(bundle, default=as_written)

    def _judge(self, known: Subscription, reply: Reply) -> None:
        """Tell what was taken from what was not. Raises NotSent, Refused."""
        if 200 <= reply.status < 300:  # noqa: PLR2004
            self._refusals = 0
            return
        if reply.status == _GONE:
            self._state(known, "off", "the endpoint answered 410 Gone")
            raise Ended
        text = f"the endpoint answered {reply.status}"
        if 300 <= reply.status < 500 and reply.status not in _LATER:  # noqa: PLR2004
            raise self._refused(text, reply.wait)
        raise NotSent(text, reply.wait)

    def _refused(self, text: str, wait: float = 0) -> NotSent:
        """Try some more times before an operator and its owner must look."""
        self._refusals += 1
        return Refused(text) if self._refusals >= _TRIES else NotSent(text, wait)

    def _state(self, known: Subscription, status: str, reason: str) -> None:
        try:
            changed = replace(known, status=status, reason=reason)
            self._means.store.subscriptions.change(known, changed)
        except Stale:
            raise NotSent("its owner changed it in the same moment") from None


def asked_of(known: Subscription) -> Asked:
    """Return what a kept Subscription asks for, its secrets too."""
    resource = {**read_json(known.body), "status": "requested"}
    channel = {**resource["channel"], "header": json.loads(known.headers)}
    return read_subscription({**resource, "channel": channel})


def rights(store: Store, known: Subscription) -> Scopes:
    """Return what the client may see that made it: as registered now, and as its token had it."""
    client = store.clients.get(known.client)
    if client is None or client.disabled or client.organisation != known.recipient:
        return Scopes.parse("")
    return Scopes.parse(client.scopes) & Scopes.parse(known.scopes)


def _split(header: str) -> tuple[str, str]:
    name, _, value = header.partition(":")
    return name, value.strip()

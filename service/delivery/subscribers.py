"""The subscriptions that are to be sent to, and the states of those whose sending has stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from service.delivery.channels.rest_hook import LIVE, HookMeans, RestHook
from service.delivery.sending import Policy
from service.delivery.worker import Line
from service.errors import Unavailable
from service.model import OdsCode
from service.store import Page, Stale, Subscription
from service.store.topics import FEED

POLICY: Final = Policy(tries=1 << 31)  # an endpoint that is down is waited for, however long
_log = structlog.get_logger()


class Subscribers:
    """Asked once a second or so by each process that sends."""

    def __init__(self, means: HookMeans, policy: Policy = POLICY) -> None:
        self._means, self._policy = means, policy
        self._store = means.store.subscriptions
        self._last: Sequence[Line] = ()

    def lines(self) -> Sequence[Line]:
        """Return what is to be sent; as it was while the database does not answer."""
        try:
            self._last = list(self._found())
        except Unavailable as fault:
            _log.warning("subscriptions not read", reason=fault.text)
        return self._last

    def _found(self) -> Iterator[Line]:
        for known, place, reason in self._store.live():
            current = self._settled(known, place, reason)
            if current and current.status in LIVE:
                yield self._line(current)

    def _settled(self, known: Subscription, place: str, reason: str) -> Subscription | None:
        """Bring its state in line with its place, wherever a process died in between."""
        changed = known
        if known.ends and known.ends <= self._means.clock():
            changed = replace(known, status="off", reason="its end has come")
        elif place == "parked" and known.status in LIVE:
            changed = replace(known, status="error", reason=reason)
        elif place == "active" and known.status == "error":  # an operator resumed it
            changed = replace(known, status="requested", reason="")
        if changed is known:
            return known
        try:
            return self._store.change(known, changed)
        except Stale:
            return None  # look again

    def _line(self, known: Subscription) -> Line:
        return Line(
            recipient=OdsCode(known.recipient),
            channel=known.channel,
            open=partial(RestHook, known, self._means),
            policy=self._policy,
            events=None if known.topic == FEED else partial(self._events, known),
        )

    def _events(self, known: Subscription, after: int, count: int) -> Page:
        return self._store.events(known.recipient, known.topic, after, count)

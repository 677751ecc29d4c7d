"""Subscriptions of the caller's organisation: made, read, changed, deleted, and how they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from service.api.exchange import Exchange
from service.api.reply import Reply, dumps, version_headers
from service.api.subscription_search import KIND, SEARCHED, Pair, meets, searchset
from service.delivery.notices import Notices
from service.delivery.outbound import Outbound
from service.errors import (
    BadRequest,
    Gone,
    Issue,
    NonconformantResource,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from service.fhir.bundle_identity import matches
from service.fhir.notification import Status, notification, status_bundle, status_parameters
from service.fhir.search_parameters import Resource
from service.fhir.subscription import (
    CONTENTS,
    MOST_EVENTS,
    Asked,
    header_names,
    kept,
    read_subscription,
    shown,
    unmasked,
)
from service.fhir.topics import BY_NAME
from service.formats.fhir_r4.json_reader import read_json
from service.store import Page, Stale, Store, Subscription

Check = Callable[[Resource], list[Issue]]
_NEUTRAL: Final = ("_format", "_pretty", "_count", "_total")
_GONE: Final = "This subscription was deleted."
_RESYNC: Final = (
    "Ask without eventsSinceNumber: the oldest kept event comes first, and its number tells what "
    "you have already."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Which events are asked for again."""

    since: int = 0
    until: int = 0  # 0: to the last
    content: str = ""  # "": as the subscription says


class Subscribing:
    """The interactions with Subscription; another team's is as if it were not there."""

    def __init__(
        self,
        store: Store,
        check: Check,
        notices: Notices,
        outbound: Outbound,
        new_id: Callable[[], str],
    ) -> None:
        self._store, self._check, self._notices = store, check, notices
        self._outbound, self._new_id = outbound, new_id

    def create(self, exchange: Exchange, resource: Resource) -> Reply:
        """Make one; the worker shakes hands with its endpoint."""
        exchange.require(KIND, "c")
        asked = self._asked(exchange, resource)
        made = self._store.subscriptions.create(
            Subscription(
                id=self._new_id(),
                recipient=exchange.client.organisation,
                client=exchange.client.id,
                scopes=str(exchange.client.scopes),
                status=_status(resource),
                topic=asked.topic.name,
                headers=json.dumps(asked.headers),
                body=dumps(kept(resource)),
                ends=asked.ends,
            )
        )
        location = f"{exchange.base}/{KIND}/{made.id}/_history/1"
        return replace(_reply(made).also(("Location", location)), status=201)

    def read(self, exchange: Exchange, id_: str) -> Reply:
        """Return one; of its headers the names alone."""
        exchange.require(KIND, "r")
        return _reply(self._theirs(exchange, id_))

    def search(self, exchange: Exchange, pairs: Sequence[Pair]) -> Reply:
        """Return those that meet every condition."""
        exchange.require(KIND, "s")
        unknown = [name for name, _ in pairs if name not in SEARCHED and name not in _NEUTRAL]
        if unknown:
            raise BadRequest(f"Subscriptions are searched by {', '.join(SEARCHED)}.")
        asked = [pair for pair in pairs if pair[0] in SEARCHED]
        found = map(_shown, self._store.subscriptions.of(exchange.client.organisation))
        meeting = [one for one in found if all(meets(one, *pair) for pair in asked)]
        return Reply(body=dumps(searchset(exchange.base, asked, meeting)))

    def update(self, exchange: Exchange, id_: str, resource: Resource, if_match: str) -> Reply:
        """Change one: asked for again it goes on behind what was taken last."""
        exchange.require(KIND, "u")
        known = self._theirs(exchange, id_)
        if if_match and not matches(if_match, str(known.version)):
            raise PreconditionFailed
        if resource.get("id") != id_:
            raise BadRequest("The resource's id is not the one that the address names.")
        channel = dict(resource.get("channel", {}))
        if "header" in channel:
            channel["header"] = list(unmasked(channel["header"], json.loads(known.headers)))
        asked = self._asked(exchange, {**resource, "channel": channel})
        if asked.topic.name != known.topic:
            raise NonconformantResource("Another topic is another subscription: create it.")
        changed = replace(
            known,
            client=exchange.client.id,
            scopes=str(exchange.client.scopes),
            status=_status(resource),
            headers=json.dumps(asked.headers),
            body=dumps(kept(resource)),
            ends=asked.ends,
            reason="",
        )
        return _reply(self._changed(known, changed))

    def delete(self, exchange: Exchange, id_: str) -> Reply:
        """Delete one: nothing more is sent, and its secrets are forgotten."""
        exchange.require(KIND, "d")
        known = self._theirs(exchange, id_)
        while known.status != "deleted":
            try:
                self._store.subscriptions.delete(known)
            except Stale:
                known = self._known(exchange, id_)
                continue
            break
        return Reply(status=204)

    def _changed(self, known: Subscription, changed: Subscription) -> Subscription:
        try:
            return self._store.subscriptions.change(known, changed)
        except Stale:
            text = "Its state changed in the same moment; send it again."
            raise Unavailable(text) from None

    def _asked(self, exchange: Exchange, resource: Resource) -> Asked:
        """Return what is asked for. Raises the error that tells every fault."""
        if resource.get("resourceType") != KIND:
            raise BadRequest(f"The resource is not a {KIND}, as the address says.")
        faults = [one for one in self._check(resource) if one.severity in _ERRORS]
        if faults:
            raise NonconformantResource("This is no Subscription.", faults)
        asked = read_subscription(resource)
        exchange.require(asked.topic.kind, "r")
        try:
            self._outbound.check(asked.endpoint)
        except BadRequest as fault:
            place = "Subscription.channel.endpoint"
            issue = Issue(severity="error", code="value", text=fault.text, target=place)
            raise NonconformantResource(fault.text, [issue]) from None
        return asked

    def _theirs(self, exchange: Exchange, id_: str) -> Subscription:
        known = self._known(exchange, id_)
        if known.status == "deleted":
            raise Gone(_GONE)
        return known

    def _known(self, exchange: Exchange, id_: str) -> Subscription:
        known = self._store.subscriptions.get(exchange.client.organisation, id_)
        if known is None:
            raise NotFound
        return known

    # --- what it came to ---------------------------------------------------------------------

    def status(self, exchange: Exchange, id_: str) -> Reply:
        """Return how one stands."""
        exchange.require(KIND, "r")
        return self._told(exchange, [self._theirs(exchange, id_)])

    def statuses(self, exchange: Exchange, ids: Sequence[str], states: Sequence[str]) -> Reply:
        """Return how these stand, or all of the caller's; what is not theirs is left out."""
        exchange.require(KIND, "r")
        every = self._store.subscriptions.of(exchange.client.organisation)
        wanted = [
            one
            for one in every
            if (not ids or one.id in ids) and (not states or one.status in states)
        ]
        return self._told(exchange, wanted)

    def _told(self, exchange: Exchange, subscriptions: Sequence[Subscription]) -> Reply:
        told = [
            status_parameters(self._status(exchange, one, "query-status")) for one in subscriptions
        ]
        return Reply(body=dumps(status_bundle(told, exchange.base)))

    def events(self, exchange: Exchange, id_: str, asked: Range) -> Reply:
        """Return events again, whether they were taken or not; a page of them at most."""
        exchange.require(KIND, "r")
        known = self._theirs(exchange, id_)
        topic = BY_NAME[known.topic]
        exchange.require(topic.kind, "r")
        content = asked.content or _content(known)
        page = self._page(known, asked.since)
        events = [one for one in page.events if not asked.until or one.n <= asked.until]
        full = content == "full-resource"
        may = exchange.client.may
        told = self._notices.of(known.recipient, topic, events, full=full, may=may)
        status = self._status(exchange, known, "query-event")
        return Reply(body=dumps(notification(status, told, content)))

    def _page(self, known: Subscription, since: int) -> Page:
        """Return events from a number on, or from the oldest kept. Raises Gone."""
        after = since - 1 if since else None
        try:
            return self._store.subscriptions.events(
                known.recipient, known.topic, after, MOST_EVENTS
            )
        except Gone as gone:
            raise Gone(f"{gone.text[0].upper()}{gone.text[1:]}. {_RESYNC}") from None

    def _status(self, exchange: Exchange, known: Subscription, kind: str) -> Status:
        place = self._store.channels.place(known.recipient, known.channel)
        return Status(
            id=known.id,
            topic=BY_NAME[known.topic].url,
            status=known.status,
            kind=kind,
            n=self._store.subscriptions.head(known.recipient, known.topic).n,
            error=known.reason or place.reason,
            now=exchange.now,
            base=exchange.base,
        )


_ERRORS: Final = ("error", "fatal")


def _status(resource: Resource) -> str:
    """A client asks; that it is active is for the server to say."""
    return "off" if resource["status"] == "off" else "requested"


def _content(known: Subscription) -> str:
    extensions = read_json(known.body)["channel"]["_payload"]["extension"]
    return next(str(one["valueCode"]) for one in extensions if one.get("valueCode") in CONTENTS)


def _shown(known: Subscription) -> dict[str, Any]:
    return shown(
        read_json(known.body),
        id_=known.id,
        version=known.version,
        updated=known.updated,
        status=known.status,
        error=known.reason,
        names=header_names(json.loads(known.headers)),
    )


def _reply(known: Subscription) -> Reply:
    headers = version_headers(known.version, known.updated)
    return Reply(body=dumps(_shown(known)), headers=headers)

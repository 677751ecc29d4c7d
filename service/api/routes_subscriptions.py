"""Routes of Subscription, with $status and $events of the Backport IG."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from flask import Blueprint, Response, request

from service.api.bodies import read_body, read_parameters
from service.api.exchange import Door, Exchange
from service.api.negotiation import FORM_TYPE, JSON_TYPES, XML_TYPES, check_content
from service.api.reply import Reply
from service.api.routes_reading import digest
from service.api.subscribing import Range, Subscribing
from service.api.subscription_search import KIND
from service.api.writing import read_resource
from service.errors import BadRequest, MethodNotAllowed
from service.fhir.search_parameters import Resource
from service.fhir.subscription import CONTENTS

_EVENTS = ("eventsSinceNumber", "eventsUntilNumber", "content")
_STATUS = ("id", "status")


class SubscriptionRoutes:
    """The routes; each endpoint is named subscription-<restful-interaction>."""

    def __init__(self, door: Door, subscribing: Subscribing, max_body: int) -> None:
        self._door, self._subscribing, self._max_body = door, subscribing, max_body

    def add_to(self, bp: Blueprint) -> None:
        """Add them to the endpoint."""
        one = f"/{KIND}/<id_>"
        both = ["GET", "POST"]
        bp.get(f"/{KIND}", endpoint="subscription-search-type")(self.search)
        bp.post(f"/{KIND}/_search", endpoint="subscription-search-post")(self.search)
        bp.post(f"/{KIND}", endpoint="subscription-create")(self.create)
        bp.get(one, endpoint="subscription-read")(self.read)
        bp.put(one, endpoint="subscription-update")(self.update)
        bp.delete(one, endpoint="subscription-delete")(self.delete)
        bp.patch(one, endpoint="subscription-patch-refused")(self.refuse_patch)
        bp.route(f"/{KIND}/$status", methods=both, endpoint="$status-many")(self.status_many)
        bp.route(f"{one}/$status", methods=both, endpoint="$status")(self.status)
        bp.route(f"{one}/$events", methods=both, endpoint="$events")(self.events)

    def create(self) -> Response:
        """Make one."""
        return self._serve(
            "create", "", lambda exchange: self._subscribing.create(exchange, self._resource())
        )

    def read(self, id_: str) -> Response:
        """One of the caller's."""
        return self._serve("read", id_, lambda exchange: self._subscribing.read(exchange, id_))

    def search(self) -> Response:
        """Those of the caller's."""
        if request.method == "POST" and request.content_length:
            check_content(request.content_type or "", FORM_TYPE)
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        return self._serve(
            "search-type", digest(pairs), lambda exchange: self._subscribing.search(exchange, pairs)
        )

    def update(self, id_: str) -> Response:
        """Change one, or ask for it again."""
        if_match = request.headers.get("If-Match", "")
        return self._serve(
            "update",
            id_,
            lambda exchange: self._subscribing.update(exchange, id_, self._resource(), if_match),
        )

    def delete(self, id_: str) -> Response:
        """Delete one."""
        return self._serve("delete", id_, lambda exchange: self._subscribing.delete(exchange, id_))

    def refuse_patch(self, id_: str) -> Response:
        """A patch of what is masked could not be understood."""

        def refuse(_: Exchange) -> Reply:
            raise MethodNotAllowed("A Subscription is changed by PUT.")

        return self._serve("patch", id_, refuse)

    def status(self, id_: str) -> Response:
        """How one stands."""
        return self._serve(
            "operation", id_, lambda exchange: self._subscribing.status(exchange, id_)
        )

    def status_many(self) -> Response:
        """How some of them stand."""

        def work(exchange: Exchange) -> Reply:
            given = self._given(_STATUS)
            named = [one.rpartition("/")[2] for one in given["id"]]
            return self._subscribing.statuses(exchange, named, given["status"])

        return self._serve("operation", "", work)

    def events(self, id_: str) -> Response:
        """Events again."""

        def work(exchange: Exchange) -> Reply:
            given = self._given(_EVENTS)
            asked = Range(
                since=_number(given, "eventsSinceNumber"),
                until=_number(given, "eventsUntilNumber"),
                content=_content(given["content"]),
            )
            return self._subscribing.events(exchange, id_, asked)

        return self._serve("operation", id_, work)

    def _serve(self, action: str, subject: str, work: Callable[[Exchange], Reply]) -> Response:
        return self._door.serve(action, KIND, subject, work)

    def _resource(self) -> Resource:
        check_content(request.content_type or "", *JSON_TYPES, *XML_TYPES)
        return read_resource(read_body(request, self._max_body))

    def _given(self, known: tuple[str, ...]) -> dict[str, list[str]]:
        """Return an operation's parameters, of the address and of a Parameters resource."""
        parameters = read_parameters(request, self._max_body) if request.method == "POST" else None
        posted = [
            (str(one.get("name", "")), str(value))
            for one in (parameters or {}).get("parameter", ())
            for name, value in one.items()
            if name.startswith("value")
        ]
        given: dict[str, list[str]] = {name: [] for name in known}
        for name, value in chain(request.args.items(multi=True), posted):
            if name in given:
                given[name] += value.split(",")
            elif name not in ("_format", "_pretty"):
                raise BadRequest(f"The parameters are {', '.join(known)}.")
        return given


def _number(given: dict[str, list[str]], name: str) -> int:
    values = given[name]
    if not values:
        return 0
    if len(values) > 1 or not values[0].isascii() or not values[0].isdigit():
        raise BadRequest(f"{name} is a whole number.")
    return int(values[0][:15])


def _content(given: list[str]) -> str:
    if given and (len(given) > 1 or given[0] not in CONTENTS):
        raise BadRequest(f"content is one of {', '.join(CONTENTS)}.")
    return given[0] if given else ""

"""Routes that write one resource: create, update, patch."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, request

from service.api.bodies import read_body
from service.api.committing import Sending
from service.api.exchange import Door, Exchange
from service.api.negotiation import JSON_TYPES, PATCH_TYPE, XML_TYPES, check_content
from service.api.preparation import as_binary
from service.api.reply import Reply, refused
from service.api.routes_reading import require_known
from service.api.tasks import Tasks
from service.api.writing import ACTIONS, UPDATES, Writing, checked_type, read_resource
from service.errors import BadRequest, Issue, MethodNotAllowed
from service.fhir.bundle import Request, condition_in
from service.fhir.capability import READ_ONLY
from service.fhir.search_query import NEUTRAL
from service.fhir.search_text import nameable

_READS = "GET, HEAD, OPTIONS"


class WritingRoutes:
    """The routes; each endpoint is named by its FHIR restful-interaction."""

    def __init__(self, door: Door, writing: Writing, tasks: Tasks, max_body: int) -> None:
        self._door, self._writing, self._tasks = door, writing, tasks
        self._max_body = max_body

    def add_to(self, bp: Blueprint) -> None:
        """Add them to the endpoint."""
        bp.post("/<kind>", endpoint="create")(self.create)
        bp.put("/<kind>/<id_>", endpoint="update")(self.update)
        bp.put("/<kind>", endpoint="conditional-update")(self.conditional_update)
        bp.patch("/<kind>/<id_>", endpoint="patch")(self.patch)
        bp.patch("/<kind>", endpoint="conditional-patch")(self.conditional_patch)

    def create(self, kind: str) -> Response:
        """Create; conditional with If-None-Exist."""
        return self._write(Request(method="POST", type=kind, if_none_exist=_if_none_exist(kind)))

    def update(self, kind: str, id_: str) -> Response:
        """Update what there is; ids are given by the server."""
        return self._write(Request(method="PUT", type=kind, id=id_, if_match=_if_match()))

    def conditional_update(self, kind: str) -> Response:
        """Update what meets the condition, or create it."""
        return self._write(_conditional("PUT", kind))

    def patch(self, kind: str, id_: str) -> Response:
        """JSON Patch."""
        return self._write(Request(method="PATCH", type=kind, id=id_, if_match=_if_match()))

    def conditional_patch(self, kind: str) -> Response:
        """JSON Patch of what meets the condition."""
        return self._write(_conditional("PATCH", kind))

    def _write(self, asked: Request) -> Response:
        require_known(asked.type)
        if asked.type in READ_ONLY:
            error = MethodNotAllowed(f"A {asked.type} comes in a transaction or message only.")
            return refused(error).also(("Allow", _READS)).response()
        return self._door.serve(
            ACTIONS[asked.method],
            asked.type,
            asked.id,
            lambda exchange: self._carry_out(exchange, asked),
            recorded=True,
        )

    def _carry_out(self, exchange: Exchange, asked: Request) -> Reply:
        if asked.id:
            _refuse_parameters()
        sending = self._sending(asked)
        with self._writing.keeping(exchange, asked.method, sending):
            return self._written(exchange, _whole(asked, sending.body), sending)

    def _written(self, exchange: Exchange, whole: Request, sending: Sending) -> Reply:
        if whole.type == "Task" and whole.method != "POST":
            exchange.require("Task", "u")
            self._tasks.require_match(exchange, whole)
            if self._tasks.is_answer(exchange, whole):
                return self._tasks.update(exchange, whole)
        return self._writing.write(exchange, whole, sending)

    def _sending(self, asked: Request) -> Sending:
        media_type = request.content_type or ""
        accepted = (PATCH_TYPE,) if asked.method == "PATCH" else (*JSON_TYPES, *XML_TYPES)
        check_content(media_type, *accepted)
        body = read_body(request, self._max_body)
        return Sending(body=body, media_type=media_type, only_updates=asked.method in UPDATES)


def _whole(asked: Request, body: bytes) -> Request:
    """Return the request with its resource, or its patch. Raises what is wrong with it."""
    if asked.method == "PATCH":
        return asked.with_resource(as_binary(body))
    return checked_type(asked.with_resource(read_resource(body)))


def _if_none_exist(kind: str) -> str:
    """Return the condition of a create; fhirpy writes it into the address.

    Left aside there, it would be a second record of the same patient.
    """
    told = condition_in(request.headers.get("If-None-Exist", ""), kind)
    pairs = [one for one in request.args.items(multi=True) if one[0] not in NEUTRAL]
    return "&".join(filter(None, (told, urlencode(pairs))))


def _refuse_parameters() -> None:
    told = "It says nothing here, where the address names a resource by its id."
    unknown = [nameable(name) for name in request.args if name not in NEUTRAL]
    if unknown:
        raise BadRequest(
            "The request is not understood.",
            [
                Issue(severity="error", code="not-supported", text=told, target=f"http.{name}")
                for name in unknown
            ],
        )


def _if_match() -> str:
    return request.headers.get("If-Match", "")


def _conditional(method: str, kind: str) -> Request:
    query = request.query_string.decode("ascii", "replace")
    if not query:
        raise BadRequest(f"{method} needs an id ({kind}/id) or a condition ({kind}?identifier=…).")
    return Request(method=method, type=kind, query=query, if_match=_if_match())

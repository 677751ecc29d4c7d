"""Create, update and patch of one resource: a transaction of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

from service.api.committing import Committing, Sending, json_answer
from service.api.exchange import Exchange
from service.api.negotiation import Returning
from service.api.reply import Header, Reply, dumps, entity_tag, http_date
from service.errors import UnreadableMessage
from service.fhir.bundle import Fault, Request, refusal
from service.fhir.bundle_answer import Done
from service.fhir.outcome import operation_outcome
from service.fhir.search_dates import interval
from service.fhir.search_parameters import Resource
from service.formats import xml_tree
from service.formats.fhir_r4 import Parsed, parse
from service.formats.fhir_r4.json_reader import read_json
from service.store import Answer, Receipt

ACTIONS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch"}
UPDATES: Final = ("PUT", "PATCH")
LETTERS: Final = {"POST": "c", "PUT": "u", "PATCH": "u"}
_UPDATED: Final = "X-Last-Updated"  # an instant of the answer until it is sent


class Writing:
    """The interactions that write one resource."""

    def __init__(self, committing: Committing) -> None:
        self._committing = committing

    def keeping(
        self, exchange: Exchange, method: str, sending: Sending
    ) -> AbstractContextManager[None]:
        """Keep the bytes of a resource that cannot be taken in; a bad update changes nothing."""
        return self._committing.keeping(exchange, sending) if method == "POST" else nullcontext()

    def write(self, exchange: Exchange, request: Request, sending: Sending) -> Reply:
        """Carry out one request. Raises the error that tells every fault."""
        for letter in letters(request):
            exchange.require(request.type, letter)
        if request.method == "POST" and (again := self._committing.repeat(exchange, sending)):
            return reply(again, exchange)
        receipt = self._committing.carry_out(
            exchange, ACTIONS[request.method], [request], sending, word(exchange)
        )
        return reply(receipt, exchange)


def letters(request: Request) -> str:
    """Return the scopes that a write needs: a conditional one may create as well as change."""
    if request.method == "PUT" and request.query:
        return "cu"
    return LETTERS[request.method]


def word(exchange: Exchange) -> Callable[[Sequence[Done]], Answer]:
    """Return what words the answer to a request of its own, as the client prefers it."""

    def worded(done: Sequence[Done]) -> Answer:
        (one,) = done
        location = f"{exchange.base}/{one.reference}/_history/{one.version}"
        return json_answer(
            one.status,
            _body(one, exchange.prefer.returning),
            ("ETag", entity_tag(one.version)),
            (_UPDATED, one.updated),
            *([("Location", location)] if one.request.method != "PATCH" else []),
        )

    return worded


def _body(done: Done, returning: Returning) -> bytes:
    if returning == "minimal":
        return b""
    if returning == "OperationOutcome":
        return dumps(operation_outcome(done.issues))
    return dumps(done.resource)


def reply(receipt: Receipt, exchange: Exchange) -> Reply:
    """Return an answer as it goes out, with Last-Modified for the instant it names."""
    answer = receipt.answer
    headers: list[Header] = [
        ("Last-Modified", http_date(interval(value).low)) if name == _UPDATED else (name, value)
        for name, value in answer.headers
        if value
    ]
    return Reply(
        status=answer.status,
        body=answer.body,
        media_type=answer.media_type,
        headers=(*headers, *exchange.prefer.applied),
    )


def read_posted(body: bytes) -> Parsed:
    """Return what was posted as JSON has it, and what of its XML was not read.

    Raises UnreadableMessage.
    """
    if body.startswith(b"{") or not xml_tree.is_xml(body):
        posted = Parsed(resource=read_json(body))
    else:
        posted = parse(body)
    if not isinstance(posted.resource.get("resourceType"), str):
        raise UnreadableMessage("A FHIR resource begins with its resourceType.")
    return posted


def read_resource(body: bytes) -> Resource:
    """Return a posted resource as JSON has it, whether it is JSON or XML.

    Raises UnreadableMessage; for XML with every part that has no place in a resource.
    """
    posted = read_posted(body)
    unread = [issue for issue in posted.issues if issue.severity != "information"]
    if unread:
        faults = [replace(issue, severity="error") for issue in unread]
        raise UnreadableMessage("Parts of this XML are not FHIR.", faults)
    return posted.resource


def checked_type(request: Request) -> Request:
    """Raise BadRequest unless the resource is what the address says; return the request."""
    resource = request.resource or {}
    faults: list[Fault] = []
    if resource.get("resourceType") != request.type:
        text = f"The resource is not a {request.type}, as the address says."
        faults.append(request.fault(400, "invalid", text, "resource"))
    elif request.method == "PUT" and request.id and resource.get("id") != request.id:
        text = "The resource's id is not the one that the address names."
        faults.append(request.fault(400, "invalid", text, "resource.id"))
    if faults:
        raise refusal(faults)
    return request

"""Routes for Bundles and operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, request

from service.api.bodies import read_body
from service.api.bundles import KINDS, Bundles
from service.api.committing import Sending
from service.api.exchange import Door, Exchange
from service.api.negotiation import JSON_TYPES, OF_MESSAGES, XML_TYPES, check_content
from service.api.reply import FHIR_JSON, Reply, dumps
from service.api.writing import read_posted, read_resource
from service.errors import (
    BadRequest,
    Issue,
    ServiceError,
    TooLarge,
    UnmappableMessage,
    UnreadableMessage,
)
from service.fhir.search_parameters import Resource
from service.formats import xml_tree
from service.itk import is_itk3
from service.model import OdsCode
from service.store import Receipt

Receive = Callable[[OdsCode, str, bytes], Receipt]  # sender, media type, bytes
MESSAGES: Final = ("message", "document")


class SystemRoutes:
    """The routes; each endpoint is named by its interaction, operations as "$name"."""

    def __init__(self, door: Door, bundles: Bundles, receive: Receive, max_body: int) -> None:
        self._door, self._bundles, self._receive = door, bundles, receive
        self._max_body = max_body

    def add_to(self, bp: Blueprint) -> None:
        """Add them to the endpoint."""
        bp.post("", endpoint="transaction")(self.bundle)
        bp.post("/", endpoint="batch")(self.bundle)
        bp.post("/$process-message", endpoint="$process-message")(self.process_message)

    def bundle(self) -> Response:
        """A transaction or batch; a message or document is taken in as one."""
        return self._door.serve("transaction", "Bundle", "", self._bundle, recorded=True)

    def process_message(self) -> Response:
        """https://hl7.org/fhir/R4/messageheader-operation-process-message.html, synchronous."""
        return self._door.serve(
            "operation", "MessageHeader", "", self._process_message, recorded=True
        )

    def _bundle(self, exchange: Exchange) -> Reply:
        media_type = request.content_type or ""
        check_content(media_type, *JSON_TYPES, *XML_TYPES, versions=OF_MESSAGES)
        body = read_body(request, self._max_body)
        sending = Sending(body=body, media_type=media_type)
        try:
            posted = _bundle_in(body)
        except ServiceError as refused:
            if is_itk3(body):  # its refusal is a message too
                return self._message(exchange, media_type, body)
            self._bundles.committing.refuse(exchange, sending, refused.issues)
            raise
        if posted["type"] in KINDS:
            check_content(media_type, *JSON_TYPES, *XML_TYPES)
            return self._bundles.post(exchange, posted, sending)
        return self._message(exchange, media_type, body)

    def _process_message(self, exchange: Exchange) -> Reply:
        if request.args.get("async", "false") != "false" or "response-url" in request.args:
            raise _not_asynchronous()
        media_type = request.content_type or ""
        check_content(media_type, *JSON_TYPES, *XML_TYPES, versions=OF_MESSAGES)
        body = read_body(request, self._max_body)
        content = _content(body)
        return self._message(exchange, media_type if content is body else FHIR_JSON, content)

    def _message(self, exchange: Exchange, media_type: str, body: bytes) -> Reply:
        exchange.require("Communication", "c")
        answer = self._receive(exchange.client.organisation, media_type, body).answer
        return Reply(
            status=answer.status,
            body=answer.body,
            media_type=answer.media_type,
            headers=answer.headers,
        )


def _bundle_in(body: bytes) -> Resource:
    """Return the Bundle; what a message's XML has beside FHIR is told where it is mapped."""
    posted = read_posted(body).resource
    if posted["resourceType"] != "Bundle":
        raise BadRequest(f"POST a Bundle here, a {_shown(posted)} to its own type.")
    kind = posted.get("type")
    if kind not in (*KINDS, *MESSAGES):
        known = ", ".join((*KINDS, *MESSAGES))
        issue = Issue(
            severity="error",
            code="not-supported",
            text=f"A Bundle is taken in as {known}; nothing else is stored as it is.",
            target="Bundle.type",
        )
        raise UnmappableMessage("This type of Bundle is not taken in.", [issue])
    if kind in MESSAGES:
        return posted
    posted = read_resource(body) if xml_tree.is_xml(body) else posted
    if posted.get("entry") == []:  # not valid, and not worth refusing: nothing is asked
        del posted["entry"]
    return posted


def _shown(posted: Resource) -> str:
    kind = posted["resourceType"]
    return kind if kind.isalpha() and len(kind) < 40 else "resource"  # noqa: PLR2004


def _content(body: bytes) -> bytes:
    """Return the message: the body itself, or what the Parameters around it hold.

    What cannot be read is the message: it is refused, and kept, as one.
    """
    try:
        posted = read_posted(body).resource
    except (UnreadableMessage, TooLarge):
        return body
    if posted["resourceType"] != "Parameters":
        return body
    given = posted.get("parameter", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise UnreadableMessage("Parameters.parameter is a list of objects.")
    if any(one.get("name") == "async" and one.get("valueBoolean") for one in given):
        raise _not_asynchronous()
    content = [one.get("resource") for one in given if one.get("name") == "content"]
    if len(content) != 1 or not isinstance(content[0], dict):
        raise BadRequest("$process-message takes one content, a Bundle.")
    return dumps(content[0])


def _not_asynchronous() -> BadRequest:
    text = "Messages are answered at once: leave async and response-url out."
    return BadRequest(text, [Issue(severity="error", code="not-supported", text=text)])

"""One GET of a Bundle, answered as it would be on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson
from werkzeug.datastructures import Headers, MultiDict

from service.api.exchange import Exchange
from service.api.reading import Reading
from service.api.reply import Reply
from service.api.searching import Searching
from service.errors import NotFound
from service.fhir.bundle import Request
from service.fhir.bundle_answer import status_line

_HISTORY = "/_history"


class Dispatch:
    """Sends a read of a Bundle where the routes would send it."""

    def __init__(self, reading: Reading, searching: Searching) -> None:
        self._reading, self._searching = reading, searching

    def get(self, exchange: Exchange, request: Request) -> dict[str, Any]:
        """Return the entry of the response Bundle. Raises ServiceError as the route would."""
        inner = replace(exchange, prefer=replace(exchange.prefer, wait=0))
        return _entry(request, self._reply(inner, request))

    def _reply(self, exchange: Exchange, request: Request) -> Reply:
        headers, args = _headers(request), _arguments(request)
        kind, id_ = request.type, request.id
        if not id_ and not request.tail:
            pairs = list(args.items(multi=True))
            return self._searching.search(exchange, kind, pairs, request.if_none_match)
        if id_ and not request.tail:
            return self._reading.read(exchange, kind, id_, headers, args)
        if id_ and request.tail == _HISTORY:
            return self._reading.history(exchange, kind, id_, args)
        if id_ and request.tail.startswith(f"{_HISTORY}/"):
            version = request.tail.removeprefix(f"{_HISTORY}/")
            return self._reading.vread(exchange, kind, id_, version, headers, args=args)
        raise NotFound("There is nothing to read at this address.")


def _headers(request: Request) -> Headers:
    headers = Headers({"Accept": "application/fhir+json"})
    if request.if_none_match:
        headers["If-None-Match"] = request.if_none_match
    if request.if_modified_since:
        headers["If-Modified-Since"] = request.if_modified_since
    return headers


def _arguments(request: Request) -> MultiDict[str, str]:
    return MultiDict(parse_qsl(request.query, keep_blank_values=True))


def _entry(request: Request, reply: Reply) -> dict[str, Any]:
    response = {"status": status_line(reply.status)}
    headers = dict(reply.headers)
    if "ETag" in headers:
        response["etag"] = headers["ETag"]
    entry: dict[str, Any] = {"response": response}
    if reply.body and request.method == "GET":
        entry["resource"] = orjson.Fragment(reply.body)
    return entry

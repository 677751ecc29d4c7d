"""A request's body: bounded, decompressed, read as a resource."""

from __future__ import annotations

from flask import Request

from service.api.decompression import decompressed
from service.api.negotiation import JSON_TYPES, XML_TYPES, check_content
from service.api.writing import read_resource
from service.errors import UnreadableMessage
from service.fhir.search_parameters import Resource


def read_body(request: Request, limit: int) -> bytes:
    """Return the body, a compressed one made plain, of at most `limit` bytes.

    Raises TooLarge, UnsupportedMediaType for another encoding, UnreadableMessage for a broken one.
    """
    request.max_content_length = limit
    body = request.get_data(cache=False)
    return decompressed(body, request.headers.get("Content-Encoding", ""), limit)


def read_parameters(request: Request, limit: int) -> Resource | None:
    """Return the resource that an operation is called with; None for an empty body.

    Raises UnreadableMessage, too, where its parameters are no list of objects.
    """
    body = read_body(request, limit)
    if not body.strip():
        return None
    check_content(request.content_type or "", *JSON_TYPES, *XML_TYPES)
    posted = read_resource(body)
    given = posted.get("parameter", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise UnreadableMessage("Parameters.parameter is a list of objects.")
    return posted

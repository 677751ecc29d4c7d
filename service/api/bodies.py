"""A request's body: bounded, decompressed, read as a resource."""

from __future__ import annotations

import zlib

from flask import Request

from service.api.negotiation import JSON_TYPES, check_content
from service.api.writing import read_resource
from service.errors import TooLarge, UnreadableMessage, UnsupportedMediaType
from service.fhir.search_parameters import Resource

_GZIP = 16 + zlib.MAX_WBITS  # zlib's name for a gzip stream


def read_body(request: Request, limit: int) -> bytes:
    """Return the body, a gzip one decompressed, of at most `limit` bytes.

    Raises TooLarge, UnsupportedMediaType for another encoding, UnreadableMessage for a broken one.
    """
    request.max_content_length = limit
    body = request.get_data(cache=False)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise UnsupportedMediaType("A body is sent plain or with Content-Encoding: gzip.")
    return _decompressed(body, limit)


def _decompressed(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        raise UnreadableMessage("The body is not gzip, as its Content-Encoding says.") from None
    if len(plain) > limit:
        raise TooLarge
    if not stream.eof:
        raise UnreadableMessage("The gzip stream ends too early.")
    return plain


def read_parameters(request: Request, limit: int) -> Resource | None:
    """Return the resource that an operation is called with; None for an empty body."""
    body = read_body(request, limit)
    if not body.strip():
        return None
    check_content(request.content_type or "", *JSON_TYPES)
    return read_resource(body)

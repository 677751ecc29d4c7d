"""A Binary as its own bytes, or as a FHIR resource, whichever the client asks for."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

import orjson

from service.api.negotiation import JSON_TYPES, XML_TYPES, first_range
from service.api.reply import Header, Reply, dumps
from service.errors import NotAcceptable
from service.model import Instant
from service.store import Stored

_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;\s*[\w-]+=\"?[\w.:+-]+\"?)*")
_UNKNOWN: Final = "application/octet-stream"
_EXTENSIONS: Final = {
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/html": ".html",
    "application/fhir+json": ".json",
    "application/json": ".json",
    "application/fhir+xml": ".xml",
    "application/xml": ".xml",
    "text/xml": ".xml",
}


def binary_reply(stored: Stored, accept: str, headers: tuple[Header, ...]) -> Reply:
    """Return the content, or the Binary resource if the client prefers FHIR JSON or XML.

    Raises NotAcceptable if the client wants a media type that is neither.
    """
    wanted = first_range(accept) or "*/*"
    media_type, content = _content(stored)
    plain_type = media_type.partition(";")[0].strip().lower()
    if wanted in (*JSON_TYPES, *XML_TYPES) and wanted != plain_type:
        return Reply(body=resource_bytes(stored), headers=headers)
    if wanted not in ("*/*", f"{plain_type.partition('/')[0]}/*", plain_type):
        raise NotAcceptable(f"This Binary is {plain_type}, or a resource of FHIR JSON or XML.")
    name = f"{stored.id}{_EXTENSIONS.get(plain_type, '')}"
    return Reply(body=content, media_type=media_type, headers=headers).also(
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Security-Policy", "sandbox; default-src 'none'"),
    )


def resource_bytes(stored: Stored) -> bytes:
    """Return a stored Binary as FHIR JSON."""
    if not stored.media_type:
        return stored.body
    meta = {"versionId": str(stored.version), "lastUpdated": Instant(stored.updated).isoformat()}
    return dumps(
        {
            "resourceType": "Binary",
            "id": stored.id,
            "meta": meta,
            "contentType": stored.media_type,
            "data": base64.b64encode(stored.body).decode(),
        }
    )


def _content(stored: Stored) -> tuple[str, bytes]:
    if stored.media_type:
        return _safe(stored.media_type), stored.body
    resource = orjson.loads(stored.body)
    try:
        content = base64.b64decode(resource.get("data", ""))
    except binascii.Error:
        content = b""
    return _safe(resource.get("contentType", "")), content


def _safe(media_type: str) -> str:
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else _UNKNOWN

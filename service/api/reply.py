"""An answer before it is an HTTP response: a status, headers and bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Final

import orjson
from flask import Response

from service.errors import Issue, ServiceError
from service.fhir.outcome import operation_outcome, outcome_of
from service.formats.fhir_r4.json_reader import as_written

FHIR_JSON: Final = "application/fhir+json; charset=utf-8"
Header = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a request is answered with."""

    status: int = 200
    body: bytes = b""
    media_type: str = FHIR_JSON
    headers: tuple[Header, ...] = ()

    def also(self, *headers: Header) -> Reply:
        """Return the same with more headers."""
        return replace(self, headers=(*self.headers, *headers))

    def response(self) -> Response:
        """Return it as Flask sends it."""
        response = Response(self.body, self.status)
        if self.body:
            response.headers["Content-Type"] = self.media_type
        else:
            del response.headers["Content-Type"]
        response.headers.extend(self.headers)
        return response


def dumps(resource: Any) -> bytes:
    """Return the JSON of a resource, its decimals as they were sent."""
    return orjson.dumps(resource, default=as_written)


def outcome(issues: Iterable[Issue], status: int = 200) -> Reply:
    """Return an OperationOutcome as a reply."""
    return Reply(status=status, body=dumps(operation_outcome(issues, status)))


def refused(error: ServiceError) -> Reply:
    """Return the reply to a request refused with this error."""
    if error.answer:
        media_type, body = error.answer
        return Reply(status=error.http_status, body=body, media_type=media_type)
    return Reply(status=error.http_status, body=dumps(outcome_of(error)))


def version_headers(version: int, updated: int) -> tuple[Header, ...]:
    """Return ETag and Last-Modified of a version; `updated` in microseconds."""
    return (("ETag", entity_tag(version)), ("Last-Modified", http_date(updated)))


def entity_tag(version: int) -> str:
    """Return the weak ETag of a version: W/"3"."""
    return f'W/"{version}"'


def http_date(updated: int) -> str:
    """Return microseconds since 1970 as an HTTP date."""
    return formatdate(updated // 1_000_000, usegmt=True)

"""Every refusal of the application as an OperationOutcome, and ids mirrored on every answer."""

from __future__ import annotations

from typing import Final

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from service.api.exchange import is_identifier, request_id
from service.api.reply import Reply, outcome, refused
from service.errors import Issue, ServiceError, TooLarge
from service.log import without_values

RETRY_AFTER: Final = "5"  # seconds, where nothing better is known
_CODES: Final = {  # HTTP status → FHIR issue-type
    400: "invalid",
    404: "not-found",
    405: "not-supported",
    413: "too-long",
    414: "too-long",
    415: "not-supported",
    429: "throttled",
    431: "too-long",
    503: "transient",
}
_TEXTS: Final = {
    404: "There is nothing at this address.",
    405: "This interaction is not supported here.",
}
_log = structlog.get_logger()


def answer_faults(app: Flask) -> None:
    """Make an application answer every fault in FHIR, and repeat the request's ids."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_mirror_ids)


def _service_error(error: ServiceError) -> Response:
    return with_headers(refused(error)).response()


def with_headers(reply: Reply) -> Reply:
    """Return a refusal with the headers that its status needs."""
    if reply.status == 401:  # noqa: PLR2004
        return reply.also(("WWW-Authenticate", 'Bearer realm="fhir"'))
    if reply.status in (429, 503):
        return reply.also(("Retry-After", RETRY_AFTER))
    return reply


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004  # a redirect that routing asks for
        return Response(status=status, headers=dict(error.get_headers()))
    if status == TooLarge.http_status:
        return _service_error(TooLarge())
    code = _CODES.get(status, "processing")
    text = _TEXTS.get(status, f"{error.name}.")
    reply = outcome([Issue(severity="error", code=code, text=text)], status)
    valid = getattr(error, "valid_methods", None)
    return (reply.also(("Allow", ", ".join(sorted(valid)))) if valid else reply).response()


def _unexpected(error: Exception) -> Response:
    _log.error(
        "request failed",
        request_id=request_id(request),
        route=str(request.url_rule),
        exception=without_values(error),
    )
    text = "The service failed. The fault is recorded under this answer's X-Request-Id."
    return outcome([Issue(severity="fatal", code="exception", text=text)], 500).response()


def _mirror_ids(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = request_id(request)
    correlation = request.headers.get("X-Correlation-Id", "")
    if is_identifier(correlation):
        headers["X-Correlation-Id"] = correlation
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
    return response

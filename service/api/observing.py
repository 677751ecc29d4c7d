"""Each request as operators see it: its id in every log line, a count, a span; no patient value.

Routes are told by their template (/fhir/<kind>/<id_>), never by the address that was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from flask import Flask, Response, request

from service.api.exchange import request_id
from service.settings import Settings

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BEGUN: Final = "relay.begun"
_SPAN: Final = "relay.span"
_FAILED: Final = 500  # HTTP statuses from here on are always logged
Count = Callable[[str, str, int, float], None]  # method, route, status, seconds
Ended = Callable[[str, int], None]  # route, status
Trace = Callable[[str, Mapping[str, str], str], Ended]  # method, headers, request id
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Who is told of every request, beside the logs."""

    count: Count | None = None
    trace: Trace | None = None


def observe(app: Flask, settings: Settings, watch: Watch) -> None:
    """Have every request of an application told to logs, and to whoever watches."""

    @app.before_request
    def begin() -> None:
        request.environ[_BEGUN] = time.perf_counter()
        id_ = request_id(request)
        structlog.contextvars.bind_contextvars(request_id=id_)
        if watch.trace:
            request.environ[_SPAN] = watch.trace(_method(), dict(request.headers), id_)

    @app.after_request
    def told(response: Response) -> Response:
        status, route = response.status_code, _route()
        seconds = time.perf_counter() - request.environ.get(_BEGUN, time.perf_counter())
        if watch.count:
            watch.count(_method(), route, status, seconds)
        if end := request.environ.get(_SPAN):
            end(route, status)
        if settings.log_requests or status >= _FAILED:
            duration = round(seconds * 1000, 1)
            _log.info("request", method=_method(), route=route, status=status, duration_ms=duration)
        return response

    app.teardown_request(lambda _: structlog.contextvars.clear_contextvars())


def _method() -> str:
    return request.method if request.method in _METHODS else "OTHER"


def _route() -> str:
    return request.url_rule.rule if request.url_rule else ""

"""Each request as operators see it: its id in every log line, a count, a span; no patient value.

Routes are told by their template (/fhir/<kind>/<id_>), never by the address that was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog
from flask import Flask, Response, request

from service.api.exchange import request_id
from service.settings import Settings

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BEGUN: Final = "relay.begun"
_FAILED: Final = 500  # HTTP statuses from here on are always logged
Count = Callable[[str, str, int, float], None]  # method, route, status, seconds
_log = structlog.get_logger()


def observe(app: Flask, settings: Settings, count: Count | None = None) -> None:
    """Have every request of an application told to logs, and to `count` where there is one."""
    app.before_request(_begin)

    @app.after_request
    def told(response: Response) -> Response:
        status, route = response.status_code, _route()
        seconds = time.perf_counter() - request.environ.get(_BEGUN, time.perf_counter())
        method = request.method if request.method in _METHODS else "OTHER"
        if count:
            count(method, route, status, seconds)
        if settings.log_requests or status >= _FAILED:
            duration = round(seconds * 1000, 1)
            _log.info("request", method=method, route=route, status=status, duration_ms=duration)
        return response

    app.teardown_request(lambda _: structlog.contextvars.clear_contextvars())


def _begin() -> None:
    request.environ[_BEGUN] = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=request_id(request))


def _route() -> str:
    return request.url_rule.rule if request.url_rule else ""

"""OpenTelemetry, where it is asked for: a span a request, by its route, without a patient's value.

The packages are an extra (`discharge-relay[telemetry]`); where to send spans is said by
OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from service.api.observing import Ended, Trace
    from service.settings import Settings

_NAME: Final = "discharge-relay"
_FAILED: Final = 500  # HTTP statuses from here on are errors of a server's span


def tracer_of(chosen: Settings) -> Trace | None:
    """Return what begins a span for a request; None where telemetry is off.

    Raises ClickException if the packages are not there. Called once in each worker.
    """
    if not chosen.telemetry:
        return None
    try:
        from opentelemetry import trace

        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            _send_spans()
    except ImportError as missing:
        text = f"telemetry needs the package {missing.name}: install discharge-relay[telemetry]"
        raise click.ClickException(text) from missing
    return _begin


def _send_spans() -> None:
    """Send spans by OTLP, unless whoever started the process has chosen otherwise."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": _NAME}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _begin(method: str, headers: Mapping[str, str], request_id: str) -> Ended:
    """Begin a span below the caller's (traceparent); return what ends it."""
    from opentelemetry import propagate, trace

    caller = propagate.extract({name.lower(): value for name, value in headers.items()})
    span = trace.get_tracer(_NAME).start_span(
        method,
        context=caller,
        kind=trace.SpanKind.SERVER,
        attributes={"http.request.method": method, "relay.request_id": request_id},
    )

    def end(route: str, status: int) -> None:
        span.update_name(f"{method} {route}".strip())
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= _FAILED:
            span.set_status(trace.StatusCode.ERROR)
        span.end()

    return end

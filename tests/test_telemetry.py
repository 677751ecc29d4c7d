"""OpenTelemetry: a span a request below its caller's, by its route, with nothing of a patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import click
import pytest
from opentelemetry import trace

from service.api.observing import Watch
from service.app import Relay, create_app
from service.cli.telemetry import tracer_of
from service.settings import Settings
from tests.hl7v2_letters import NHS_NUMBER
from tests.mllp_wire import quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures"]

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Kept(trace.NonRecordingSpan):
    """A span that remembers what it was told."""

    name: str
    parent: trace.SpanContext
    said: dict[str, Any] = field(default_factory=dict)
    ended: bool = False

    def set_attribute(self, key: str, value: Any) -> None:
        self.said[key] = value

    def update_name(self, name: str) -> None:
        self.name = name

    def end(self, end_time: int | None = None) -> None:
        self.ended = True


@dataclass
class Keeping(trace.Tracer, trace.TracerProvider):
    """OpenTelemetry's interface, in the place of its SDK."""

    spans: list[Kept] = field(default_factory=list)

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return self

    def start_span(self, name: str, context: Any = None, **more: Any) -> trace.Span:
        parent = trace.get_current_span(context).get_span_context()
        self.spans.append(Kept(name, parent, dict(more["attributes"])))
        return self.spans[-1]

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def kept() -> Keeping:
    made = Keeping()
    trace.set_tracer_provider(made)
    return made


@pytest.fixture
def traced(sqlite_url: str, kept: Keeping) -> Iterator[Relay]:
    kept.spans.clear()
    with quick_relay(sqlite_url) as relay:
        yield replace(relay, settings=replace(relay.settings, telemetry=True))


def test_a_request_is_a_span_below_its_callers(traced: Relay, kept: Keeping) -> None:
    app = create_app(traced, Watch(trace=tracer_of(traced.settings)))
    team = Team.of(traced, "RJZ")
    asked = {"Authorization": f"Bearer {team.token}", "traceparent": CALLER, "X-Request-Id": "r-7"}

    app.test_client().get(f"/fhir/Patient/{NHS_NUMBER}", headers=asked)

    [span] = kept.spans
    assert span.ended
    assert format(span.parent.trace_id, "032x") == CALLER[3:35]
    assert span.name.startswith("GET /fhir/<")
    assert span.said["http.response.status_code"] == 404
    assert span.said["relay.request_id"] == "r-7"
    assert NHS_NUMBER not in f"{span.name} {span.said}"


def test_without_telemetry_nothing_is_begun(kept: Keeping) -> None:
    assert tracer_of(Settings()) is None


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, kept: Keeping) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry", None)

    with pytest.raises(click.ClickException, match=r"discharge-relay\[telemetry\]"):
        tracer_of(Settings(telemetry=True))

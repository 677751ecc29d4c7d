"""What the logs say of requests and messages: ids to find them by, and nothing of a patient."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from service import log
from service.app import Relay, create_app
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.mllp_wire import quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    with quick_relay(sqlite_url) as relay:
        yield relay


@pytest.fixture
def talkative(relay: Relay) -> Relay:
    """The same, and every request is logged."""
    return replace(relay, settings=replace(relay.settings, log_requests=True))


@pytest.fixture
def lines() -> Iterator[list[dict[str, object]]]:
    """Everything that is logged, past the list of what may be."""
    found: list[dict[str, object]] = []
    before = structlog.get_config()

    def keep(_: object, __: str, event: dict[str, object]) -> dict[str, object]:
        found.append(dict(log.only_allowed(None, "", event)))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, keep], cache_logger_on_first_use=False
    )
    yield found
    structlog.configure(**before)


def test_a_refused_message_is_logged_with_the_ids_of_request_and_message(
    relay: Relay, lines: list[dict[str, object]]
) -> None:
    Team.of(relay, "RJZ").post("/hl7v2", a03().replace(b"ADT^A03", b"SIU^S12"), X_Request_Id="r-1")

    [kept] = relay.store.dead_letters.list()
    refused = next(line for line in lines if line["event"] == "message refused")
    assert (refused["request_id"], refused["message_id"]) == ("r-1", kept.id)
    assert refused["organisation"] == "RJZ"
    assert NHS_NUMBER not in json.dumps(lines)
    assert "left_out" not in json.dumps(lines)


def test_a_request_is_logged_by_its_route_and_not_by_its_address(
    talkative: Relay, lines: list[dict[str, object]]
) -> None:
    answer = Team.of(talkative, "RJZ").get(f"/fhir/Patient/{NHS_NUMBER}")

    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["status"], line["method"]) == (404, "GET")
    assert str(line["route"]).startswith("/fhir/<")
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert NHS_NUMBER not in json.dumps(lines)


def test_every_request_is_logged_where_that_is_asked_for(
    relay: Relay, talkative: Relay, lines: list[dict[str, object]]
) -> None:
    for one in (relay, talkative):
        create_app(one).test_client().get("/health")

    assert [(line["event"], line["route"], line["status"]) for line in lines] == [
        ("request", "/health", 200)
    ]


def test_the_id_of_one_request_is_not_that_of_the_next(
    talkative: Relay, lines: list[dict[str, object]]
) -> None:
    team = Team.of(talkative, "RJZ")
    team.get("/fhir/Patient/x", X_Request_Id="first")
    team.get("/fhir/Patient/x")

    first, second = [line["request_id"] for line in lines if line["event"] == "request"]
    assert first == "first" != second

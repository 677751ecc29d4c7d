"""Forwarding to a team's FHIR server: what it is sent, and what becomes of what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.produced import mapping_examples
from service.app import Relay
from service.app import take_in as take_in_any
from service.fhir.forwarding import missing, transaction
from service.fhir.validate import check
from service.model import OdsCode
from tests.fhir_server_peer import Answer, Peer, Resource, peer
from tests.fhir_server_relay import BASE, arrived, forwarding, place
from tests.hl7v2_letters import a03
from tests.mesh_relay import eventually
from tests.mllp_wire import quick_relay

pytest_plugins = ["tests.store_fixtures"]
HOSPICE = "8HX03"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"


@pytest.fixture
def forwarder(sqlite_url: str) -> Iterator[Relay]:
    with quick_relay(sqlite_url) as running:
        yield running


@pytest.fixture
def either_relay(database_url: str) -> Iterator[Relay]:
    with quick_relay(database_url) as running:
        yield running


@pytest.fixture
def server() -> Iterator[Peer]:
    with peer() as running:
        yield running


def take_in(forwarder: Relay, body: bytes) -> None:
    [answer] = forwarder.pipeline.receive_hl7v2(OdsCode("RJZ"), "application/hl7-v2", body)
    assert b"MSA|AA" in answer.body


def forwarded(forwarder: Relay, server: Peer, token: str = "") -> None:
    """Send until everything has arrived."""
    with forwarding(forwarder, server.url, HOSPICE, token=token):
        eventually(lambda: arrived(forwarder, HOSPICE), 30)


def outcome(*, code: str, expression: str, diagnostics: str) -> Resource:
    issue = {
        "severity": "error",
        "code": code,
        "expression": [expression],
        "diagnostics": diagnostics,
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


# --- what is sent


def test_an_event_is_one_transaction_that_puts_everything_by_our_ids(
    forwarder: Relay, server: Peer
) -> None:
    take_in(forwarder, a03())

    forwarded(forwarder, server, token="s3cret")

    [sent] = server.transactions
    assert not check(sent)
    puts = [one for one in sent["entry"] if one["request"]["method"] == "PUT"]
    assert {one["resource"]["resourceType"] for one in puts} >= {
        *("Communication", "Task", "Patient", "Encounter", "DocumentReference", "Binary"),
    }
    for one in puts:
        resource = one["resource"]
        assert one["request"]["url"] == f"{resource['resourceType']}/{resource['id']}"
        assert {"versionId", "lastUpdated"}.isdisjoint(resource.get("meta", {}))
    assert set(server.tokens) == {"Bearer s3cret"}


def test_an_organisation_is_the_servers_own_wherever_it_is_named(
    forwarder: Relay, server: Peer
) -> None:
    take_in(forwarder, a03())

    forwarded(forwarder, server)

    created = {
        one["fullUrl"]: one
        for one in server.transactions[0]["entry"]
        if one["request"]["method"] == "POST"
    }
    assert {one["request"]["ifNoneExist"] for one in created.values()} == {
        f"identifier={ODS}|{HOSPICE}",
        f"identifier={ODS}|RJZ",
    }
    assert not any("id" in one["resource"] for one in created.values())
    [communication] = server.of("Communication")
    for party in (communication["sender"], *communication["recipient"]):
        assert party["reference"] in created
    assert "Organization/RJZ" not in json.dumps(server.transactions)


def test_an_update_puts_the_same_resources_and_a_retraction_stops_the_earlier_notice(
    either_relay: Relay, server: Peer
) -> None:
    take_in(either_relay, a03())
    take_in(
        either_relay, a03(control_id="K2", event="A08", sent="20261121090000", postcode="TN1 1ZZ")
    )
    take_in(either_relay, a03(control_id="K3", event="A13", sent="20261122090000"))

    forwarded(either_relay, server)

    assert len(server.transactions) == 3
    patients = {server.of("Patient", n)[0]["id"] for n in range(3)}
    assert len(patients) == 1
    first = server.of("Communication", 0)[0]["id"]
    last = {one["id"]: one["status"] for one in server.of("Communication", 2)}
    assert last.pop(first) == "stopped"
    assert set(last.values()) == {"in-progress"}
    about = {one["focus"]["reference"]: one["status"] for one in server.of("Task", 2)}
    assert about[f"Communication/{first}"] == "cancelled"


def test_what_is_at_the_server_stays_a_link_and_what_is_not_is_named_by_our_address() -> None:
    note = {
        "resourceType": "Communication",
        "id": "c2",
        "status": "completed",
        "subject": {"reference": "Patient/p1", "display": "XXTESTPATIENT"},
        "inResponseTo": [{"reference": "Communication/c1"}, {"reference": "Communication/c0"}],
        "about": [
            {"reference": "Task/t1/_history/3"},
            {"reference": "https://elsewhere.example/fhir/Basic/1"},
            {"reference": "#inner"},
        ],
        "sender": {"reference": "Organization/o", "identifier": {"system": ODS, "value": "RJZ"}},
        "payload": [{"contentAttachment": {"contentType": "text/plain", "url": "Binary/b1"}}],
    }
    task = {"resourceType": "Task", "id": "t1", "status": "requested", "intent": "order"}

    assert missing([note, task]) == {
        *(("Patient", "p1"), ("Communication", "c0"), ("Communication", "c1")),
        ("Organization", "o"),
    }
    made = transaction([note, task], there=[("Communication", "c1")], base=BASE)

    [sent, _] = [one["resource"] for one in made["entry"]]
    elsewhere = {"system": "urn:ietf:rfc:3986", "value": "https://elsewhere.example/fhir/Basic/1"}
    assert sent["subject"] == {
        "display": "XXTESTPATIENT",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"{BASE}/Patient/p1"},
        "type": "Patient",
    }
    assert sent["inResponseTo"][0] == {"reference": "Communication/c1"}
    assert sent["inResponseTo"][1]["identifier"]["value"] == f"{BASE}/Communication/c0"
    assert sent["about"] == [
        {"reference": "Task/t1"},
        {"identifier": elsewhere},
        {"reference": "#inner"},
    ]
    assert sent["sender"] == {
        "identifier": {"system": ODS, "value": "RJZ"},
        "type": "Organization",
    }
    attached = sent["payload"][0]["contentAttachment"]
    assert attached["url"] == f"{BASE}/Binary/b1"


def test_of_what_the_mappings_examples_become_nothing_is_put_twice_or_leads_nowhere(
    forwarder: Relay, server: Peer
) -> None:
    for example in mapping_examples():
        take_in_any(forwarder, example.sender, "", example.body, example.mapping_id)
    teams = [one.ods for one in forwarder.routing.directory if forwarder.store.head(one.ods).n]

    with forwarding(forwarder, server.url, *teams):
        eventually(lambda: all(arrived(forwarder, ods) for ods in teams), 60)

    there: set[str] = set()
    for n, sent in enumerate(server.transactions):
        urls = server.urls(n)
        assert len(urls) == len(set(urls))
        there |= {*urls, *(one["fullUrl"] for one in sent["entry"] if "fullUrl" in one)}
        assert not [one for one in links(sent) if one not in there and one[0] != "#"]
    assert len(server.transactions) > 30


def links(value: Any) -> Iterator[str]:
    """Every literal reference."""
    if isinstance(value, list):
        for one in value:
            yield from links(one)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from links(one)


# --- what is answered


def test_what_was_committed_is_received_and_not_sent_again(forwarder: Relay, server: Peer) -> None:
    take_in(forwarder, a03())
    forwarded(forwarder, server)

    forwarded(forwarder, server)

    assert len(server.transactions) == 1
    [event] = forwarder.store.feed(HOSPICE, 0, 9).events
    assert "received" in json.loads(event.body)


@pytest.mark.parametrize(
    "answer",
    [
        (409, outcome(code="conflict", expression="Patient", diagnostics="busy"), {}),
        (503, b"busy", {"Retry-After": "0"}),
        (500, b"", {}),
        (429, {}, {}),
        (401, {}, {}),  # a token may be renewed
        (200, b"<html>Please log in</html>", {}),
        (200, {"resourceType": "Bundle", "type": "batch-response", "entry": []}, {}),
    ],
    ids=lambda answer: f"{answer[0]}",
)
def test_one_that_is_not_taken_is_sent_again_before_the_next(
    answer: Answer, forwarder: Relay, server: Peer
) -> None:
    server.answers = [answer, answer]
    take_in(forwarder, a03())
    take_in(forwarder, a03(control_id="K2", event="A13", sent="20261122090000"))

    forwarded(forwarder, server)

    kinds = [
        server.of("Communication", n)[0]["topic"]["coding"][0]["code"]
        for n in range(len(server.transactions))
    ]
    assert kinds == ["discharge", "discharge-cancelled"]


@pytest.mark.parametrize("status", [302, 400, 403, 412, 422])
def test_what_it_will_not_take_parks_the_channel_and_says_where_but_no_value(
    status: int, forwarder: Relay, server: Peer
) -> None:
    fault = outcome(
        code="invariant", expression="Patient.birthDate", diagnostics="1944-02-03 is wrong"
    )
    server.answers = [(status, fault, {"Location": server.url})] * 3
    take_in(forwarder, a03())

    with forwarding(forwarder, server.url, HOSPICE):
        eventually(lambda: place(forwarder, HOSPICE).state == "parked", 30)

    assert place(forwarder, HOSPICE).reason == (
        f"event 1: the FHIR server answered {status} (invariant at Patient.birthDate)"
    )
    assert not server.transactions


def test_a_server_that_is_not_there_is_tried_again(forwarder: Relay) -> None:
    with peer() as gone:
        url = gone.url
    take_in(forwarder, a03())

    with forwarding(forwarder, url, HOSPICE):
        eventually(lambda: place(forwarder, HOSPICE).attempts > 1, 30)

    assert place(forwarder, HOSPICE).reason == "no answer from the FHIR server: ConnectionError"

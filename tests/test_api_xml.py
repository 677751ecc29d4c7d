"""FHIR XML over HTTP: whatever is taken in as JSON is taken in as XML, and answered in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay, replay, take_in
from service.bundled import bundled_folder
from service.errors import ServiceError
from service.fhir.xml import to_xml
from service.formats.fhir_r4 import parse
from service.model import OdsCode
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"
XML = "application/fhir+xml"


def example(name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads(Path(EXAMPLES, f"{name}.json").read_bytes())
    return resource


def in_xml(body: bytes) -> dict[str, Any]:
    """What an answer says; it must be XML without anything that is not FHIR."""
    assert body.startswith(b"<?xml")
    parsed = parse(body)
    assert parsed.issues == ()
    return parsed.resource


@pytest.fixture
def guys(relay: Relay) -> Team:
    """Guy's and St Thomas' integration engine."""
    return Team.of(relay, "RJ1")


@pytest.mark.parametrize(
    ("ods", "name", "kind"),
    [
        ("RJ1", "rj1-transaction-referral", "transaction-response"),
        ("RWF", "rwf-message-referral", "message"),
        ("RWF", "rwf-document-discharge", "OperationOutcome"),
    ],
)
def test_a_bundle_in_xml_is_taken_in_and_answered_as_one_in_json(
    relay: Relay, ods: str, name: str, kind: str
) -> None:
    sender = Team.of(relay, ods)
    body = example(name)

    answer = sender.post("/fhir", to_xml(body), XML, Accept=XML)

    assert answer.status_code in (200, 201)
    assert answer.mimetype == XML
    told = in_xml(answer.data)
    assert kind in (told["resourceType"], told.get("type"))
    as_json = sender.post("/fhir", json.dumps(body).encode(), "application/fhir+json")
    assert as_json.mimetype == "application/fhir+json"


def test_a_batch_in_xml_is_answered_entry_by_entry(guys: Team) -> None:
    batch = example("rj1-transaction-referral") | {"type": "batch"}
    patients = [e for e in batch["entry"] if e["resource"]["resourceType"] == "Patient"]

    answer = guys.post("/fhir", to_xml(batch | {"entry": patients}), XML, Accept=XML)

    assert [one["response"]["status"] for one in in_xml(answer.data)["entry"]] == ["201 Created"]


def test_what_was_posted_in_xml_is_read_in_json_and_in_xml_alike(guys: Team) -> None:
    patient = next(
        entry["resource"]
        for entry in example("rj1-transaction-referral")["entry"]
        if entry["resource"]["resourceType"] == "Patient"
    )
    created = guys.post("/fhir/Patient", to_xml(patient), XML)
    path = f"/fhir/Patient/{created.get_json()['id']}"

    read = guys.get(path, Accept=XML)

    assert created.status_code == 201
    assert in_xml(read.data) == guys.get(path).get_json()
    assert read.headers["ETag"] == 'W/"1"'
    assert guys.get(path, Accept=XML, If_None_Match='W/"1"').status_code == 304
    updated = {**guys.get(path).get_json(), "gender": "unknown"}
    put = guys.http.put(
        path,
        data=to_xml(updated),
        content_type=XML,
        headers={"Authorization": f"Bearer {guys.token}"},
    )
    assert (put.status_code, put.get_json()["gender"]) == (200, "unknown")


def test_polling_history_and_capability_are_answered_in_xml_too(relay: Relay) -> None:
    trust, named = Team.of(relay, "RWF"), Team.of(relay, "8HX02")
    trust.post("/fhir", to_xml(example("rwf-message-referral")), XML)

    for path in (
        "/fhir/Communication?_include=Communication:subject&_format=xml",
        "/fhir/Communication?_summary=true&_format=application/fhir%2Bxml",
        f"/fhir/Communication/{named.feed()[0]['id']}/_history?_format=xml",
        "/fhir/metadata?_format=xml",
    ):
        as_xml, as_json = named.get(path), named.get(path.replace("xml", "json"))
        told = in_xml(as_xml.data)
        assert as_xml.mimetype == XML, path
        assert told["resourceType"] == as_json.get_json()["resourceType"]
        assert len(told.get("entry", ())) == len(as_json.get_json().get("entry", ()))


def test_the_original_of_a_message_is_the_bytes_that_came_or_a_binary_in_xml(relay: Relay) -> None:
    trust, named = Team.of(relay, "RWF"), Team.of(relay, "8HX02")
    body = to_xml(example("rwf-message-referral"))
    trust.post("/fhir/$process-message", body, XML)
    (document,) = [
        entry["resource"]
        for entry in named.get("/fhir/DocumentReference").get_json()["entry"]
        if entry["resource"]["content"][0]["attachment"]["contentType"].startswith(XML)
    ]
    path = f"/fhir/{document['content'][0]['attachment']['url']}"

    assert named.get(path).data == body
    binary = in_xml(named.get(path, Accept="application/xml").data)
    assert (binary["resourceType"], binary["contentType"]) == ("Binary", XML)


@pytest.mark.parametrize("path", ["/fhir/Patient/none", "/fhir/Patient?nmae=x", "/fhir/Invention"])
def test_refusals_are_told_in_xml(guys: Team, path: str) -> None:
    answer = guys.get(path, Accept=XML)

    assert answer.status_code in (400, 404)
    assert in_xml(answer.data)["resourceType"] == "OperationOutcome"


def test_an_acknowledgement_is_called_in_xml(relay: Relay) -> None:
    trust, named = Team.of(relay, "RWF"), Team.of(relay, "8HX02")
    trust.post("/fhir", to_xml(example("rwf-message-referral")), XML)
    path = f"/fhir/Communication/{named.feed()[0]['id']}/$acknowledge"
    said = {
        "resourceType": "Parameters",
        "parameter": [{"name": "status", "valueCode": "received"}],
    }

    answer = named.post(path, to_xml(said), XML, Accept=XML)

    assert in_xml(answer.data)["status"] == "received"


@pytest.mark.parametrize(
    ("inner", "place"),
    [
        ("<gender value='male' colour='red'/>", "line 1"),
        ("<gender value='male'/>stray", "line 1"),
        ("<o:x xmlns:o='urn:o'/>", "line 1"),
    ],
)
def test_xml_with_something_beside_fhir_is_refused_with_its_place_and_kept(
    relay: Relay, guys: Team, inner: str, place: str
) -> None:
    body = f'<Patient xmlns="http://hl7.org/fhir">{inner}</Patient>'.encode()

    answer = guys.post("/fhir/Patient", body, XML)

    assert answer.status_code == 400
    assert place in answer.get_json()["issue"][0]["diagnostics"]
    (letter,) = relay.store.dead_letters.list()
    assert relay.store.dead_letters.get(letter.id).body == body  # type: ignore[union-attr]


def test_a_message_in_xml_that_cannot_be_read_is_kept(relay: Relay, guys: Team) -> None:
    answer = guys.post("/fhir/$process-message", b'<Bundle xmlns="http://hl7.org/fhir">', XML)

    assert answer.status_code == 400
    assert len(relay.store.dead_letters.list()) == 1


@pytest.mark.parametrize(
    ("accept", "is_xml"),
    [
        ("application/fhir+xml, application/fhir+json;q=0.5", True),
        ("application/fhir+json, application/fhir+xml", False),
        ("application/fhir+xml;q=0.5, */*", False),
        ("application/fhir+xml;q=0, application/fhir+json", False),
        ("application/fhir+xml; fhirVersion=4.0", True),
        ("application/xml", True),
        ("*/*", False),
        ("", False),
    ],
)
def test_accept_decides_between_json_and_xml(guys: Team, accept: str, is_xml: bool) -> None:
    answer = guys.get("/fhir/Patient", **({"Accept": accept} if accept else {}))

    assert answer.status_code == 200
    assert (answer.mimetype == XML) is is_xml


def test_a_refused_transaction_in_xml_is_replayed_as_the_transaction_that_it_is(
    relay: Relay, guys: Team
) -> None:
    body = example("rj1-transaction-referral")
    referral = next(
        e["resource"] for e in body["entry"] if e["resource"]["resourceType"] == "ServiceRequest"
    )
    referral["priority"] = "tomorrow"

    refused = guys.post("/fhir", to_xml(body), XML, Accept=XML)
    (letter,) = relay.store.dead_letters.list()
    kept = relay.store.dead_letters.get(letter.id)
    assert kept is not None
    with pytest.raises(ServiceError) as again:
        replay(relay, kept)

    assert in_xml(refused.data)["issue"][0]["code"] == again.value.issues[0].code == "code-invalid"
    assert relay.store.dead_letters.list()[0].attempts == 2


def test_a_transaction_in_xml_with_something_beside_fhir_is_kept_from_every_wire(
    relay: Relay,
) -> None:
    body = to_xml(example("rj1-transaction-referral")).replace(b"<entry>", b"<entry>stray", 1)

    (answer,) = take_in(relay, OdsCode("RJ1"), XML, body)

    assert answer.status == 400
    assert len(relay.store.dead_letters.list()) == 1

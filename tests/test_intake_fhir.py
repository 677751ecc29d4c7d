"""Messages, documents and transactions of FHIR R4, from POST to the feeds of the recipients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"


def example(name: str) -> bytes:
    return Path(EXAMPLES, f"{name}.json").read_bytes()


def changed(body: bytes, **parts: Any) -> bytes:
    return json.dumps(json.loads(body) | parts).encode()


@pytest.fixture
def pembury(relay: Relay) -> Team:
    """Maidstone and Tunbridge Wells' integration engine."""
    return Team.of(relay, "RWF")


@pytest.fixture
def named(relay: Relay) -> Team:
    """The hospice that the sample messages of Maidstone and Tunbridge Wells name."""
    return Team.of(relay, "8HX02")


@pytest.fixture
def guys(relay: Relay) -> Team:
    """Guy's and St Thomas' integration engine."""
    return Team.of(relay, "RJ1")


@pytest.mark.parametrize("path", ["/fhir", "/fhir/$process-message"])
def test_a_message_is_answered_by_a_message_that_refers_to_it(path: str, pembury: Team) -> None:
    message = json.loads(example("rwf-message-referral"))

    response = pembury.post(path, json.dumps(message).encode(), FHIR)

    answer = response.get_json()
    header = answer["entry"][0]["resource"]
    assert response.status_code == 200
    assert answer["type"] == "message"
    assert header["resourceType"] == "MessageHeader"
    assert header["response"]["code"] == "ok"
    assert header["response"]["identifier"] == message["id"]  # as BaRS has it


def test_a_referral_by_message_reaches_whom_it_names_with_its_request(
    pembury: Team, named: Team
) -> None:
    pembury.post("/fhir", example("rwf-message-referral"), FHIR)

    (communication,) = named.feed()
    request = named.get(f"/fhir/{communication['basedOn'][0]['reference']}").get_json()
    assert request["resourceType"] == "ServiceRequest"
    assert request["intent"] in ("order", "plan")
    assert request["subject"]["reference"] == communication["subject"]["reference"]


def test_the_same_message_again_gets_the_first_answer(pembury: Team, named: Team) -> None:
    first = pembury.post("/fhir", example("rwf-message-referral"), FHIR)
    second = pembury.post("/fhir", example("rwf-message-referral"), FHIR)

    assert second.data == first.data
    assert len(named.feed()) == 1


def test_the_same_message_id_with_other_content_is_a_conflict(pembury: Team, named: Team) -> None:
    pembury.post("/fhir", example("rwf-message-referral"), FHIR)
    other = changed(example("rwf-message-referral"), timestamp="2025-05-01T10:00:00+01:00")

    response = pembury.post("/fhir", other, FHIR)

    assert response.status_code == 409
    assert response.get_json()["issue"][0]["code"] == "conflict"
    assert len(named.feed()) == 1


def test_a_withdrawn_referral_follows_to_those_who_got_it(pembury: Team, named: Team) -> None:
    pembury.post("/fhir", example("rwf-message-referral"), FHIR)
    response = pembury.post("/fhir", example("rwf-message-withdrawn"), FHIR)

    assert response.status_code == 200, response.get_json()
    first, second = named.feed()
    request = named.get(f"/fhir/{first['basedOn'][0]['reference']}").get_json()
    assert second["topic"]["coding"][0]["code"] == "referral-cancelled"
    assert request["status"] == "revoked"
    assert request["meta"]["versionId"] == "2"


def test_a_document_is_kept_whole_and_its_sections_can_be_read(
    pembury: Team, hospice: Team
) -> None:
    body = example("rwf-document-discharge")

    response = pembury.post("/fhir", body, FHIR)

    assert response.status_code == 201
    (communication,) = hospice.feed()
    about = [hospice.get(f"/fhir/{one['reference']}").get_json() for one in communication["about"]]
    composition = next(one for one in about if one["resourceType"] == "Composition")
    sent = [s for s in json.loads(body)["entry"][0]["resource"]["section"] if "text" in s]
    assert [(s["title"], s["text"]["div"]) for s in composition["section"]] == [
        (s["title"], s["text"]["div"]) for s in sent
    ]
    original = next(
        one["content"][0]["attachment"]
        for one in about
        if one["resourceType"] == "DocumentReference"
    )
    raw = hospice.get(f"/fhir/{original['url']}", Accept="*/*")
    assert raw.data == body


def test_a_transaction_is_stored_as_posted_and_its_referral_is_sent_on(
    guys: Team, hospice: Team
) -> None:
    body = example("rj1-transaction-referral")

    response = guys.post("/fhir", body, FHIR)

    answer = response.get_json()
    assert response.status_code == 200
    assert answer["type"] == "transaction-response"
    assert len(answer["entry"]) == len(json.loads(body)["entry"])
    (communication,) = hospice.feed()
    located = [entry["response"].get("location", "") for entry in answer["entry"]]
    assert any(communication["id"] in location for location in located)
    request = hospice.get(f"/fhir/{communication['basedOn'][0]['reference']}").get_json()
    posted = next(
        entry["resource"]
        for entry in json.loads(body)["entry"]
        if entry["resource"]["resourceType"] == "ServiceRequest"
    )
    assert request["reasonCode"] == posted["reasonCode"]
    assert request["note"] == posted["note"]


def test_a_faulty_transaction_writes_nothing_and_tells_every_fault(
    guys: Team, hospice: Team, relay: Relay
) -> None:
    bundle = json.loads(example("rj1-transaction-referral"))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] in ("ServiceRequest", "Communication"):
            entry["resource"]["status"] = "banana"

    response = guys.post("/fhir", json.dumps(bundle).encode(), FHIR)

    outcome = response.get_json()
    places = [issue["expression"][0] for issue in outcome["issue"]]
    assert response.status_code == 422
    assert any("ServiceRequest" in place or "entry" in place for place in places)
    assert len([place for place in places if place.endswith("status")]) == 2
    assert "banana" not in response.text
    assert not hospice.feed()
    assert guys.get("/fhir/Patient").get_json().get("entry", []) == []
    assert len(relay.store.dead_letters.list()) == 1


UNREADABLE = {
    "no JSON": (b"{", 400),
    "no resource": (b'{"a": 1}', 400),
    "a key twice": (b'{"resourceType": "Bundle", "type": "message", "type": "batch"}', 400),
    "a searchset": (b'{"resourceType": "Bundle", "type": "searchset"}', 422),
}


@pytest.mark.parametrize(("body", "status"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_kept_all_the_same(
    body: bytes, status: int, guys: Team, relay: Relay
) -> None:
    response = guys.post("/fhir", body, FHIR)

    assert response.status_code == status, response.text
    assert response.get_json()["resourceType"] == "OperationOutcome"
    (letter,) = relay.store.dead_letters.list()
    kept = relay.store.dead_letters.get(letter.id)
    assert kept is not None
    assert kept.body == body


def test_a_message_can_be_sent_to_a_named_mapping(pembury: Team, named: Team) -> None:
    response = pembury.post("/intake/base/fhir-r4-message", example("rwf-message-referral"), FHIR)

    assert response.status_code == 200
    assert len(named.feed()) == 1
    assert pembury.post("/intake/no-such-mapping", b"{}", FHIR).status_code == 404


def test_a_message_sent_to_a_named_mapping_is_replayed_with_it(pembury: Team, relay: Relay) -> None:
    refused = pembury.post("/intake/rjz-adt", example("rwf-message-referral"), FHIR)

    (letter,) = relay.store.dead_letters.list()
    assert refused.status_code >= 400
    assert letter.mapping == "rjz-adt"


def test_a_summary_that_replaces_another_says_so(pembury: Team, hospice: Team) -> None:
    body = json.loads(example("rwf-document-discharge"))
    earlier = {"system": "https://fhir.nhs.uk/RWF/Id/document", "value": "EARLIER"}
    told = {"code": "replaces", "targetIdentifier": earlier}
    body["entry"][0]["resource"]["relatesTo"] = [told]

    assert pembury.post("/fhir", json.dumps(body).encode(), FHIR).status_code == 201

    (notice,) = hospice.feed()
    assert "It replaces an earlier version." in notice["payload"][0]["contentString"]


def test_a_message_in_xml_is_processed_as_well(relay: Relay) -> None:
    community, practice = Team.of(relay, "RYY"), Team.of(relay, "G99903")
    body = Path(EXAMPLES, "ryy-message-referral.xml").read_bytes()

    answer = community.post("/fhir/$process-message", body, "application/fhir+xml")

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["type"] == "message"
    assert len(practice.feed()) == 1


BANANA = b'{"resourceType": "Patient", "gender": "banana"}'
BATCH = (
    b'{"resourceType": "Bundle", "type": "batch", "entry": ['
    b'{"resource": {"resourceType": "Patient", "gender": "female"},'
    b' "request": {"method": "POST", "url": "Patient"}},'
    b'{"resource": ' + BANANA + b', "request": {"method": "POST", "url": "Patient"}}]}'
)
REFUSED = {
    "a resource": ("/fhir/Patient", BANANA, 422),
    "no JSON": ("/fhir/Patient", b"{", 400),
    "another type": ("/fhir/Encounter", BANANA, 400),
    "an entry of a batch": ("/fhir", BATCH, 200),
}


@pytest.mark.parametrize(("path", "body", "status"), REFUSED.values(), ids=REFUSED)
def test_a_refused_resource_is_kept_too(
    path: str, body: bytes, status: int, guys: Team, relay: Relay
) -> None:
    response = guys.post(path, body, FHIR)

    assert response.status_code == status
    assert "banana" not in response.text
    (letter,) = relay.store.dead_letters.list()
    kept = relay.store.dead_letters.get(letter.id)
    assert kept is not None
    assert (
        json.loads(kept.body)["entry"][0]["resource"] == json.loads(BANANA)
        if (path == "/fhir")
        else kept.body == body
    )

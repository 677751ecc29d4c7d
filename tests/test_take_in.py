"""Bytes that come by a wire that is not HTTP are taken in as POST would take them."""

from __future__ import annotations

import json

import pytest

from service.app import Relay, take_in
from service.bundled import bundled_folder
from service.model import OdsCode
from tests.hl7v2_letters import a03
from tests.relay_client import FHIR, HL7V2, Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"
PATIENT = {
    "resourceType": "Bundle",
    "type": "batch",
    "entry": [
        {
            "resource": {"resourceType": "Patient", "name": [{"family": "XXTESTPATIENT"}]},
            "request": {"method": "POST", "url": "Patient"},
        }
    ],
}


def test_each_hl7v2_message_has_its_acknowledgement(relay: Relay) -> None:
    both = a03() + a03(control_id="K0002", event="P03")

    answers = take_in(relay, OdsCode("RJZ"), HL7V2, both)

    assert [answer.status for answer in answers] == [200, 422]
    assert [b"MSA|AA|K0001" in answers[0].body, b"MSA|AR|K0002" in answers[1].body] == [True, True]
    assert len(Team.of(relay, "G99901").feed()) == 1


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_of_requests_is_carried_out_and_stored_as_posted(relay: Relay, kind: str) -> None:
    (answer,) = take_in(relay, OdsCode("RJ1"), FHIR, json.dumps(PATIENT | {"type": kind}).encode())

    assert (answer.status, json.loads(answer.body)["type"]) == (200, f"{kind}-response")
    (entry,) = Team.of(relay, "RJ1").get("/fhir/Patient").get_json()["entry"]
    assert entry["resource"]["name"] == [{"family": "XXTESTPATIENT"}]


def test_a_referral_in_a_transaction_is_sent_on(relay: Relay) -> None:
    referral = EXAMPLES / "rj1-transaction-referral.json"

    (answer,) = take_in(relay, OdsCode("RJ1"), FHIR, referral.read_bytes())

    assert answer.status == 200
    assert list(Team.of(relay, "RJ1").get("/fhir/Communication").get_json()["entry"])


def test_what_comes_without_a_media_type_can_be_read_as_it_came(relay: Relay) -> None:
    take_in(relay, OdsCode("RJZ"), "", a03())

    practice = Team.of(relay, "G99901")
    (entry,) = practice.get("/fhir/DocumentReference").get_json()["entry"]
    (content,) = entry["resource"]["content"]
    assert practice.get(f"/fhir/{content['attachment']['url']}").data == a03()


REFUSED = {
    "no format that is known": (b"hello", "text/plain", "", 415),
    "a mapping that is not there": (a03(), HL7V2, "no/such", 422),
    "a transaction with a wrong resource": (
        json.dumps(PATIENT | {"type": "transaction"}).replace("family", "famly").encode(),
        *(FHIR, "", 400),
    ),
}


@pytest.mark.parametrize(("body", "media_type", "mapping", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_answered_and_kept(
    relay: Relay, body: bytes, media_type: str, mapping: str, status: int
) -> None:
    (answer,) = take_in(relay, OdsCode("RJZ"), media_type, body, mapping)

    assert answer.status == status
    assert json.loads(answer.body)["resourceType"] == "OperationOutcome"
    (letter,) = relay.store.dead_letters.list()
    kept = relay.store.dead_letters.get(letter.id)
    assert kept is not None
    assert kept.body == body

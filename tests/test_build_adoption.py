"""A posted Communication that one recipient gets is the sender's own, completed by the relay."""

from __future__ import annotations

from dataclasses import replace

from build_fixtures import HOSPICE, discharge, made

from service.fhir.build import adopted
from service.fhir.systems import EVENT_KIND, RECIPIENT_TYPE
from service.fhir.validate import check

POSTED = {
    "resourceType": "Communication",
    "id": "c1",
    "meta": {
        "profile": ["https://example.org/theirs"],
        "security": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}
        ],
        "tag": [
            {"system": RECIPIENT_TYPE, "code": "FI"},
            {"system": "https://example.org", "code": "t"},
        ],
    },
    "identifier": [{"system": "https://fhir.nhs.uk/RJZ/Id/letter", "value": "L1"}],
    "status": "completed",
    "category": [{"text": "Letter"}],
    "topic": {
        "coding": [{"system": "http://snomed.info/sct", "code": "25611000000107"}],
        "text": "Referral letter",
    },
    "received": "2020-01-01T00:00:00Z",
    "payload": [{"contentString": "Please see this patient."}],
    "language": "en-GB",
}


def completed(posted=POSTED):
    recipient = replace(HOSPICE, reference="Communication/c1")
    _, built, _ = made(discharge(recipients=(recipient,)), recipient).communications[0]
    return adopted(built, posted)


def test_it_conforms_to_our_profile():
    assert check(completed()) == []
    assert completed()["meta"]["profile"][0].endswith("DischargeRelay-Communication")


def test_what_the_sender_wrote_stays():
    result = completed()

    assert result["payload"] == POSTED["payload"]
    assert result["language"] == "en-GB"
    assert result["identifier"][0]["value"] == "L1"
    assert result["category"][0] == {"text": "Letter"}
    assert result["topic"]["text"] == "Referral letter"
    assert result["topic"]["coding"][1]["code"] == "25611000000107"
    assert result["meta"]["profile"][1] == "https://example.org/theirs"


def test_what_is_the_relays_to_say_is_not_taken_from_the_sender():
    result = completed()

    assert result["status"] == "in-progress"
    assert "received" not in result
    assert result["topic"]["coding"][0]["system"] == EVENT_KIND
    tags = {tag["system"]: tag["code"] for tag in result["meta"]["tag"]}
    assert tags == {RECIPIENT_TYPE: "FA", "https://example.org": "t"}


def test_a_security_label_is_never_lost():
    assert completed()["meta"]["security"] == POSTED["meta"]["security"]


def test_what_the_store_looks_for_comes_first():
    assert list(completed())[:3] == ["resourceType", "id", "meta"]
    assert list(completed()["meta"])[:2] == ["versionId", "lastUpdated"]


def test_nothing_posted_leaves_what_was_built():
    assert completed(posted={})["payload"] != POSTED["payload"]


def test_a_contained_recipient_goes_with_the_reference_to_it_and_others_stay():
    contained = [
        {"resourceType": "Organization", "id": "to", "name": "Hospice"},
        {"resourceType": "Practitioner", "id": "by", "name": [{"family": "Example"}]},
    ]
    about = [{"reference": "#by"}]
    posted = {**POSTED, "contained": contained, "recipient": [{"reference": "#to"}], "about": about}

    result = completed(posted)

    assert [each["id"] for each in result["contained"]] == ["by"]
    assert check(result) == []

"""A FHIR document as an attachment of an R4 message or transaction is read as well."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.itk3_messages import discharge, example, replaced
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures", "tests.kent_fixtures"]

PATIENT = "urn:uuid:5a7c0100-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
BINARY = "urn:uuid:5a7c0101-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
REFERENCE = "urn:uuid:5a7c0102-0b1d-4e2f-8a3b-9c4d5e6f7a8b"


def document() -> bytes:
    """Return the STU3 document of the sample discharge, without its message."""
    text = discharge().decode()
    start = text.index('<Bundle>\n<id value="5a7c0009')
    return (
        text[start : text.rindex("</Bundle></resource>") + 9]
        .encode()
        .replace(b"<Bundle>", b'<Bundle xmlns="http://hl7.org/fhir">', 1)
    )


def patient(number: str = "9990010005", family: str = "XXTESTITK") -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": number}],
        "name": [{"family": family, "given": ["Rosalind"]}],
        "birthDate": "1948-03-02",
    }


def binary(content: bytes) -> dict[str, Any]:
    told = b64encode(content).decode()
    return {"resourceType": "Binary", "contentType": "application/fhir+xml", "data": told}


def document_reference() -> dict[str, Any]:
    attachment = {"contentType": "application/fhir+xml", "url": BINARY, "title": "Transfer of care"}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": PATIENT},
        "content": [{"attachment": attachment}],
    }


def message(content: bytes, who: dict[str, Any]) -> bytes:
    header = {
        "resourceType": "MessageHeader",
        "id": "5a7c0103-0b1d-4e2f-8a3b-9c4d5e6f7a8b",
        "eventCoding": {
            "system": "https://fhir.nhs.uk/CodeSystem/message-event",
            "code": "document",
        },
        "source": {"endpoint": "https://epr.example.nhs.uk"},
        "focus": [{"reference": REFERENCE}],
    }
    entries = [
        {"fullUrl": "urn:uuid:5a7c0103-0b1d-4e2f-8a3b-9c4d5e6f7a8b", "resource": header},
        {"fullUrl": REFERENCE, "resource": document_reference()},
        {"fullUrl": PATIENT, "resource": who},
        {"fullUrl": BINARY, "resource": binary(content)},
    ]
    bundle = {"resourceType": "Bundle", "type": "message", "timestamp": "2025-07-14T16:10:00+01:00"}
    return json.dumps({**bundle, "entry": entries}).encode()


def test_what_the_document_within_says_is_delivered(kent: Team, pilgrims: Team) -> None:
    response = kent.post("/fhir/$process-message", message(document(), patient()), FHIR)

    assert response.status_code == 200
    (notice,) = pilgrims.feed()
    assert notice["topic"]["coding"][0]["code"] == "discharge"
    (found,) = kent.get("/fhir/Composition").get_json()["entry"]
    narrative = json.dumps(found["resource"]["section"])
    assert "<b>one working day</b>" in narrative
    (stay,) = kent.get("/fhir/Encounter").get_json()["entry"]
    assert stay["resource"]["period"]["end"] == "2025-07-14T15:30:00+01:00"


@pytest.mark.parametrize(
    "called", ["application/fhir+xml", "application/xml", "text/XML; charset=utf-8"]
)
def test_a_transaction_that_stores_such_a_document_sends_it_on(
    called: str, kent: Team, pilgrims: Team
) -> None:
    held, reference = binary(document()), document_reference()
    held["contentType"] = reference["content"][0]["attachment"]["contentType"] = called
    entries = [
        {"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": kind}}
        for url, resource, kind in (
            (PATIENT, patient(), "Patient"),
            (BINARY, held, "Binary"),
            (REFERENCE, reference, "DocumentReference"),
        )
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    response = kent.post("/fhir", json.dumps(bundle).encode(), FHIR)

    assert response.status_code == 200, response.get_json()
    (notice,) = pilgrims.feed()
    assert notice["topic"]["coding"][0]["code"] == "discharge"


@pytest.mark.parametrize(
    "who", [patient("9990010099"), patient("9990010099", "XXOTHER")], ids=["number", "all"]
)
def test_a_document_about_somebody_else_is_refused(who: dict[str, Any], kent: Team) -> None:
    response = kent.post("/fhir/$process-message", message(document(), who), FHIR)

    assert response.status_code == 422
    assert "somebody else" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(document()[:900], id="cut off"),
        pytest.param(replaced(document(), "<Composition>", "<Basic>"), id="not well-formed"),
        pytest.param(example("base-ers-referral.json"), id="no document"),
    ],
)
def test_what_cannot_be_read_is_attached_and_told(content: bytes, kent: Team) -> None:
    body = message(content, patient())

    response = kent.post("/fhir/$process-message", body, FHIR)

    assert response.status_code == 200
    assert "the document within could not be read" in response.get_data(as_text=True)
    assert kent.get("/fhir/DocumentReference").get_json()["entry"]

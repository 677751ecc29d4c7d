"""What ITK3 and other STU3 messages say in ways that the examples do not have."""

from __future__ import annotations

import json

import pytest
from mapping_samples import converted, fact, read

from service.model import TransferOfCare
from tests.itk3_messages import discharge, example, replaced


def becomes(body: bytes) -> TransferOfCare:
    return converted("RVV", body)[1]


def texts(transfer: TransferOfCare) -> list[str]:
    return [issue.text for issue in transfer.issues]


DIED = {"before": "<birthDate", "after": '<deceasedBoolean value="true"/>\n<birthDate'}


def test_what_is_told_of_somebody_who_died_asks_nobody_for_its_plan() -> None:
    body = discharge()
    assert fact(becomes(body), "requests[].intent") == ("plan",)
    died = becomes(replaced(body, **DIED))

    assert died.kind == "death"
    assert died.requests == ()


def test_a_letter_about_somebody_who_died_says_so_and_asks_for_nothing() -> None:
    bundle = json.loads(example("base-itk3-outpatient.json"))
    plan = {
        "title": "Plan and requested actions",
        "code": {"coding": [{"code": "887201000000105", "system": "http://snomed.info/sct"}]},
        "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
    }
    bundle["entry"][0]["resource"]["section"].append(plan)
    asking = becomes(json.dumps(bundle).encode())
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Patient":
            entry["resource"]["deceasedBoolean"] = True
    transfer = becomes(json.dumps(bundle).encode())

    assert fact(asking, "requests[].intent")[-1] == "plan"
    assert transfer.kind == "document"
    assert transfer.requests == ()
    assert "the patient is marked as deceased" in texts(transfer)
    assert "the patient is marked as deceased" not in texts(asking)


def test_a_message_whose_payload_is_a_file_is_a_document() -> None:
    (header, patient) = (
        {
            "resourceType": "MessageHeader",
            "id": "m1",
            "event": {"system": "https://fhir.nhs.uk/STU3/CodeSystem/x", "code": "ITK007C"},
            "timestamp": "2025-05-01T10:00:00+01:00",
            "source": {"endpoint": "urn:nhs-uk:addressing:ods:RVV"},
            "focus": [{"reference": "urn:uuid:b"}],
        },
        {"resourceType": "Patient", "name": [{"family": "XXTEST"}], "birthDate": "1962-03-04"},
    )
    binary = {"resourceType": "Binary", "contentType": "application/pdf", "content": "JVBERi0xLjQ="}
    entries = [
        {"fullUrl": f"urn:uuid:{name}", "resource": resource}
        for name, resource in (("h", header), ("b", binary), ("p", patient))
    ]
    message = {"resourceType": "Bundle", "id": "x", "type": "message", "entry": entries}
    transfer = becomes(json.dumps(message).encode())

    assert (transfer.kind, transfer.patient.family) == ("document", "XXTEST")
    assert fact(transfer, "documents[].content") == (b"%PDF-1.4",)
    assert fact(transfer, "documents[].content_type") == ("application/pdf",)


def letter(*, extension: str) -> bytes:
    """A document that may be of either release, but for the address of an extension."""
    marked = {"url": extension, "valueCodeableConcept": {"coding": [{"code": "01"}]}}
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990010005"}
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"coding": [{"system": "http://snomed.info/sct", "code": "373942005"}]},
        "subject": {"reference": "urn:uuid:p"},
        "date": "2025-05-01T10:00:00+01:00",
        "author": [{"display": "x"}],
        "title": "Discharge summary",
    }
    patient = {"resourceType": "Patient", "identifier": [{**number, "extension": [marked]}]}
    entries = [
        {"fullUrl": "urn:uuid:c", "resource": composition},
        {"fullUrl": "urn:uuid:p", "resource": patient},
    ]
    return json.dumps(
        {
            "resourceType": "Bundle",
            "identifier": {"system": "urn:x", "value": "1"},
            "type": "document",
            "entry": entries,
        }
    ).encode()


@pytest.mark.parametrize(
    ("extension", "release"),
    [
        (
            "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-"
            "NHSNumberVerificationStatus-1",
            "fhir-stu3",
        ),
        (
            "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
            "NHSNumberVerificationStatus",
            "fhir-r4",
        ),
    ],
)
def test_a_document_of_either_release_is_of_that_whose_extensions_it_has(
    extension: str, release: str
) -> None:
    body = letter(extension=extension)

    assert read(body).format == release
    assert becomes(body).patient.nhs_number_status == "01"

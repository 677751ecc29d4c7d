"""What ITK3 and other STU3 messages say in ways that the examples do not have."""

from __future__ import annotations

import json

import pytest
from mapping_samples import converted, doubts, fact, read

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


def report(*, reason: str = "primaryEmergencyDepartmentRecipientNHS111CDADocument-v2-0") -> bytes:
    """An NHS 111 report as its adaptor writes it: no focus, no receiver, codes without systems."""
    resources = {
        "m": {
            "resourceType": "MessageHeader",
            "id": "m1",
            "event": {
                "system": "https://fhir.nhs.uk/STU3/CodeSystem/EventType-1",
                "code": "referral-1",
            },
            "destination": [
                {"endpoint": "urn:nhs-uk:addressing:ods:8HX03:DOSServiceID:2000006423"}
            ],
            "timestamp": "2025-04-06T11:33:35+00:00",
            "source": {"endpoint": "http://111.example/report"},
            "reason": {"coding": [{"code": f"urn:nhs-itk:interaction:{reason}"}]},
        },
        "r": {
            "resourceType": "ReferralRequest",
            "status": "active",
            "intent": "plan",
            "priority": "routine",
            "subject": {"reference": "urn:uuid:p"},
        },
        "c": {
            "resourceType": "Composition",
            "status": "final",
            "type": {"coding": [{"system": "http://snomed.info/sct", "code": "371531000"}]},
            "subject": {"reference": "urn:uuid:p"},
            "date": "2025-04-06T11:33:35+00:00",
            "title": "111 Report",
        },
        "d": {
            "resourceType": "Condition",
            "verificationStatus": "unknown",
            "subject": {"reference": "urn:uuid:p"},
        },
        "g": {
            "resourceType": "Organization",
            "identifier": [{"value": "G99901"}],
            "name": "Sample Surgery",
        },
        "p": {
            "resourceType": "Patient",
            "name": [{"family": "XXTEST"}],
            "telecom": [{"system": "phone", "value": "tel:07700900001"}],
            "generalPractitioner": [{"reference": "urn:uuid:g"}],
        },
    }
    entries = [{"fullUrl": f"urn:uuid:{i}", "resource": one} for i, one in resources.items()]
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": entries}).encode()


def test_a_report_of_nhs_111_is_a_referral_to_whom_it_is_addressed() -> None:
    transfer = becomes(report())

    assert transfer.kind == "referral"
    assert [(one.ods, one.role) for one in transfer.recipients] == [("8HX03", "action")]
    assert fact(transfer, "requests[].priority") == ("routine",)
    assert transfer.diagnoses == ()
    assert fact(transfer, "patient.telecoms[].value") == ("07700900001",)


def test_the_code_of_a_practice_without_its_system_is_taken_and_flagged() -> None:
    transfer = becomes(report())

    assert fact(transfer, "patient.gp_practice.ods") == "G99901"
    assert "patient.gp_practice.ods" in doubts(transfer)


def test_a_copy_of_a_report_asks_for_nothing() -> None:
    transfer = becomes(report(reason="copyRecipientNHS111CDADocument-v2-0"))

    assert (transfer.kind, transfer.requests) == ("document", ())
    assert [(one.ods, one.role) for one in transfer.recipients] == [("8HX03", "information")]

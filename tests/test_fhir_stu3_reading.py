"""FHIR STU3 is told from R4, and read by its own structure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service import formats
from service.errors import UnknownFormat
from service.formats import fhir_r4, fhir_stu3
from service.formats.fhir_r4 import messages
from service.model import r4, stu3
from tests.itk3_messages import discharge, example

PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/X-1"


def bundle(*resources: dict[str, Any], **parts: Any) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    whole = {"resourceType": "Bundle", "type": "document", "entry": entries}
    return json.dumps(whole | parts).encode()


def detected(body: bytes, media_type: str = "") -> str:
    return formats.detect(media_type, body).name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (discharge(), "fhir-stu3"),
        (example("base-itk3-outpatient.json"), "fhir-stu3"),
        (example("base-ers-referral.json"), "fhir-stu3"),
        (bundle({"resourceType": "Patient", "meta": {"profile": [PROFILE]}}), "fhir-stu3"),
        (bundle({"resourceType": "ProcedureRequest"}), "fhir-stu3"),
        (bundle({"resourceType": "MessageHeader", "event": {"code": "x"}}), "fhir-stu3"),
        (bundle({"resourceType": "Condition", "clinicalStatus": "active"}), "fhir-stu3"),
        (bundle({"resourceType": "MedicationStatement", "taken": "y"}), "fhir-stu3"),
        (
            b'<Condition xmlns="http://hl7.org/fhir"><clinicalStatus value="active"/></Condition>',
            "fhir-stu3",
        ),
        (example("base-document-discharge.json"), "fhir-r4"),
        (example("base-message-bars.json"), "fhir-r4"),
        (example("ryy-message-referral.xml"), "fhir-r4"),
        (bundle({"resourceType": "Condition", "recordedDate": "2025-01-01"}), "fhir-r4"),
        # Code systems of STU3's time are used in R4 too.
        (
            bundle(
                {
                    "resourceType": "Encounter",
                    "class": {"system": "https://fhir.nhs.uk/STU3/CodeSystem/X", "code": "IMP"},
                }
            ),
            "fhir-r4",
        ),
        # More of R4 than of STU3: a slip, and told as one.
        (
            bundle(
                {
                    "resourceType": "Condition",
                    "assertedDate": "2025-01-01",
                    "recordedDate": "2025-01-01",
                    "clinicalStatus": {"coding": [{"code": "active"}]},
                }
            ),
            "fhir-r4",
        ),
    ],
)
def test_stu3_is_told_from_r4_by_what_it_is_made_of(body: bytes, name: str) -> None:
    assert detected(body) == name


def test_a_sender_may_say_that_it_is_stu3() -> None:
    patient = b'{"resourceType": "Patient", "name": [{"family": "XX"}]}'

    assert detected(patient, "application/fhir+json; fhirVersion=3.0") == "fhir-stu3"
    assert detected(patient, "application/fhir+json; fhirVersion=4.0") == "fhir-r4"


def test_the_r4_reader_still_refuses_stu3_by_name() -> None:
    with pytest.raises(UnknownFormat, match="STU3"):
        fhir_r4.FORMAT.read(discharge())


def test_every_element_of_the_samples_is_known_to_stu3() -> None:
    for name in ("base-itk3-discharge.xml", "base-stu3-referral.xml", "base-itk3-outpatient.json"):
        (message,) = fhir_stu3.FORMAT.read(example(name))
        assert message.issues == ()


def test_a_path_is_checked_against_stu3s_names() -> None:
    paths = ("Encounter.reason", "Condition.assertedDate", "ReferralRequest.requester.agent")

    for path in paths:
        assert fhir_stu3.FORMAT.compile_path(path).text == path
        with pytest.raises(ValueError, match=r"no element|no resource type"):
            fhir_r4.FORMAT.compile_path(path)
    with pytest.raises(ValueError, match="STU3"):
        fhir_stu3.FORMAT.compile_path("ServiceRequest.code")


def found(body: bytes, path: str) -> list[str]:
    (message,) = fhir_stu3.FORMAT.read(body)
    return list(fhir_stu3.FORMAT.compile_path(path).values(message.root))


def test_a_document_within_a_message_refers_to_its_own_resources() -> None:
    """Sender and custodian have one address in the message and another content in the document."""
    address = "urn:uuid:5a7c0200-0b1d-4e2f-8a3b-9c4d5e6f7a8b"

    def organisation(name: str) -> dict[str, Any]:
        return {"fullUrl": address, "resource": {"resourceType": "Organization", "name": name}}

    composition = {"resourceType": "Composition", "custodian": {"reference": address}}
    inner = {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [{"resource": composition}, organisation("as the document has it")],
    }
    header = {
        "resourceType": "MessageHeader",
        "event": {"code": "ITK003D"},
        "sender": {"reference": address},
    }
    entries = [{"resource": header}, organisation("as the message has it"), {"resource": inner}]
    body = json.dumps({"resourceType": "Bundle", "type": "message", "entry": entries}).encode()

    assert found(body, "MessageHeader.sender.resolve().name") == ["as the message has it"]
    assert found(body, "Composition.custodian.resolve().name") == ["as the document has it"]


def test_roles_are_those_of_the_practitioner() -> None:
    body = example("base-itk3-outpatient.json")

    author = "Composition.author.resolve()"
    assert found(body, f"{author}.roles().code.coding.display") == ["Consultant"]
    assert found(body, f"{author}.roles().roles().organization.resolve().name") == [
        "East Kent Hospitals University NHS Foundation Trust"
    ]
    assert found(body, "subject().roles().code.coding.display") == []


@pytest.mark.parametrize("definitions", [r4.DEFINITIONS, stu3.DEFINITIONS], ids=["R4", "STU3"])
def test_every_type_that_an_element_names_is_in_its_table(definitions: Any) -> None:
    unknown = {
        (kind, element.name)
        for kind in definitions.types
        for element in definitions.children(kind).values()
        if not definitions.is_primitive(element.type) and not definitions.children(element.type)
    }

    assert unknown == set()


@pytest.mark.parametrize(
    ("path", "kind", "many"),
    [
        ("Encounter.reason", "CodeableConcept", True),
        ("Bundle.entry.resource", "Resource", False),
        ("Binary.content", "base64Binary", False),
        ("Condition.clinicalStatus", "code", False),
        ("Composition.section.section.text.div", "xhtml", False),
        ("Extension.valueCodeableConcept.coding.code", "code", False),
        ("MedicationStatement.dosage.doseQuantity.value", "decimal", False),
        ("Coding.userSelected", "boolean", False),
        ("Patient.id", "id", False),
    ],
)
def test_the_table_of_stu3_says_what_the_standard_says(path: str, kind: str, *, many: bool) -> None:
    element = stu3.DEFINITIONS.element(path)

    assert element is not None
    assert (element.type, element.many) == (kind, many)


def test_a_message_of_stu3_says_so() -> None:
    resource = json.loads(example("base-itk3-outpatient.json"))

    (message,) = messages(resource, release=fhir_stu3.STU3)

    assert (message.format, message.message_type) == ("fhir-stu3", "document")
    assert message.claimed_sender == "RVV"

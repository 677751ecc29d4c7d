"""What a FHIR R4 message says of itself: id, type, sender, and what is odd about it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from fhir_r4_fixtures import HEADER, ODS, message

from service.errors import TooLarge, UnknownFormat, UnreadableMessage
from service.formats import SourceMessage
from service.formats.fhir_r4 import FORMAT, FhirMessage, as_written, messages, stu3_evidence


def one(resource: dict[str, Any]) -> FhirMessage:
    (found,) = messages(resource)
    return found


def bundle(kind: str, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    held = [{"resource": entry} for entry in entries]
    return {"resourceType": "Bundle", "type": kind, "entry": held, **more}


def header(**more: Any) -> dict[str, Any]:
    return {"resourceType": "MessageHeader", **more}


IDENTIFIER = {"system": "https://trust.example/Id", "value": "D-7"}
IDS: list[tuple[dict[str, Any], str]] = [
    (bundle("message", header(id="m-1"), id="b", identifier=IDENTIFIER), "m-1"),
    (bundle("message", header(), id="b", identifier=IDENTIFIER), "https://trust.example/Id|D-7"),
    (bundle("message", header(), id="b", identifier={"value": "D-7"}), "D-7"),
    (message(), HEADER.removeprefix("urn:uuid:")),
    (bundle("message", header(), id="b"), ""),
    (bundle("document", id="b", identifier=IDENTIFIER), "https://trust.example/Id|D-7"),
    (bundle("document", id="b"), ""),
    (bundle("transaction", id="b"), ""),
    (bundle("transaction", id="b", identifier=IDENTIFIER), "https://trust.example/Id|D-7"),
    ({"resourceType": "ServiceRequest", "id": "s"}, ""),
]


@pytest.mark.parametrize(("resource", "message_id"), IDS, ids=range(len(IDS)))
def test_the_bundles_id_alone_never_identifies_a_message(
    resource: dict[str, Any], message_id: str
) -> None:
    found = one(resource)

    assert found.message_id == message_id
    assert found.bundle_id == (resource["id"] if resource["resourceType"] == "Bundle" else "")


TYPES: list[tuple[dict[str, Any], str]] = [
    (message(), "message:servicerequest-request"),
    (bundle("message", header(eventUri="https://x.example/events/admit")), "message:admit"),
    (bundle("message", header()), "message"),
    (bundle("document"), "document"),
    (bundle("transaction"), "transaction"),
    (bundle("batch"), "batch"),
    (bundle("collection"), "collection"),
    ({"resourceType": "Communication"}, "Communication"),
]


@pytest.mark.parametrize(("resource", "message_type"), TYPES, ids=[t[1] for t in TYPES])
def test_the_message_type_is_what_people_call_it(
    resource: dict[str, Any], message_type: str
) -> None:
    assert one(resource).message_type == message_type


def party(code: str, system: str = ODS) -> dict[str, Any]:
    return {"identifier": {"system": system, "value": code}}


ROLE = {"resourceType": "PractitionerRole", "id": "r", "organization": party("RRV")}
TRUST = {
    "resourceType": "Organization",
    "id": "o",
    "identifier": [{"system": "https://x", "value": "1"}, {"system": ODS, "value": "RJZ"}],
}
SENDERS: list[tuple[dict[str, Any], str]] = [
    (message(), "RJZ"),
    (bundle("message", header(sender=party("RJ1"))), "RJ1"),
    (bundle("message", header(responsible=party("RJ1"))), "RJ1"),
    (bundle("message", header(sender={"reference": "PractitionerRole/r"}), ROLE), "RRV"),
    (
        bundle(
            "document",
            {"resourceType": "Composition", "custodian": {"reference": "Organization/o"}},
            TRUST,
        ),
        "RJZ",
    ),
    (
        bundle(
            "document",
            {
                "resourceType": "Composition",
                "author": [{"display": "x"}, {"reference": "PractitionerRole/r"}],
            },
            ROLE,
        ),
        "RRV",
    ),
    (bundle("transaction", {"resourceType": "ServiceRequest", "requester": party("RWF")}), "RWF"),
    ({"resourceType": "Communication", "sender": party("RWF")}, "RWF"),
    (
        {
            "resourceType": "Communication",
            "sender": party("RWF", ODS.replace("organization", "organisation")),
        },
        "RWF",
    ),
    ({"resourceType": "Communication", "sender": party("123", "https://x.example")}, ""),
    (bundle("collection"), ""),
]


@pytest.mark.parametrize(("resource", "sender"), SENDERS, ids=range(len(SENDERS)))
def test_the_sender_that_a_message_claims_is_an_ods_code(
    resource: dict[str, Any], sender: str
) -> None:
    assert one(resource).claimed_sender == sender


def test_a_message_is_what_every_reader_yields() -> None:
    (found,) = FORMAT.read(orjson.dumps(message(), default=as_written))
    source: SourceMessage = found

    assert source.format == FORMAT.name == "fhir-r4"
    assert source.charset_guessed is False
    assert source.issues == ()
    assert found.resource["type"] == "message"
    assert "Testpatient" not in repr(found)


STU3 = "https://fhir.nhs.uk/STU3/StructureDefinition/ITK-Document-Bundle-1"
CARECONNECT = "https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Patient-1"
OLD: list[tuple[dict[str, Any], str]] = [
    (bundle("document", meta={"profile": [STU3]}), "meta.profile"),
    (
        bundle("document", {"resourceType": "Patient", "meta": {"profile": [CARECONNECT]}}),
        "entry[0].resource.meta.profile",
    ),
    (bundle("message", header(event={"code": "x"})), "entry[0].resource.event"),
    (bundle("message", header(timestamp="2018-01-01")), "entry[0].resource.timestamp"),
    (bundle("collection", {"resourceType": "ReferralRequest"}), "entry[0].resource.resourceType"),
    ({"resourceType": "ProcedureRequest"}, "resourceType"),
    (
        bundle("message", header(), bundle("document", {"resourceType": "ReferralRequest"})),
        "entry[1].resource.entry[0].resource.resourceType",
    ),
]


@pytest.mark.parametrize(("resource", "place"), OLD, ids=[o[1] for o in OLD])
def test_stu3_is_refused_by_name_with_the_place_that_shows_it(
    resource: dict[str, Any], place: str
) -> None:
    with pytest.raises(UnknownFormat, match="STU3") as refusal:
        messages(resource)

    assert refusal.value.issues[0].source == place
    assert stu3_evidence(resource) == place


def test_r4_that_uses_an_stu3_code_system_is_still_r4() -> None:
    coded = {"system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-X-1", "code": "1"}

    found = one({"resourceType": "ServiceRequest", "code": {"coding": [coded]}})

    assert found.issues == ()
    assert stu3_evidence(found.resource) == ""


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (bundle("searchset"), "a bundle sent here has one of the types batch, collection"),
        (bundle("history"), "a history says what can be read elsewhere"),
        ({"resourceType": "Bundle"}, "a bundle sent here"),
        ({"resourceType": "Bundle", "type": ["message"]}, "a bundle sent here"),
        ({"resourceType": "Patent"}, "resourceType names no resource"),
        ({"resourceType": ["Patient"]}, "resourceType names no resource"),
        ({}, "resourceType names no resource"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(
    resource: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        messages(resource)


def test_a_bundle_of_too_many_entries_is_refused() -> None:
    with pytest.raises(TooLarge, match="5000"):
        messages({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 5001})

"""Public samples in STU3: each is converted with its facts right, or refused for a true reason."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from mapping_samples import CORPUS, fact, shipped

from service import formats
from service.app import Relay, take_in
from service.errors import ServiceError
from service.formats.xml_tree import is_xml
from service.model import OdsCode, TransferOfCare

pytest_plugins = ["tests.relay_fixtures"]
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not CORPUS.is_dir(), reason="the folder of public samples (../shared/corpus) is not here"
    ),
]
FOLDERS = ("itk3-transfer-of-care", "ers", "stu3-r4-pairs", "nems-mns")
SENDER = OdsCode("RXX")
ITK = "itk3-transfer-of-care"
# What stands in the samples, read by eye.
FACTS: dict[str, dict[str, Any]] = {
    f"{ITK}/ITK-EDIS-Example-1.xml": {
        "kind": "discharge",
        "patient.family": "Smith",
        "patient.birth_date": "1957-01-01",
        "patient.nhs_number": None,  # its check digit is wrong
        "patient.nhs_number_status": "01",
        "patient.gp_practice.ods": "GP123456",
        "message.claimed_sender": "RR8",
        "message.sent_at": "2015-02-17T10:00:00+00:00",
        "encounter.admitted_at": "2015-02-12T09:00:00+00:00",
        "encounter.discharged_at": "2015-02-16T15:00:00+00:00",
        "encounter.ward": "Cramer Ward",
        "encounter.discharge_destination.code": "19",
        "recipients[].ods": ("RY6", "GP123456"),
        "medications[].display": (
            *("Ramipril 2.5mg tablets", "Aspirin 75mg gastro-resistant tablets"),
            *("Clopidogrel 75mg tablets", "Simvastatin 40mg tablets", "Bisoprolol 5mg tablets"),
        ),
        "requests[].intent": ("plan",),
    },
    f"{ITK}/edischarge_full_payload_example-01-mod.xml": {
        "kind": "discharge",
        "patient.identifiers[].value": ("135 246 5790",),
        "encounter.ward": "Cramer Ward",  # not the emergency department before it
        "encounter.consultant.family": "Abacus",
        "encounter.discharged_at": "2015-02-16T09:00:00+00:00",
        "recipients[].ods": ("RY6", "GP123456"),
        "patient.contacts[].family": ("Smith",),
    },
    f"{ITK}/ITK-EC-Document-Bundle-1-Example-1.xml": {
        "kind": "discharge",
        "encounter.klass": "EMER",
        "encounter.discharge_destination.code": "51",
        "encounter.discharged_at": "2015-02-12T08:00:00+00:00",
        "recipients": (),  # there is no distribution list; the practice is told
        "patient.gp_practice.name": "MGP Medical Centre",
    },
    f"{ITK}/ITK-MH-Document-Bundle-Example-1.xml": {
        "kind": "discharge",
        "patient.nhs_number": "9658218881",
        "patient.family": "Burrows",
        "encounter.reason.code": "295126006",
        "encounter.discharged_at": "2015-04-06T13:00:00+00:00",
        "message.claimed_sender": "RGD",
        "recipients[].ods": ("RGD", "GP123456"),
    },
    f"{ITK}/ITK-OPL-Document-Bundle-1-Example-4.xml": {
        "kind": "document",
        "patient.family": "Critchard",
        "encounter.admitted_at": "2017-05-01",
        "recipients[].ods": ("A111111", None),
        "recipients[].party": ("organisation", "patient"),
        "allergies[].severity": ("severe",),
    },
    f"{ITK}/consultation_report.stripped.xml": {
        "kind": "document",
        "message.id": "ea7221b8-3cc0-4b11-bc95-585b056b5428",
        "message.claimed_sender": "GP0001",
        "message.sent_at": "2018-07-12T10:30:16+00:00",
        "patient.nhs_number": None,
        "patient.birth_date": "1957-01-09",
        "documents[].content_type": ("application/pdf",),
    },
    f"{ITK}/Ambulance-To-Hospital-Handover-Example-9658218881.xml": {
        "kind": "referral",
        "patient.nhs_number": "9658218881",
        "message.claimed_sender": "RYE",
        "requests[].priority": (None,),
        "requests[0].reasons[].display": ("Seizure",),
        "requests[0].performers[].ods": ("RVV",),
        "requests[0].authored_at": "2018-11-08T13:07:00+00:00",  # London's, as it has no offset
    },
    f"{ITK}/OOH-To-Ambulance-Referral-Example-9658218881.xml": {
        "kind": "referral",
        "requests[0].requesting_organisation.ods": "ATQ01",
        "requests[0].performers[].ods": ("RYE",),
        "requests[0].reasons[].display": ("Unresponsive",),
    },
    "ers/ReferralRequest.json": {
        "kind": "referral",
        "patient.nhs_number": "9912003888",
        "requests[].priority": ("urgent",),
        "requests[0].performers[].name": ("Good Cardiology Business Service",),
        "requests[0].authored_at": "2024-05-01T09:55:00Z",
    },
    "ers/MinimalRequest.json": {
        "kind": "referral",
        "patient.nhs_number": "9912003888",
        "requests[].priority": ("urgent",),
    },
    "nems-mns/PDS-Change-Of-GP-ems-example.xml": {
        "kind": "patient-update",
        "patient.gp_practice.ods": "B86056",
    },
    "nems-mns/PDS-Change-Of-Address-ems-example.xml": {
        "kind": "patient-update",
        "patient.addresses[].postcode": ("WF14 0BQ", "LS17 7DF"),
        "patient.addresses[].use": ("old", "home"),
    },
}
TRUE_REASONS = (
    "has no mapping",  # a resource alone, or a message that is no transfer of care
    "there is no Patient in this message",
    "routed by another NHS number",
    "a bundle sent here has one of the types",
    "says what can be read elsewhere",
    "resourceType names no resource",
)


def files() -> list[str]:
    return [
        f"{folder}/{path.name}"
        for folder in FOLDERS
        for path in sorted((CORPUS / folder).glob("*"))
        if path.is_file()
    ]


def becomes(path: Path) -> tuple[str, TransferOfCare | None, str]:
    """Return format, transfer and why there is none."""
    body = path.read_bytes()
    name = "?"
    try:
        reader = formats.detect("", body)
        name = reader.name
        (source,) = reader.read(body)
        return name, shipped().for_source(SENDER, source).apply(source, SENDER), ""
    except ServiceError as refusal:
        faults = [issue.text for issue in refusal.issues if issue.severity in ("error", "fatal")]
        return name, None, faults[0]


@pytest.mark.parametrize("name", FACTS)
def test_the_facts_of_a_sample_are_right(name: str) -> None:
    _, transfer, reason = becomes(CORPUS / name)

    assert transfer is not None, reason
    assert {path: fact(transfer, path) for path in FACTS[name]} == FACTS[name]


@pytest.mark.parametrize("name", [name for name in FACTS if name.startswith(ITK)])
def test_the_narrative_is_in_the_sample_byte_for_byte(name: str) -> None:
    body = (CORPUS / name).read_bytes()
    _, transfer, _ = becomes(CORPUS / name)

    assert is_xml(body)
    assert transfer is not None
    for section in transfer.sections:
        if section.content_type == "application/xhtml+xml":
            assert section.narrative.encode() in body.replace(b"\r\n", b"\n")


def test_what_is_converted_is_taken_in_and_what_is_stored_conforms(relay: Relay) -> None:
    """The relay's own checks are run on everything stored, at the end of the fixture."""
    for at, name in enumerate(FACTS):
        sender = OdsCode(f"RX{at:02}")  # the samples share identifiers
        (answer,) = take_in(relay, sender, "", (CORPUS / name).read_bytes())
        assert answer.status < 400, (name, answer.body)


def test_every_sample_is_converted_or_refused_for_a_true_reason() -> None:
    outcomes = {name: becomes(CORPUS / name) for name in files()}
    for name, (form, transfer, reason) in outcomes.items():
        told = transfer.kind if transfer else f"refused: {reason}"
        sys.stdout.write(f"{name:75} {form:10} {told}\n")

    refused = {name: reason for name, (_, transfer, reason) in outcomes.items() if not transfer}
    assert {n: r for n, r in refused.items() if not any(t in r for t in TRUE_REASONS)} == {}
    assert not any(name.startswith((ITK, "ers/")) for name in refused)
    stu3 = [name for name, (form, *_) in outcomes.items() if form == "fhir-stu3"]
    assert len([name for name in stu3 if name.startswith("stu3-r4-pairs")]) >= 25

"""Patient, and how people and organisations are named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build_fixtures import HOSPICE, discharge, made
from build_resource import ABSENT, encounter, one, patient

from service.fhir.systems import NHS_NUMBER, ODS
from service.fhir.validate import check
from service.model import (
    Address,
    Coded,
    Contact,
    Identifier,
    Moment,
    OdsCode,
    Organisation,
    PartialDate,
    Patient,
    Practitioner,
    Telecom,
)


def test_a_verified_nhs_number_carries_its_status():
    number = patient()["identifier"][0]

    assert (number["system"], number["value"]) == (NHS_NUMBER, "9990123454")
    coding = number["extension"][0]["valueCodeableConcept"]["coding"][0]
    assert coding["code"] == "01"


def test_a_status_that_was_not_sent_is_not_made_up():
    assert "extension" not in patient(nhs_number_status=None)["identifier"][0]


def test_a_status_that_is_none_is_told_and_left_out():
    built = made(discharge(patient=replace(discharge().patient, nhs_number_status="99")), HOSPICE)

    assert "extension" not in built.resources[0]["identifier"][0]
    assert [issue.target for issue in built.issues] == ["patient.nhs_number_status"]
    assert "nhs_number_status" in built.communications[0][1]["note"][-1]["text"]


def test_without_an_nhs_number_the_reason_is_told_where_it_is_known():
    extension = patient(nhs_number=None, nhs_number_unavailable="overseas-patient")["extension"][0]

    assert extension["valueCodeableConcept"]["coding"][0]["code"] == "overseas-patient"


def test_local_numbers_live_in_the_senders_own_space():
    given = (
        Identifier(value="1", authority="PAS 2"),
        Identifier(value="2"),
        Identifier(value="3", system="local"),
        Identifier(value="4", system="urn:oid:1.2", authority="Ward", type="ZZ"),
    )

    systems = [each["system"] for each in patient(identifiers=given)["identifier"][1:]]

    assert systems == [
        "https://fhir.nhs.uk/RJZ/Id/PAS%202",
        "https://fhir.nhs.uk/RJZ/Id/patient",
        "https://fhir.nhs.uk/RJZ/Id/local",
        "urn:oid:1.2",
    ]
    last = patient(identifiers=given)["identifier"][-1]
    assert last["assigner"] == {"display": "Ward"}
    assert last["type"] == {"text": "ZZ"}  # not in table 0203, so no code of it


def test_a_birth_date_keeps_its_precision():
    assert patient(birth_date=PartialDate("1946"))["birthDate"] == "1946"


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("discharge", {}, {}),
        ("discharge", {"deceased": False}, {"deceasedBoolean": False}),
        ("death", {"deceased": False}, {"deceasedBoolean": True}),
        ("death", {"died_at": Moment("2025-03-14")}, {"deceasedDateTime": "2025-03-14"}),
    ],
)
def test_a_death_is_told_as_precisely_as_it_is_known(kind, changes, expected):
    resource = one("Patient", kind=kind, patient=replace(discharge().patient, **changes))

    assert {k: v for k, v in resource.items() if k.startswith("deceased")} == expected


def test_a_number_without_a_kind_is_a_telephone_number_or_an_address():
    telecoms = (Telecom(value="01632 960001"), Telecom(value="a@example.org"))

    assert [each["system"] for each in patient(telecoms=telecoms)["telecom"]] == ["phone", "email"]


def test_of_a_contact_only_the_relationship_may_be_known():
    contact = patient(contacts=(Contact(relationship=Coded(text="Wife")),))["contact"][0]

    assert contact == {"relationship": [{"text": "Wife"}], "name": ABSENT}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("cy", {"coding": [{"system": "urn:ietf:bcp:47", "code": "cy"}]}),
        ("wel", {"coding": [{"system": "urn:ietf:bcp:47", "code": "cy"}]}),  # ISO 639-2
        ("eng-GB", {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-GB"}]}),
        ("bfi", {"coding": [{"system": "urn:ietf:bcp:47", "code": "bfi"}]}),  # no shorter one
        ("British Sign Language", {"text": "British Sign Language"}),
    ],
)
def test_a_language_is_coded_only_if_it_is_a_code(language, expected):
    assert patient(language=language)["communication"] == [{"language": expected}]


def test_empty_parts_leave_nothing_behind():
    nameless = {"family": None, "given": (), "prefix": None}
    resource = patient(addresses=(Address(),), contacts=(Contact(),), **nameless)

    assert resource.keys() & {"address", "contact", "name"} == set()


def test_a_patient_without_number_and_name_is_refused_by_the_profile():
    resource = one("Patient", patient=Patient(birth_date=PartialDate("1946")))

    assert [issue.text[:8] for issue in check(resource)] == ["dr-pat-1"]


def test_a_merged_record_is_linked_as_replaced():
    link = one(
        "Patient",
        kind="patient-merge",
        patient=replace(discharge().patient, merged_identifiers=(Identifier(value="K1"),)),
    )["link"][0]

    assert link["type"] == "replaces"
    assert link["other"]["identifier"]["value"] == "K1"


def test_an_organisation_of_the_directory_is_referred_to_literally_and_by_code():
    provider = encounter()["serviceProvider"]

    assert provider["reference"] == "Organization/RJZ"
    assert provider["identifier"] == {"system": ODS, "value": "RJZ"}
    assert provider["display"].startswith("King's")


def test_one_that_is_not_in_the_directory_is_referred_to_by_code_only():
    practice = patient()["generalPractitioner"][0]

    assert practice == {
        "type": "Organization",
        "identifier": {"system": ODS, "value": "G85001"},
        "display": "Example Surgery",
    }


def test_a_professional_is_told_in_words_with_the_number():
    who = Practitioner(
        id="C1",
        id_system="https://fhir.hl7.org.uk/Id/gmc-number",
        family="Darwin",
        given=("Samuel",),
        prefix="Dr",
        role="Consultant",
        organisation=Organisation(ods=OdsCode("RJZ"), name="King's"),
        telecoms=(Telecom(value="020 7946 0001"),),
    )

    attender = encounter(consultant=who)["participant"][0]

    assert attender["type"][0]["coding"][0]["code"] == "ATND"
    assert attender["individual"] == {
        "type": "Practitioner",
        "identifier": {"system": "https://fhir.hl7.org.uk/Id/gmc-number", "value": "C1"},
        "display": "Dr Samuel Darwin, Consultant, King's (RJZ), 020 7946 0001",
    }

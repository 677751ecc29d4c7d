"""Encounter, and what was stated in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build_fixtures import HOSPICE, TRANSACTION, discharge, made
from build_resource import ABSENT, encounter, one

from service.model import (
    Allergy,
    Coded,
    Diagnosis,
    Moment,
    Procedure,
)


@pytest.mark.parametrize(
    ("kind", "changes", "status"),
    [
        ("discharge", {"discharged_at": None}, "finished"),
        ("death", {"discharged_at": None}, "finished"),
        ("discharge-cancelled", {}, "in-progress"),
        ("referral", {}, "finished"),
        ("referral", {"discharged_at": None}, "in-progress"),
        ("referral", {"discharged_at": None, "admitted_at": None}, "unknown"),
    ],
)
def test_the_status_of_a_stay_follows_from_what_is_known(kind, changes, status):
    assert encounter(kind, **changes)["status"] == status


def test_a_cancelled_discharge_leaves_the_stay_without_an_end():
    assert encounter("discharge-cancelled")["period"] == {"start": "2025-03-02T09:30:00+00:00"}


@pytest.mark.parametrize(
    ("klass", "sent", "expected"),
    [
        ("IMP", "I", {"code": "IMP", "display": "inpatient encounter"}),
        (None, "P", {**ABSENT, "display": "P"}),
        (None, None, ABSENT),
        ("ward", None, {**ABSENT, "display": "ward"}),
    ],
)
def test_a_class_that_is_not_known_says_so(klass, sent, expected):
    made_class = encounter(klass=klass, patient_class=sent)["class"]

    assert {k: v for k, v in made_class.items() if k != "system"} == expected


@pytest.mark.parametrize(
    ("start", "end", "expected", "doubtful"),
    [
        ("2025-03-02", "2025-03-14", {"start": "2025-03-02", "end": "2025-03-14"}, False),
        ("2025-03-15", "2025-03-14", {"end": "2025-03-14"}, True),
        (
            "2025-03-14T10:00:00Z", "2025-03-14",
            {"start": "2025-03-14", "end": "2025-03-14"}, False,
        ),
        ("2025-03-14", "2025-03-14T16:00:00Z", {"end": "2025-03-14T16:00:00Z"}, True),
    ],
)  # fmt: skip
def test_a_stay_never_ends_before_it_starts(start, end, expected, doubtful):
    stay = replace(discharge().encounter, admitted_at=Moment(start), discharged_at=Moment(end))
    built = made(discharge(encounter=stay), HOSPICE)

    assert built.resources[1]["period"] == expected
    assert ("encounter" in {issue.target for issue in built.issues}) is doubtful


def test_codes_keep_the_system_that_the_mapping_gave_them_and_texts_stay_texts():
    stay = encounter(
        discharge_destination=Coded(text="Home with carers"),
        discharge_method=Coded(code="1", system="LOCAL"),
        admission_method=Coded(code=" not a code "),
    )

    assert stay["hospitalization"]["dischargeDisposition"] == {"text": "Home with carers"}
    method = stay["extension"][0]["valueCodeableConcept"]
    assert method == {"coding": [{"system": "urn:x-local:LOCAL", "code": "1"}]}
    admission = stay["hospitalization"]["extension"][0]["valueCodeableConcept"]
    assert admission == {"text": " not a code "}


def test_a_discharge_has_a_stay_even_if_nothing_is_known_of_it():
    stay = one("Encounter", encounter=None, diagnoses=())

    assert (stay["status"], stay["class"]) == ("finished", ABSENT)


def test_a_document_without_a_stay_has_none():
    kinds = [
        each["resourceType"]
        for each in made(discharge(kind="document", encounter=None), HOSPICE).resources
    ]

    assert "Encounter" not in kinds


def test_diagnoses_are_ranked_in_the_stay_and_stand_for_themselves():
    diagnoses = (
        Diagnosis(code="C79.5", system="http://hl7.org/fhir/sid/icd-10", kind="F", rank=1),
        Diagnosis(text="Pain", kind="W", rank=0),
        Diagnosis(kind="F"),
    )
    built = made(discharge(diagnoses=diagnoses), HOSPICE)

    stay = built.resources[1]["diagnosis"]
    conditions = [each for each in built.resources if each["resourceType"] == "Condition"]
    assert [each.get("rank") for each in stay] == [1, None]
    assert [each["condition"]["reference"] for each in stay] == [
        f"Condition/{each['id']}" for each in conditions
    ]
    statuses = [each["verificationStatus"]["coding"][0]["code"] for each in conditions]
    assert statuses == ["confirmed", "provisional"]
    assert [issue.target for issue in built.issues] == ["diagnoses[2]"]


def test_a_procedure_without_a_date_may_not_have_been_done():
    assert one("Procedure", procedures=(Procedure(text="Nerve block"),))["status"] == "unknown"


@pytest.mark.parametrize(
    ("severity", "reaction", "coded", "note"),
    [
        ("mild", "Rash", "mild", None),
        ("SV", "Rash", None, "Severity as sent: SV"),
        ("mild", None, None, "Severity as sent: mild"),
    ],
)
def test_the_severity_of_an_allergy_is_kept(severity, reaction, coded, note):
    allergy = one(
        "AllergyIntolerance",
        allergies=(Allergy(text="Penicillin", reaction=reaction, severity=severity),),
    )

    assert allergy.get("reaction", [{}])[0].get("severity") == coded
    assert allergy.get("note", [{}])[0].get("text") == note


def test_what_a_transaction_posted_itself_is_not_stated_again():
    built = made(discharge(), HOSPICE, origin=TRANSACTION)

    kinds = {each["resourceType"] for each in built.resources}
    assert kinds == {
        "Patient", "Encounter", "DocumentReference", "ServiceRequest", "Provenance",
    }  # fmt: skip

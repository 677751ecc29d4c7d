"""When a rule holds: place, marker, specialty, diagnosis, and whether anybody is to act."""

from __future__ import annotations

from typing import Any

import pytest
from routing_fixtures import living_at, routing, stay, transfer

from service.delivery.routing import Routed, Routing
from service.model import (
    Address,
    Coded,
    Diagnosis,
    Encounter,
    OdsCode,
    Patient,
    Procedure,
    Recipient,
    Request,
)

__all__ = ["routing"]

SNOMED = "http://snomed.info/sct"
PALLIATIVE = (Diagnosis(code="Z51.5"),)
PAIN_REQUEST = Request(service=Coded(code="306109009", system="http://snomed.info/sct"))


def told(routed: Routed) -> dict[str | None, tuple[str, str]]:
    return {each.ods: (each.role, each.because) for each in routed.recipients}


def texts(routed: Routed) -> str:
    return "\n".join(issue.text for issue in routed.issues)


@pytest.mark.parametrize(
    "postcode", ["CT1 9ZZ", "ct19ZZ", "CT21 9ZZ", "TN23 9ZZ", "CT9", "TN239ZZ"]
)
def test_a_rule_holds_for_patients_of_its_area(routing: Routing, postcode: str) -> None:
    routed = routing.recipients(transfer(patient=living_at(postcode), diagnoses=PALLIATIVE))

    assert told(routed) == {"8HX01": ("information", "rule:palliative-east")}


@pytest.mark.parametrize(
    "postcode", ["TN2 3ZZ", "TN2 9ZZ", "C1 9ZZ", "SE5 9RS", "ZZ99 3VZ", "here"]
)
def test_a_rule_does_not_hold_elsewhere(routing: Routing, postcode: str) -> None:
    routed = routing.recipients(transfer(patient=living_at(postcode), diagnoses=PALLIATIVE))

    assert routed.recipients == ()
    assert "no recipient was found" in texts(routed)


def test_where_the_patient_used_to_live_counts_no_longer(routing: Routing) -> None:
    moved = Patient(addresses=(Address(postcode="CT1 9ZZ", use="old"),))

    routed = routing.recipients(transfer(patient=moved, diagnoses=PALLIATIVE))

    assert routed.recipients == ()
    assert "no usable postcode" in texts(routed)


@pytest.mark.parametrize(
    "fields",
    [
        {"diagnoses": (Diagnosis(code="z515", system="http://hl7.org/fhir/sid/icd-10"),)},
        {"encounter": stay(specialty="315")},
        {"encounter": stay(destination="88")},
        {"requests": (Request(service=Coded(code="306237005")),)},
    ],
)
def test_a_marker_holds_for_any_of_its_conditions(
    routing: Routing, fields: dict[str, object]
) -> None:
    routed = routing.recipients(transfer(patient=living_at("CT1 9ZZ"), **fields))

    assert "8HX01" in told(routed)


@pytest.mark.parametrize(
    "diagnosis",
    [
        Diagnosis(code="C50.9"),
        Diagnosis(code="Z51.5", system="http://read.info/readv2"),
        Diagnosis(text="Z51.5"),
    ],
)
def test_a_marker_does_not_hold_for_another_code_or_another_system(
    routing: Routing, diagnosis: Diagnosis
) -> None:
    routed = routing.recipients(transfer(patient=living_at("CT1 9ZZ"), diagnoses=(diagnosis,)))

    assert routed.recipients == ()


def test_every_condition_of_a_rule_must_hold(routing: Routing) -> None:
    given_all = {"encounter": stay("191"), "diagnoses": (Diagnosis(code="G89.2"),)}
    there = routing.recipients(transfer(patient=living_at("TN2 9ZZ"), **given_all))
    elsewhere = routing.recipients(transfer(patient=living_at("TN23 9ZZ"), **given_all))

    assert set(told(there)) == {"8PX01"}
    assert set(told(elsewhere)) == set()


def test_a_request_that_names_nobody_finds_somebody_to_act(routing: Routing) -> None:
    routed = routing.recipients(transfer("referral", requests=(PAIN_REQUEST,)))

    assert told(routed) == {"8PX01": ("action", "rule:unaddressed-pain")}


def test_a_request_that_names_somebody_finds_nobody_else(routing: Routing) -> None:
    named = Recipient(ods=OdsCode("8HX01"), role="action")

    routed = routing.recipients(transfer("referral", requests=(PAIN_REQUEST,), recipients=(named,)))

    assert set(told(routed)) == {"8HX01"}


def test_the_reason_for_a_request_is_a_marker_too(routing: Routing) -> None:
    request = Request(reasons=(Coded(code="306237005", system="http://snomed.info/sct"),))

    routed = routing.recipients(transfer(patient=living_at("CT1 9ZZ"), requests=(request,)))

    assert told(routed) == {"8HX01": ("information", "rule:palliative-east")}


@pytest.mark.parametrize("use", ["work", "old", "billing"])
def test_where_the_patient_does_not_live_counts_for_nothing(routing: Routing, use: str) -> None:
    patient = Patient(addresses=(Address(postcode="CT1 9ZZ", use=use),))

    routed = routing.recipients(transfer(patient=patient, diagnoses=PALLIATIVE))

    assert routed.recipients == ()


@pytest.mark.parametrize("postcode", ["ZZ99 3VZ", "ZZ993WZ", "", "here"])
@pytest.mark.parametrize(
    ("diagnoses", "severity"), [(PALLIATIVE, "warning"), ((), "information")], ids=str
)
def test_without_a_usable_postcode_a_team_that_is_missed_is_a_warning(
    routing: Routing, postcode: str, diagnoses: tuple[Diagnosis, ...], severity: str
) -> None:
    routed = routing.recipients(transfer(patient=living_at(postcode), diagnoses=diagnoses))

    noted = [issue.severity for issue in routed.issues if "no usable postcode" in issue.text]
    assert noted == [severity]


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"diagnoses": (Diagnosis(code="103735009", system=SNOMED),)}, True),
        ({"diagnoses": (Diagnosis(code="103735009"),)}, True),
        ({"procedures": (Procedure(code="103735009", system=SNOMED),)}, True),
        ({"encounter": Encounter(reason=Coded(code="103735009", system=SNOMED))}, True),
        ({"encounter": Encounter(reason=Coded(code="Z51.5"))}, True),
        ({"diagnoses": (Diagnosis(code="1037350091", system=SNOMED),)}, False),  # whole codes
        ({"diagnoses": (Diagnosis(code="103735009", system="http://read.info/ctv3"),)}, False),
        ({"diagnoses": (Diagnosis(text="103735009"),)}, False),
    ],
)
def test_a_condition_counts_in_either_terminology_and_wherever_it_stands(
    routing: Routing, fields: dict[str, Any], holds: bool
) -> None:
    routed = routing.recipients(transfer(patient=living_at("CT1 9ZZ"), **fields))

    assert ("8HX01" in told(routed)) is holds

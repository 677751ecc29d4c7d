"""The patient of a FHIR bundle: number, name, address and death, told in less usual ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mapping_samples import FOLDER, converted, doubts, example, fact

from service.delivery.routing import Routing
from service.model import TransferOfCare

NHS = "https://fhir.nhs.uk/Id/nhs-number"
VALID, OTHER = "9990020019", "9990020027"
METHOD = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DischargeMethod"
DIED = {"url": METHOD, "valueCodeableConcept": {"coding": [{"code": "4"}]}}
Json = dict[str, Any]


def document(**changed: Any) -> TransferOfCare:
    """The shipped discharge summary with other elements of Patient and Encounter."""
    return _with("Patient", lambda resource: resource.update(changed))


def left(change: Callable[[Json], None]) -> TransferOfCare:
    return _with("Encounter", change)


def _with(kind: str, change: Callable[[Json], None]) -> TransferOfCare:
    bundle = json.loads(example("rwf-document-discharge"))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == kind:
            change(entry["resource"])
    return converted("RWF", json.dumps(bundle).encode())[1]


@pytest.mark.parametrize(
    "identifier",
    [
        {"system": NHS},
        {"system": "https://fhir.nhs.uk/Id/NHS-Number"},
        {"system": f"{NHS}/"},
        {"system": "http://fhir.nhs.net/Id/nhs-number"},
        {"system": "urn:oid:2.16.840.1.113883.2.1.4.1"},
        {"type": {"coding": [{"code": "NH"}]}},
    ],
)
def test_an_nhs_number_is_found_in_any_spelling_of_its_system(identifier: Json) -> None:
    local = {"value": "M1", "type": {"coding": [{"code": "MR"}]}}

    transfer = document(identifier=[{**identifier, "value": VALID}, local])

    assert transfer.patient.nhs_number == VALID
    assert [one.value for one in transfer.patient.identifiers] == ["M1"]
    assert "patient.nhs_number" not in doubts(transfer)


@pytest.mark.parametrize("over", [{"use": "old"}, {"period": {"end": "2021-01-01"}}])
def test_a_number_given_up_is_kept_as_text_beside_the_one_in_use(over: Json) -> None:
    transfer = document(
        identifier=[{"system": NHS, "value": VALID, **over}, {"system": NHS, "value": OTHER}]
    )

    assert transfer.patient.nhs_number == OTHER
    assert [(one.value, one.type, one.system) for one in transfer.patient.identifiers] == [
        (VALID, "NH", None)
    ]
    assert "patient.nhs_number" in doubts(transfer)


def test_no_nhs_number_is_flagged_unless_the_reason_is_told() -> None:
    url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberUnavailableReason"
    why = {"url": url, "valueCodeableConcept": {"coding": [{"code": "03"}]}}

    assert "patient.nhs_number" in doubts(document(identifier=[{"value": "M1"}]))
    told = document(identifier=[{"value": "M1"}], extension=[why])
    assert "patient.nhs_number" not in doubts(told)


@pytest.mark.parametrize(
    ("names", "family", "doubtful"),
    [
        (
            [{"use": "old", "family": "OLD"}, {"use": "nickname", "family": "N"}, {"family": "IS"}],
            "IS",
            False,
        ),
        ([{"use": "old", "family": "OLD"}, {"use": "usual", "family": "IS"}], "IS", False),
        ([{"use": "maiden", "family": "OLD"}], "OLD", True),
        ([], None, True),
    ],
)
def test_a_former_name_is_taken_only_where_there_is_no_other(
    names: list[Json], family: str | None, doubtful: bool
) -> None:
    transfer = document(name=names)

    assert transfer.patient.family == family
    assert ("patient.family" in doubts(transfer)) is doubtful


def test_ended_and_billing_addresses_are_no_place_to_find_a_patient_at() -> None:
    transfer = document(
        address=[
            {"use": "home", "postalCode": "CT1 9ZZ", "period": {"end": "2010-01-01"}},
            {"use": "billing", "postalCode": "CT2 9ZZ"},
            {"use": "temp", "postalCode": "ME19 9ZZ"},
        ]
    )

    told = {one.ods for one in Routing.load(FOLDER).recipients(transfer).recipients}
    assert fact(transfer, "patient.addresses[].use") == ("old", "billing", "temp")
    assert "8HX02" in told
    assert "8HX01" not in told


@pytest.mark.parametrize(
    "change",
    [
        lambda stay: stay["hospitalization"].update(extension=[DIED]),
        lambda stay: stay.update(extension=[DIED]),
        lambda stay: stay["hospitalization"].update(dischargeDisposition={"text": "Died"}),
        lambda stay: stay["hospitalization"].update(
            dischargeDisposition={"coding": [{"code": "exp"}]}
        ),
        lambda stay: stay["hospitalization"].update(
            dischargeDisposition={"coding": [{"code": "X", "display": "Patient died"}]}
        ),
    ],
    ids=["method in hospitalization", "method", "text", "HL7 code", "display"],
)
def test_a_death_told_in_any_plain_way_is_a_death(change: Callable[[Json], None]) -> None:
    assert left(change).kind == "death"


def test_a_birth_after_the_document_is_flagged() -> None:
    assert "patient.birth_date" in doubts(document(birthDate="2065-01-01"))

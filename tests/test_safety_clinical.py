"""What is stated of the patient: nothing said with less doubt, or more, than it was sent with."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from mapping_samples import example
from safety_fixtures import PID, PRACTICE, Outcome, outcome


def with_resource(**resource: Any) -> Outcome:
    """The shipped referral with one more resource about its patient."""
    bundle = json.loads(example("rwf-message-referral"))
    subject = next(
        entry["resource"]["subject"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "ServiceRequest"
    )
    bundle["entry"].append({"resource": {"subject": subject, **resource}})
    return outcome(json.dumps(bundle))


def words(told: Outcome) -> str:
    """Everything that the sections say."""
    sections = told.one("Composition")["section"]
    return "\n".join(f"{s['title']}: {unescape(s['text']['div'])}" for s in sections)


def discharge(*segments: str) -> Outcome:
    return outcome(
        "\r".join(
            [
                r"MSH|^~\&|PAS|RWF|R|R|20250314163012||ADT^A03^ADT_A03|S1|P|2.4",
                "EVN|A03|20250314163000",
                PID,
                PRACTICE,
                "PV1|1|I|RWF^W1||||||||||||||||V1|||||||||||||||||1|19|||||||202503030915|202503141615",
                *segments,
            ]
        )
    )


def named(told: Outcome, kind: str, text: str) -> dict[str, Any]:
    """The resource of this kind that is about `text`."""
    key = "medicationCodeableConcept" if kind == "MedicationStatement" else "code"
    return next(one for one in told.resources[kind] if one[key].get("text") == text)


def test_a_medicine_not_to_be_given_is_no_medicine_of_the_patient() -> None:
    told = with_resource(
        resourceType="MedicationRequest",
        status="active",
        intent="order",
        doNotPerform=True,
        medicationCodeableConcept={"text": "Ibuprofen"},
    )

    assert "Ibuprofen" not in json.dumps(told.resources["MedicationStatement"])
    assert "Medicine not to be given: " in words(told)
    assert "Ibuprofen" in words(told)
    assert "asked not to be given" in told.warnings


@pytest.mark.parametrize("status", ["active", "completed", "intended", "unknown"])
def test_a_medicine_keeps_its_status(status: str) -> None:
    concept = {"text": "Amoxicillin"}
    told = with_resource(
        resourceType="MedicationStatement", status=status, medicationCodeableConcept=concept
    )

    assert named(told, "MedicationStatement", "Amoxicillin")["status"] == status


def test_a_dosage_in_parts_is_told_and_flagged() -> None:
    dose = {"doseAndRate": [{"doseQuantity": {"value": 10, "unit": "mg"}}]}
    told = with_resource(
        resourceType="MedicationStatement",
        status="active",
        medicationCodeableConcept={"text": "Oxycodone"},
        dosage=[{**dose, "timing": {"code": {"text": "BD"}}}],
    )

    assert named(told, "MedicationStatement", "Oxycodone")["dosage"] == [{"text": "10 mg BD"}]
    assert "the dosage was not sent in words" in told.warnings


def test_a_diagnosis_keeps_its_doubt() -> None:
    verification = {"coding": [{"code": "differential"}]}
    told = with_resource(
        resourceType="Condition", verificationStatus=verification, code={"text": "Maybe cancer"}
    )

    found = named(told, "Condition", "Maybe cancer")
    assert found["verificationStatus"]["coding"][0]["code"] == "differential"
    assert "is not confirmed" in told.warnings


def test_an_allergy_that_is_over_is_not_active() -> None:
    told = with_resource(
        resourceType="AllergyIntolerance",
        clinicalStatus={"coding": [{"code": "resolved"}]},
        code={"text": "Eggs"},
    )

    found = named(told, "AllergyIntolerance", "Eggs")
    assert found["clinicalStatus"]["coding"][0]["code"] == "resolved"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"valueQuantity": {"comparator": "<", "value": 2.5, "unit": "mmol/L"}}, "< 2.5 mmol/L"),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 3}}}, "1 to 3"),
        ({"dataAbsentReason": {"text": "not done"}}, "not done"),
    ],
)
def test_a_result_is_told_as_it_was_sent(values: dict[str, Any], said: str) -> None:
    told = with_resource(
        resourceType="Observation", status="final", code={"text": "Potassium"}, **values
    )

    assert f">{said}<" in words(told).split("Potassium: ")[1]


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"resourceType": "CarePlan", "status": "active", "intent": "plan", "title": "ACP",
          "description": "Preferred place of death: home"}, "Preferred place of death: home"),
        ({"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "CT"},
          "conclusion": "Mass in lung"}, "Mass in lung"),
        ({"resourceType": "Immunization", "status": "completed",
          "vaccineCode": {"text": "Flu"}}, "Flu"),
        ({"resourceType": "Consent", "status": "active", "provision": {"type": "deny"},
          "scope": {"text": "research"}}, "deny, research"),
    ],
)  # fmt: skip
def test_nothing_that_is_said_in_words_is_lost(resource: dict[str, Any], said: str) -> None:
    assert said in words(with_resource(**resource))


def test_what_is_of_no_kind_that_is_read_is_flagged() -> None:
    told = with_resource(resourceType="NutritionOrder", status="active", intent="order")

    assert "of kinds that are not read" in told.warnings


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        ("OBX|1|NM|K^Potassium||6.9|mmol/L|3.5-5.0|HH|||F", "6.9 mmol/L HH 3.5-5.0"),
        ("OBX|1|SN|X^Troponin||<^5|ng/L||||F", "< 5 ng/L"),
        ("OBX|1||U^Untyped||not lost||||||F", "not lost"),
        ("OBX|1|XAD|A^Address||1 St^^TOWN||||||F", "1 St TOWN"),
    ],
)
def test_an_observation_is_told_whatever_its_type(segment: str, said: str) -> None:
    assert f">{said}<" in words(discharge(segment))


def test_a_preliminary_result_is_flagged() -> None:
    assert "a result is preliminary" in discharge("OBX|1|ST|P^X||maybe||||||P").warnings


def test_an_adverse_reaction_is_an_allergy_whatever_segment_tells_it() -> None:
    told = discharge("AL1|1|DA|^Penicillin|SV|Rash", "IAM|1|DA|^Latex|SV|Rash|A")

    names = [one["code"]["text"] for one in told.resources["AllergyIntolerance"]]
    assert names == ["Penicillin", "Latex"]


def test_medicines_in_orders_are_told() -> None:
    told = discharge("RXE|1|MORPH^Morphine^L|10||mg")

    (found,) = told.resources["MedicationStatement"]
    assert found["status"] == "unknown"
    assert found["dosage"] == [{"text": "10 mg"}]

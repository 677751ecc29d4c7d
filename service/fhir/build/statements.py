"""What a message states about the patient: diagnoses, procedures, allergies, medicines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import statements
from service.fhir.build.parts import (
    concept,
    concept_of,
    meta,
    plain,
    practitioner_reference,
    present,
)
from service.fhir.systems import (
    ALLERGY_CLINICAL,
    ALLERGY_VERIFICATION,
    CONDITION_CATEGORY,
    CONDITION_CLINICAL,
    CONDITION_VERIFICATION,
    STATEMENT_ID,
)
from service.model import Allergy, Diagnosis, Medication, Procedure

# HL7 table 0052. An admitting diagnosis says nothing of its certainty.
VERIFIED: Final = {"F": ("confirmed", "Confirmed"), "W": ("provisional", "Provisional")}
SEVERITIES: Final = ("mild", "moderate", "severe")


def conditions(context: Context) -> Iterator[tuple[Diagnosis, Resource]]:
    """Yield each diagnosis with its Condition."""
    yield from _stated(context, "diagnoses", "Condition", context.transfer.diagnoses, _condition)


def others(context: Context) -> Iterator[Resource]:
    """Yield Procedures, AllergyIntolerances and MedicationStatements."""
    transfer = context.transfer
    for name, kind, listed, build in (
        ("procedures", "Procedure", transfer.procedures, _procedure),
        ("allergies", "AllergyIntolerance", transfer.allergies, _allergy),
        ("medications", "MedicationStatement", transfer.medications, _medication),
    ):
        for _, resource in _stated(context, name, kind, listed, build):
            yield resource


def _stated(
    context: Context,
    name: str,
    kind: str,
    listed: tuple[Any, ...],
    build: Callable[[Context, Any], Json],
) -> Iterator[tuple[Any, Resource]]:
    numbers = {slot: value for slot, _, value in statements(context.transfer)} if listed else {}
    for i, given in enumerate(listed):
        if not concept_of(given.system, given.code, given.display, given.text):
            context.doubt("incomplete", "names nothing, so nothing is made of it", f"{name}[{i}]")
            continue
        held = context.place(f"{name}[{i}]", kind)
        number = numbers.get(f"{name}[{i}]")
        yield (
            given,
            present(
                {
                    "resourceType": kind,
                    "id": held.id,
                    "meta": meta(context, held),
                    "identifier": [{"system": STATEMENT_ID, "value": number}] if number else None,
                    **build(context, given),
                }
            ),
        )


def _code(given: Any) -> Json | None:
    return concept_of(given.system, given.code, given.display, given.text)


def _verification(system: str, given: Diagnosis | Allergy) -> Json | None:
    return concept(system, given.verification) if given.verification else None


def _condition(context: Context, given: Diagnosis) -> Json:
    """https://hl7.org/fhir/R4/condition.html"""
    verified = VERIFIED.get(given.kind or "")
    category = concept(CONDITION_CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")
    return {
        "clinicalStatus": given.status and concept(CONDITION_CLINICAL, given.status),
        "verificationStatus": _verification(CONDITION_VERIFICATION, given)
        or (verified and concept(CONDITION_VERIFICATION, *verified)),
        "category": [category],
        "code": _code(given),
        "subject": context.subject,
        "encounter": context.encounter,
        "recordedDate": plain(given.recorded_at),
        "asserter": given.asserter and practitioner_reference(given.asserter, context),
    }


def _procedure(context: Context, given: Procedure) -> Json:
    """https://hl7.org/fhir/R4/procedure.html; without a date it may only be planned."""
    by = given.performer and practitioner_reference(given.performer, context)
    return {
        "status": "completed" if given.performed_at else "unknown",
        "code": _code(given),
        "subject": context.subject,
        "encounter": context.encounter,
        "performedDateTime": plain(given.performed_at),
        "performer": [{"actor": by}] if by else None,
    }


def _allergy(context: Context, given: Allergy) -> Json:
    """https://hl7.org/fhir/R4/allergyintolerance.html; what is sent as an allergy is active."""
    severity = given.severity if given.severity in SEVERITIES and given.reaction else None
    reaction = {"manifestation": [{"text": given.reaction}], "severity": severity}
    told = given.severity and not severity
    return {
        "clinicalStatus": concept(ALLERGY_CLINICAL, given.status)
        if given.status
        else concept(ALLERGY_CLINICAL, "active", "Active"),
        "verificationStatus": _verification(ALLERGY_VERIFICATION, given),
        "category": [given.category] if given.category else None,
        "code": _code(given),
        "patient": context.subject,
        "encounter": context.encounter,
        "recordedDate": plain(given.recorded_at),
        "note": [{"text": f"Severity as sent: {given.severity}"}] if told else None,
        "reaction": [present(reaction)] if given.reaction else None,
    }


def _medication(context: Context, given: Medication) -> Json:
    """https://hl7.org/fhir/R4/medicationstatement.html; taken or not is rarely said."""
    return {
        "status": given.status or "unknown",
        "medicationCodeableConcept": _code(given),
        "subject": context.subject,
        "context": context.encounter,
        "dateAsserted": plain(context.transfer.message.sent_at),
        "informationSource": context.sender,
        "dosage": [{"text": given.dosage}] if given.dosage else None,
    }

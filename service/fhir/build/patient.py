"""Patient from the canonical record, as UK Core has it."""

from __future__ import annotations

import re
from typing import Final

from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import Held, is_usable
from service.fhir.build.languages import shortest
from service.fhir.build.parts import (
    ABSENT,
    address,
    coded,
    concept,
    human_name,
    identifier,
    identifiers,
    meta,
    organisation_reference,
    plain,
    practitioner_reference,
    present,
    spoken,
    telecom,
)
from service.fhir.systems import (
    LANGUAGE,
    NHS_NUMBER,
    NUMBER_UNAVAILABLE,
    NUMBER_UNAVAILABLE_EXTENSION,
    VERIFICATION_STATUS,
    VERIFICATION_STATUS_EXTENSION,
)
from service.model import Contact, Identifier, Patient

# https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland
VERIFICATION: Final = {
    "01": "Number present and verified",
    "02": "Number present but not traced",
    "03": "Trace required",
    "04": "Trace attempted - No match or multiple match found",
    "05": "Trace needs to be resolved - (NHS number or patient detail conflict)",
    "06": "Trace in progress",
    "07": "Number not present and trace not required",
    "08": "Trace postponed (baby under six weeks old)",
}
_VISIT: Final = "VN"  # HL7 table 0203: the number of a stay, not of a patient
_BCP_47: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
UNAVAILABLE: Final = ("nhs-number-not-known", "overseas-patient", "devolved-nation")


def patient(context: Context, held: Held) -> Resource:
    """https://hl7.org/fhir/R4/patient.html"""
    who = context.transfer.patient
    return present(
        {
            "resourceType": "Patient",
            "id": held.id,
            "meta": meta(context, held),
            "extension": _number_unavailable(context),
            "identifier": [
                *_nhs_number(context),
                *identifiers(who.identifiers, context, "Patient"),
                *_given_up(context),
            ],
            "name": [name] if (name := human_name(who)) else None,
            "telecom": [telecom(each) for each in who.telecoms],
            "gender": who.gender,
            "birthDate": plain(who.birth_date),
            **_death(context),
            "address": [made for each in who.addresses if (made := address(each))],
            "contact": [made for each in who.contacts if (made := _contact(each))],
            "communication": _language(who),
            "generalPractitioner": _general_practitioners(context),
            "managingOrganization": context.sender,
            "link": _merged(context),
        }
    )


def patient_reference(context: Context, reference: str) -> Json:
    """Return the reference to the patient that every other resource carries."""
    who = context.transfer.patient
    given = " ".join(who.given)
    made: Json = {"reference": reference, "type": "Patient"}
    if who.nhs_number:
        made["identifier"] = {"system": NHS_NUMBER, "value": str(who.nhs_number)}
    display = ", ".join(part for part in (who.family, given) if part) or spoken(who)
    return made | {"display": display} if display else made


def _nhs_number(context: Context) -> list[Json]:
    who = context.transfer.patient
    if not who.nhs_number:
        return []
    made: Json = {"system": NHS_NUMBER, "value": str(who.nhs_number)}
    status = who.nhs_number_status
    if status and status not in VERIFICATION:
        context.doubt("code-invalid", "is no verification status", "patient.nhs_number_status")
    elif status:
        value = concept(VERIFICATION_STATUS, status, VERIFICATION[status])
        url = VERIFICATION_STATUS_EXTENSION
        return [{"extension": [{"url": url, "valueCodeableConcept": value}], **made}]
    return [made]


def _given_up(context: Context) -> list[Json]:
    """Return the numbers of records that were merged into this one: it is found by them as well."""
    gone = [one for one in _gone(context) if one.type != _VISIT and is_usable(one)]
    return [{**identifier(one, context, "Patient"), "use": "old"} for one in gone]


def _gone(context: Context) -> list[Identifier]:
    """Return what went in a merge; a number that the patient has now is that of no other record."""
    who = context.transfer.patient
    own = {(each.value, each.authority) for each in who.identifiers}
    return [one for one in who.merged_identifiers if (one.value, one.authority) not in own]


def _number_unavailable(context: Context) -> list[Json]:
    reason = context.transfer.patient.nhs_number_unavailable
    if not reason:
        return []
    known = reason in UNAVAILABLE
    value: Json = concept(NUMBER_UNAVAILABLE, reason) if known else {"text": reason}
    return [{"url": NUMBER_UNAVAILABLE_EXTENSION, "valueCodeableConcept": value}]


def _death(context: Context) -> Json:
    """Return deceased[x]. A death notice says that the patient died, whatever PID-30 says."""
    who = context.transfer.patient
    if who.died_at:
        return {"deceasedDateTime": plain(who.died_at)}
    if context.transfer.kind == "death":
        return {"deceasedBoolean": True}
    return {} if who.deceased is None else {"deceasedBoolean": who.deceased}


def _language(who: Patient) -> list[Json]:
    if not who.language:
        return []
    if _BCP_47.fullmatch(who.language):
        return [{"language": concept(LANGUAGE, shortest(who.language))}]
    return [{"language": {"text": who.language}}]


def _contact(given: Contact) -> Json:
    name = human_name(given)
    relationship = coded(given.relationship)
    made = present(
        {
            "relationship": [relationship] if relationship else None,
            "name": name,
            "telecom": [telecom(each) for each in given.telecoms],
            "address": address(given.address) if given.address else None,
        }
    )
    return {**made, "name": ABSENT} if made.keys() == {"relationship"} else made  # pat-1


def _general_practitioners(context: Context) -> list[Json]:
    who: Patient = context.transfer.patient
    practice = organisation_reference(who.gp_practice, context) if who.gp_practice else None
    doctor = practitioner_reference(who.gp, context) if who.gp else None
    return [each for each in (practice, doctor) if each]


def _merged(context: Context) -> list[Json]:
    """Return links to the records that this one replaces (A40: MRG-1)."""
    held = context.known.get("merged")
    return [
        {
            "other": present(
                {
                    "reference": held and held.reference,
                    "type": "Patient",
                    "identifier": identifier(each, context, "Patient"),
                }
            ),
            "type": "replaces",
        }
        for each in _gone(context)
    ]

"""Encounter from the canonical record: the stay that ended, or in which a referral was made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import Held
from service.fhir.build.parts import (
    ABSENT,
    coded,
    coding,
    concept,
    identifiers,
    meta,
    organisation_reference,
    period,
    plain,
    practitioner_reference,
    present,
)
from service.fhir.systems import (
    ACT_CODE,
    ADMISSION_METHOD_EXTENSION,
    DIAGNOSIS_ROLE,
    DISCHARGE_METHOD_EXTENSION,
    EXPECTED_DISCHARGE_EXTENSION,
    ODS_SITE,
    PARTICIPATION_TYPE,
)
from service.model import Coded, Diagnosis, Encounter, Practitioner

# https://terminology.hl7.org/ValueSet-v3-ActEncounterCode.html
CLASSES: Final = {
    "AMB": "ambulatory",
    "EMER": "emergency",
    "FLD": "field",
    "HH": "home health",
    "IMP": "inpatient encounter",
    "ACUTE": "inpatient acute",
    "NONAC": "inpatient non-acute",
    "OBSENC": "observation encounter",
    "PRENC": "pre-admission",
    "SS": "short stay",
    "VR": "virtual",
}
# Diagnosis types of HL7 table 0052; a working diagnosis has no role in FHIR.
ROLES: Final = {"A": ("AD", "Admission diagnosis"), "F": ("DD", "Discharge diagnosis")}
EMPTY: Final = Encounter()
_STILL_THERE: Final = frozenset({"admission", "transfer", "discharge-cancelled"})


def encounter(
    context: Context, held: Held, conditions: Iterable[tuple[Diagnosis, str]]
) -> Resource:
    """https://hl7.org/fhir/R4/encounter.html; conditions are (diagnosis, reference)."""
    stay = context.transfer.encounter or EMPTY
    reason = coded(stay.reason)
    return present(
        {
            "resourceType": "Encounter",
            "id": held.id,
            "meta": meta(context, held),
            "extension": [
                *_coded_extension(DISCHARGE_METHOD_EXTENSION, stay.discharge_method),
                *_expected_end(stay),
            ],
            "identifier": identifiers(stay.identifiers, context, "Encounter"),
            "status": _status(context),
            "class": _class(stay),
            "serviceType": coded(stay.specialty),
            "subject": context.subject,
            "participant": _participants(stay, context),
            "period": _period(stay, context),
            "reasonCode": [reason] if reason else None,
            "diagnosis": [_diagnosis(*each) for each in conditions],
            "hospitalization": _hospitalization(stay, context),
            "location": _locations(stay),
            "serviceProvider": context.sender,
        }
    )


def _status(context: Context) -> str:
    """Return what is said or known of the stay; a cancelled discharge opens it again."""
    kind, stay = context.transfer.kind, context.transfer.encounter or EMPTY
    if stay.status and (kind, stay.status) != ("discharge-cancelled", "finished"):
        return stay.status
    if kind == "admission-cancelled":
        return "cancelled"
    if kind in _STILL_THERE:
        return "in-progress"
    if kind in ("discharge", "death") or stay.discharged_at:
        return "finished"
    return "in-progress" if stay.admitted_at else "unknown"


def _period(stay: Encounter, context: Context) -> Json:
    cancelled = context.transfer.kind == "discharge-cancelled"  # the notice tells of the time
    return period(stay.admitted_at, None if cancelled else stay.discharged_at, context, "encounter")


def _class(stay: Encounter) -> Json:
    if stay.klass in CLASSES:
        return coding(ACT_CODE, stay.klass, CLASSES[stay.klass])
    return present({**ABSENT, "display": stay.patient_class or stay.klass})


def _coded_extension(url: str, value: Coded | None) -> list[Json]:
    made = coded(value)
    return [{"url": url, "valueCodeableConcept": made}] if made else []


def _expected_end(stay: Encounter) -> list[Json]:
    if not stay.expected_discharge_at:
        return []
    return [
        {"url": EXPECTED_DISCHARGE_EXTENSION, "valueDateTime": plain(stay.expected_discharge_at)}
    ]


def _participants(stay: Encounter, context: Context) -> list[Json]:
    """The consultant of UK usage, responsible for the stay, is HL7's attender."""
    roles = (
        (stay.consultant, "ATND", "attender", "Consultant"),
        (stay.referrer, "REF", "referrer", None),
        (stay.admitter, "ADM", "admitter", None),
        *((each, "CON", "consultant", "Consulted") for each in stay.consulted),
    )
    return [
        _participant(who, concept(PARTICIPATION_TYPE, code, display, text), context)
        for who, code, display, text in roles
        if who
    ]


def _participant(who: Practitioner, role: Json, context: Context) -> Json:
    return {"type": [role], "individual": practitioner_reference(who, context)}


def _diagnosis(given: Diagnosis, reference: str) -> Json:
    role = ROLES.get(given.kind or "")
    use: Json | None = concept(DIAGNOSIS_ROLE, *role) if role else None
    if given.kind and not role:
        use = {"text": "Working diagnosis" if given.kind == "W" else given.kind}
    rank = given.rank if given.rank and given.rank > 0 else None
    return present({"condition": {"reference": reference}, "use": use, "rank": rank})


def _hospitalization(stay: Encounter, context: Context) -> Json:
    to = stay.discharged_to
    return present(
        {
            "extension": _coded_extension(ADMISSION_METHOD_EXTENSION, stay.admission_method),
            "admitSource": coded(stay.admission_source),
            "destination": organisation_reference(to, context) if to else None,
            "dischargeDisposition": coded(stay.discharge_destination),
        }
    )


def _locations(stay: Encounter) -> list[Json]:
    ward = ", ".join(part for part in (stay.ward, stay.bed) if part)
    site = stay.site
    places = [
        present({"type": "Location", "display": ward}) if ward else None,
        present(
            {
                "type": "Location",
                "identifier": site.ods and {"system": ODS_SITE, "value": str(site.ods)},
                "display": site.name,
            }
        )
        if site
        else None,
    ]
    return [{"location": place} for place in places if place]

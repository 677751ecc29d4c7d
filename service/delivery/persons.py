"""Other records of one person that a sender posted: who holds one must hear of a death in any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from service.fhir.build.continuity import differences
from service.fhir.build.identity import Held
from service.fhir.systems import NHS_NUMBER
from service.model import NhsNumber, Patient
from service.store import Store

Resource = dict[str, Any]
MOST_DIFFERENCES: Final = 1  # of NHS number, name, birth date and hospital number


def other_records(store: Store, sender: str, patient: Patient) -> Iterator[Held]:
    """Yield the sender's other Patients who are this person: by NHS number, and not doubted.

    `patient.reference` is the record that is not meant; without one every record is found by
    its numbers already.
    """
    if not patient.nhs_number or not patient.reference:
        return
    found = store.find(sender, "Patient", ("identifier", f"{NHS_NUMBER}|{patient.nhs_number}"))
    others = [("Patient", id_) for id_, _ in found if f"Patient/{id_}" != patient.reference]
    rows = store.read_many(sender, others) if others else {}
    for row in rows.values():
        if not row.deleted and _is_the_person(orjson.loads(row.body), patient, sender):
            yield Held(type="Patient", id=row.id, version=row.version)


def _is_the_person(stored: Resource, patient: Patient, sender: str) -> bool:
    return len(differences(stored, patient, sender)) <= MOST_DIFFERENCES


def as_sent(resource: Resource) -> Patient:
    """Return of a posted Patient what tells one person from another."""
    numbers = [n.get("value") for n in resource.get("identifier", ()) if _is_nhs(n)]
    name: Resource = next((n for n in resource.get("name", ()) if "family" in n), {})
    try:
        number = NhsNumber.parse(numbers[0]) if len(numbers) == 1 else None
    except ValueError:
        number = None
    return Patient(
        nhs_number=number,
        family=name.get("family"),
        given=tuple(name.get("given", ())),
        birth_date=resource.get("birthDate"),
        reference=f"Patient/{resource['id']}",
    )


def _is_nhs(identifier: Resource) -> bool:
    return identifier.get("system") == NHS_NUMBER and bool(identifier.get("value"))

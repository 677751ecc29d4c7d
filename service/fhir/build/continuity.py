"""A patient over several messages: what a later one leaves out stays; who is somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.errors import Issue
from service.fhir.build.context import Resource
from service.fhir.build.identity import system_of
from service.fhir.systems import NHS_NUMBER
from service.model import Patient

# Elements that stay when a message is silent about them, and the field whose deletion (HL7 v2
# `""`) ends them. HL7 v2: an empty field says nothing; a FHIR message without an element neither.
_STAYS: Final = {
    "name": "patient.family",
    "telecom": "patient.telecoms",
    "gender": "patient.gender",
    "birthDate": "patient.birth_date",
    "address": "patient.addresses",
    "contact": "patient.contacts",
    "communication": "patient.language",
    "generalPractitioner": "patient.gp",
    "link": "",
}
_DEATH: Final = ("deceasedBoolean", "deceasedDateTime")
_WHOLE_DATE: Final = len("1950-01-02")
DELETED: Final = "deleted"  # FHIR issue-type of an element that the sender deleted


def continued(stored: Resource, built: Resource, issues: Iterable[Issue]) -> Resource:
    """Return the next version of a Patient: what was built, and what it says nothing about.

    Of a record that is restricted only now nothing new is shown to those who hold it.
    """
    if is_restricted(built) and not is_restricted(stored):
        return stored
    deleted = [issue.target for issue in issues if issue.code == DELETED]

    def ended(field: str) -> bool:
        return bool(field) and any(target.startswith(field) for target in deleted)

    stays = {
        name: stored[name]
        for name, field in _STAYS.items()
        if name in stored and name not in built and not ended(field)
    }
    if not any(name in built for name in _DEATH) and not ended("patient.deceased"):
        stays |= {name: stored[name] for name in _DEATH if name in stored}
    numbers = [*built.get("identifier", ())]
    known = {(number.get("system"), number.get("value")) for number in numbers}
    has_nhs_number = any(system == NHS_NUMBER for system, _ in known)
    numbers += [
        number
        for number in stored.get("identifier", ())
        if (number.get("system"), number.get("value")) not in known
        and not (has_nhs_number and number.get("system") == NHS_NUMBER)
    ]
    return {**built, **({"identifier": numbers} if numbers else {}), **stays}


def is_restricted(resource: Resource) -> bool:
    """Whether a resource is labelled restricted or very restricted."""
    labels = resource.get("meta", {}).get("security", ())
    return any(label.get("code") in ("R", "V") for label in labels)


def differences(stored: Resource, patient: Patient, sender: str) -> tuple[str, ...]:
    """Return the fields in which a message contradicts the record that its numbers found."""
    numbers = {n["value"] for n in stored.get("identifier", ()) if n.get("system") == NHS_NUMBER}
    families = {name["family"].casefold() for name in stored.get("name", ()) if "family" in name}
    found = []
    if patient.nhs_number and numbers and patient.nhs_number not in numbers:
        found.append("patient.nhs_number")
    if patient.birth_date and not _agree(stored.get("birthDate", ""), patient.birth_date):
        found.append("patient.birth_date")
    if patient.family and families and patient.family.casefold() not in families:
        found.append("patient.family")
    elif not _shares_a_given_name(stored, patient):
        found.append("patient.given")
        found += ["patient.identifiers"] * _has_other_numbers(stored, patient, sender)
    return tuple(found)


def is_the_same(stored: Resource, patient: Patient) -> bool:
    """Whether name and date of birth are told on both sides, whole, and agree."""
    told = patient.family and patient.given and len(patient.birth_date or "") == _WHOLE_DATE
    same = stored.get("birthDate") == patient.birth_date and any(
        "family" in name and "given" in name for name in stored.get("name", ())
    )
    return bool(told) and same and not differences(stored, patient, "")


def _shares_a_given_name(stored: Resource, patient: Patient) -> bool:
    """Whether one of the given names may be the same; an initial agrees, and so does silence."""
    known = [given.casefold() for name in stored.get("name", ()) for given in name.get("given", ())]
    told = [given.casefold() for given in patient.given]
    return (
        not known
        or not told
        or any(one.startswith(other) or other.startswith(one) for one in known for other in told)
    )


def _has_other_numbers(stored: Resource, patient: Patient, sender: str) -> bool:
    """Whether both have numbers of one kind, e.g. a hospital's, and none in common.

    With the given name it tells twins from each other, whose other details agree.
    """
    told = {(system_of(each, sender, "Patient"), each.value) for each in patient.identifiers}
    known = {(each.get("system"), each.get("value")) for each in stored.get("identifier", ())}
    kinds = {system for system, _ in told} & {system for system, _ in known}
    return bool(kinds) and not told & known


def _agree(one: str, other: str) -> bool:
    """Whether two dates agree as far as both go; a date that is not known agrees."""
    width = min(len(one), len(other))
    return one[:width] == other[:width]

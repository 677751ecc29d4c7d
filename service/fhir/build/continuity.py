"""A patient over several messages: what a later one leaves out stays; who is somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.errors import Issue
from service.fhir.build.chronology import Chronology, is_before
from service.fhir.build.context import Json, Resource
from service.fhir.build.deaths import DECEASED, ages_at_first, choose_death, is_dead, stated
from service.fhir.build.identity import system_of
from service.fhir.build.standing import Merge, Said
from service.fhir.systems import NHS_NUMBER
from service.model import Patient

# The field whose deletion (HL7 v2 `""`) takes an element away. What a message is silent about
# stays: an empty field of HL7 v2 says nothing, and a FHIR message without an element neither.
_FIELDS: Final = {
    "name": "patient.family",
    "telecom": "patient.telecoms",
    "gender": "patient.gender",
    "birthDate": "patient.birth_date",
    "address": "patient.addresses",
    "contact": "patient.contacts",
    "communication": "patient.language",
    "generalPractitioner": "patient.gp",
    DECEASED: "patient.deceased",
}
_NUMBER: Final = "nhs-number"  # an element of its own: a newer one takes the older's place
_SILENT: Final = frozenset({"extension"})  # why there is no number: silence ends it
_CHOSEN: Final = frozenset({"identifier", "link", DECEASED})
_WHOLE_DATE: Final = len("1950-01-02")
DELETED: Final = "deleted"  # FHIR issue-type of an element that the sender deleted


def deleted(issues: Iterable[Issue]) -> frozenset[str]:
    """Return the elements of a patient that a message takes away, as its issues tell."""
    gone = [issue.target for issue in issues if issue.code == DELETED]
    fields = _FIELDS.items()
    return frozenset(name for name, field in fields if any(t.startswith(field) for t in gone))


def patient_standing(
    stored: Resource | None, built: Resource, said: Said, gone: Resource | None = None
) -> Resource:
    """Return the patient as they stand after a message: each element as it was said last.

    `gone` is a record that is merged into this one: what it says of the patient goes on. Of a
    record that is restricted only now nothing new is shown to those who hold it.
    """
    if stored is None:
        made = Chronology(at=said.at, elements=ages_at_first(said)).on(built)
    elif is_restricted(built) and not is_restricted(stored):
        return stored
    else:
        made = _merged(stored, built, said)
    return _with(made, gone) if gone else made


def _with(patient: Resource, gone: Resource) -> Resource:
    told = Chronology.of(gone)
    value, _ = stated(gone, told)
    dead = is_dead(value) if value else None
    said = Said(at=told.at or Chronology.of(patient).at, ages=told.elements, deceased=dead)
    mine = {name: value for name, value in gone.items() if name not in ("active", "link")}
    return _merged(patient, {**mine, "id": patient["id"], "meta": patient["meta"]}, said)


def _merged(stored: Resource, built: Resource, said: Said) -> Resource:
    before = Chronology.of(stored)
    merge = Merge(stored=stored, built=built, said=said, before=before, always=_SILENT)
    merge.run(left=_CHOSEN)
    lists = {"identifier": _numbers(merge), "link": _links(merge)}
    merge.elements |= {name: value for name, value in lists.items() if value}
    return merge.result(Chronology(at=merge.at, elements=choose_death(merge)))


def _numbers(merge: Merge) -> list[Json]:
    """Return every number of the patient; of NHS numbers the one that was said last."""
    told, kept = (one.get("identifier", ()) for one in (merge.built, merge.stored))
    old = {_key(number) for number in kept if number.get("use") == "old"}  # since a merge
    others = [n for n in told if n.get("system") != NHS_NUMBER and _key(n) not in old]
    known = {_key(number) for number in others}
    others += [n for n in kept if n.get("system") != NHS_NUMBER and _key(n) not in known]
    return [*_nhs_number(merge, told, kept), *others]


def _nhs_number(merge: Merge, told: Iterable[Json], kept: Iterable[Json]) -> list[Json]:
    said, mine = ([n for n in one if n.get("system") == NHS_NUMBER] for one in (told, kept))
    at, was = merge.said.time_of(_NUMBER), merge.before.time_of(_NUMBER) if mine else ""
    is_newest = bool(said) and not is_before(at, was)
    if not is_newest and was not in ("", merge.at):
        merge.times[_NUMBER] = was
    return said if is_newest else mine


def _key(number: Json) -> tuple[str | None, str | None]:
    return number.get("system"), number.get("value")


def _links(merge: Merge) -> list[Json]:
    links = [*merge.built.get("link", ())]
    return [*links, *(link for link in merge.stored.get("link", ()) if link not in links)]


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

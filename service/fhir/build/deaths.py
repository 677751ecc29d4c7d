"""What stands of a death: what was said of the patient, and what a stay alone tells.

A discharge by death says so of the stay; taken back, it says nothing of the patient any more. What
was said of the patient itself (HL7 v2 PID-29, PID-30) stands until the sender says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.fhir.build.chronology import Chronology, is_before
from service.fhir.build.context import Resource
from service.fhir.build.standing import Merge, Said, ages_of

_DEATH: Final = ("deceasedBoolean", "deceasedDateTime")
DECEASED: Final = "deceased"
_IN: Final = "deceased in "  # a stay that tells of a death
# What was said of the patient, where the word of a stay stands before it.
_BEHIND: Final[Mapping[str, Resource]] = {
    "alive": {"deceasedBoolean": False},
    "no death": {},
}


def is_dead(patient: Resource) -> bool:
    """Whether a Patient is marked as dead."""
    return patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient


def ages_at_first(said: Said) -> dict[str, str]:
    """Return the ages of what the first message about a patient says of a death."""
    if said.kind != "death" or not said.stay:
        return {}
    if said.deceased is None:
        return {_IN + said.stay: said.at}
    name = DECEASED if said.deceased else "alive"
    return {_IN + said.stay: said.at, name: said.at}


def choose_death(merge: Merge) -> dict[str, str]:
    """Put what holds of a death into a merge; return the ages that go with it."""
    died = _stays(merge)
    value, at = _stated(merge)
    behind = not is_dead(value) and any(not is_before(told, at) for told in died.values())
    ages = {_IN + stay: told for stay, told in died.items()}
    merge.elements |= {"deceasedBoolean": True} if behind else value
    if not at:
        return ages
    if not died:
        merge.times[DECEASED] = at
        return ages
    name = DECEASED if not behind else "alive" if value else "no death"
    return {**ages, name: at}


def _stays(merge: Merge) -> dict[str, str]:
    said = merge.said
    died = dict(ages_of(merge.before, _IN))
    for name, at in said.ages.items():
        if name.startswith(_IN) and not is_before(at, died.get(name.removeprefix(_IN), "")):
            died[name.removeprefix(_IN)] = at
    if said.stay:
        died.pop(said.stay, None)
        died |= {said.stay: said.at} if said.kind == "death" else {}
    return died


def _stated(merge: Merge) -> tuple[Resource, str]:
    """Return what was said last of the patient's death itself, and when."""
    was, was_at = stated(merge.stored, merge.before)
    said = merge.said
    at = said.time_of(DECEASED)
    is_said = said.deceased is not None or DECEASED in said.deleted
    if not is_said or is_before(at, was_at):
        return was, was_at
    if said.deceased is None:
        return {}, at
    return (_told(merge.built) if said.deceased else {"deceasedBoolean": False}), at


def stated(patient: Resource, told: Chronology) -> tuple[Resource, str]:
    """Return what was said of a stored patient's death itself, and when; the word of stays aside.

    Without a time nothing was said.
    """
    for name, value in _BEHIND.items():
        if name in told.elements:
            return value, told.elements[name]
    if DECEASED in told.elements:
        return _told(patient), told.elements[DECEASED]
    by_stays = any(True for _ in ages_of(told, _IN))
    return (_told(patient), told.at) if _told(patient) and not by_stays else ({}, "")


def _told(patient: Resource) -> Resource:
    return {name: patient[name] for name in _DEATH if name in patient}


def is_dead_after(stored: Resource, said: Said | None) -> bool:
    """Whether a patient is dead as stored (nothing is stored: {}), or after a message as well."""
    if said is None or not (stored or said.deceased or said.kind == "death"):
        return is_dead(stored)
    built = {"deceasedBoolean": True} if said.deceased else {}
    merge = Merge(stored=stored, built=built, said=said, before=Chronology.of(stored))
    choose_death(merge)
    return is_dead(merge.elements)

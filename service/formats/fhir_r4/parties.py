"""What a message is about, and who plays which part: focus(), subject() and roles()."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.formats.fhir_r4.index import Index, patient_key
from service.formats.fhir_r4.node import Node
from service.formats.fhir_r4.steps import Step, chain, is_a, member, repeat, resolve

_FOCUS: Step = member("focus")
_SUBJECT: Step = member("subject")
_PRACTITIONER: Step = member("practitioner")
_ABOUT_A_PATIENT: Final = (
    *("Composition", "ServiceRequest", "Communication", "Encounter", "DocumentReference"),
    "ReferralRequest",  # STU3
)
_ENTRIES: Step = chain((repeat(member("section")), "entry"))


def focal(_nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """focus(): what the MessageHeader is about, else what the Composition's sections list."""
    for kind, step in (("MessageHeader", _FOCUS), ("Composition", _ENTRIES)):
        found = index.by_type.get(kind)
        if found:
            return resolve(step(found, index), index)
    return ()


def subjects(_nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """subject(): the patients whom the message is about, each once.

    They are those that its documents, requests, notices and stays name as theirs; where these
    name nobody who is here, all patients there are. Others (a mother, a carer) are nobody's
    subject.
    """
    stated = [one for kind in _ABOUT_A_PATIENT for one in index.by_type.get(kind, ())]
    named = _patients(resolve(_SUBJECT(stated, index), index))
    return named or _patients(index.by_type.get("Patient", ()))


def roles(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """roles(): the PractitionerRoles of Practitioners; those that are found are their own."""
    found: list[Node] = []
    for node in nodes:
        if is_a(node[0], "PractitionerRole"):
            found.append(node)
        elif is_a(node[0], "Practitioner"):
            every = index.by_type.get("PractitionerRole", ())
            found += [role for role in every if _plays(role, node, index)]
    return found


def _plays(role: Node, practitioner: Node, index: Index) -> bool:
    named = resolve(_PRACTITIONER((role,), index), index)
    return any(one[0] is practitioner[0] for one in named)


def _patients(nodes: Sequence[Node]) -> list[Node]:
    """Return the patients among these; one number is one person, in however many entries."""
    found: dict[str, Node] = {}
    for node in nodes:
        if is_a(node[0], "Patient"):
            found.setdefault(patient_key(node[0], f"{id(node[0])}"), node)
    return list(found.values())

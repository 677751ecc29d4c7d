"""Which of the sender's earlier resources a transfer speaks of: keys to look them up by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from service.fhir.systems import NHS_NUMBER, STATEMENT_ID, identifier_system
from service.model import (
    Allergy,
    Diagnosis,
    Identifier,
    Medication,
    Procedure,
    TransferOfCare,
)

_NHS_NUMBER_TYPE: Final = "NH"  # HL7 table 0203
_PLACEHOLDER: Final = re.compile(
    r"\W*(unk(nown)?|none|null|nil|n/?a|not known|not (yet )?(known|assigned)|temp(orary)?|tb[ac]"
    r"|test|x+|0+|9+|)\W*",
    re.IGNORECASE,
)
Stated = Diagnosis | Procedure | Allergy | Medication
Key = tuple[str, str]  # (search parameter, value), e.g. ("identifier", "system|value")
# Where the sender names neither system nor authority: the last part of the system made for it.
KINDS: Final = {
    "Patient": "patient",
    "Encounter": "encounter",
    "ServiceRequest": "referral",
    "DocumentReference": "document",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """One way to find an earlier resource. Several for one slot stand in order of preference."""

    slot: str  # "patient", "encounter", "requests[0]", "documents[0]", "diagnoses[0]" …
    type: str
    key: Key


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A resource that an earlier message made."""

    type: str
    id: str
    version: int

    @property
    def reference(self) -> str:
        """How others refer to it."""
        return f"{self.type}/{self.id}"


class Known(dict[str, Held]):
    """What is held already, by slot."""


def identity_keys(transfer: TransferOfCare) -> tuple[Identity, ...]:
    """Return the keys of everything that an earlier message of this sender may have made.

    What the sender posted itself (a `reference`) is not looked up, nor what has no key.
    """
    return tuple(dict.fromkeys(_identities(transfer)))


def key_of(identifier: Identifier, sender: str, kind: str) -> Key:
    """Return the search key of an identifier as the built resource carries it."""
    return "identifier", f"{system_of(identifier, sender, kind)}|{identifier.value}"


def system_of(identifier: Identifier, sender: str, kind: str) -> str:
    """Return the system of an identifier: the source's, or one in the sender's own space."""
    return identifier_system(identifier.system, sender, identifier.authority or KINDS[kind])


def statement_value(transfer: TransferOfCare, kind: str, words: Iterable[str | None]) -> str | None:
    """Return by what a diagnosis (procedure …) of this stay is known when it is sent again.

    None where the patient has no number: then nothing ties two messages together. The parts are
    hashed with their lengths, so that no two lists of parts look alike.
    """
    patient = next(_patient_keys(transfer), None)
    if patient is None:
        return None
    stay = transfer.encounter.identifiers[:1] if transfer.encounter else ()
    visit = [key_of(each, transfer.message.sender, "Encounter")[1] for each in stay]
    parts = [transfer.message.sender, patient[1], *visit, kind, *(word or "" for word in words)]
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _identities(transfer: TransferOfCare) -> Iterator[Identity]:
    sender, patient, encounter = transfer.message.sender, transfer.patient, transfer.encounter
    if patient.reference is None:
        for key in _patient_keys(transfer):
            yield Identity(slot="patient", type="Patient", key=key)
    yield from _by_identifiers("merged", "Patient", patient.merged_identifiers, sender)
    if encounter is not None and encounter.reference is None:
        yield from _by_identifiers("encounter", "Encounter", encounter.identifiers, sender)
    for i, request in enumerate(transfer.requests):
        if request.reference is None:
            slot = f"requests[{i}]"
            yield from _by_identifiers(slot, "ServiceRequest", request.identifiers, sender)
    yield from _document_identities(transfer)
    yield from _statement_identities(transfer)


def _patient_keys(transfer: TransferOfCare) -> Iterator[Key]:
    patient = transfer.patient
    for identifier in patient.identifiers:
        if is_usable(identifier):
            yield key_of(identifier, transfer.message.sender, "Patient")
    if patient.nhs_number:
        yield "identifier", f"{NHS_NUMBER}|{patient.nhs_number}"


def is_usable(identifier: Identifier) -> bool:
    """Whether a patient's identifier tells that patient from others.

    An NHS number among them is one that is wrong or given up, and a word that stands where the
    number is not known stands there for many.
    """
    return identifier.type != _NHS_NUMBER_TYPE and not _PLACEHOLDER.fullmatch(identifier.value)


def _by_identifiers(
    slot: str, kind: str, identifiers: tuple[Identifier, ...], sender: str
) -> Iterator[Identity]:
    for identifier in identifiers:
        yield Identity(slot=slot, type=kind, key=key_of(identifier, sender, kind))


def _document_identities(transfer: TransferOfCare) -> Iterator[Identity]:
    for i, document in enumerate(transfer.documents):
        if document.reference is not None:
            continue
        numbers = (
            (f"documents[{i}]", document.id),
            (f"replaced[{i}]", document.replaces),
            (f"appended[{i}]", document.appends),
        )
        for name, value in numbers:
            if value:
                key = key_of(Identifier(value=value), transfer.message.sender, "DocumentReference")
                yield Identity(slot=name, type="DocumentReference", key=key)


def _statement_identities(transfer: TransferOfCare) -> Iterator[Identity]:
    for slot, kind, value in statements(transfer):
        yield Identity(slot=slot, type=kind, key=("identifier", f"{STATEMENT_ID}|{value}"))


def statements(transfer: TransferOfCare) -> Iterator[tuple[str, str, str]]:
    """Yield slot, resource type and identifier of everything stated about the patient."""
    stated: tuple[tuple[str, str, tuple[Stated, ...]], ...] = (
        ("diagnoses", "Condition", transfer.diagnoses),
        ("procedures", "Procedure", transfer.procedures),
        ("allergies", "AllergyIntolerance", transfer.allergies),
        ("medications", "MedicationStatement", transfer.medications),
    )
    for name, kind, listed in stated:
        seen: dict[tuple[str | None, ...], int] = {}
        for i, each in enumerate(listed):
            words = (each.system, each.code, each.display, each.text)
            before = seen[words] = seen.get(words, -1) + 1
            value = statement_value(transfer, kind, (*words, str(before)))
            if value:
                yield f"{name}[{i}]", kind, value

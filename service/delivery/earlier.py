"""What the sender sent before that a transfer is about: found by its numbers, and then doubted.

A number is not a person. A patient whose numbers match but of whose NHS number, family name and
birth date two differ is somebody else; a stay, referral or document of another patient is another
one. Both are told, and a resource of their own is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.errors import Issue
from service.fhir.build import Held, Identity, Known, identity_keys
from service.fhir.build.continuity import differences, is_restricted, is_the_same
from service.fhir.build.identity import is_usable
from service.model import OdsCode, TransferOfCare
from service.store import Check, Store

Resource = dict[str, Any]
_MUST_BE_HEARD = frozenset(
    {"admission-cancelled", "discharge-cancelled", "referral-cancelled", "death"}
)
MOST_MERGES = 8  # of one record into the next
MOST_CORRECTED = 1  # of NHS number, name and birth date in one message
FHIR_ID = "fhir-id"  # authority of a resource's own id, where a message is known by such
_UNRESOLVED = frozenset({"04", "05"})  # NHS number status: no or several matches, to be resolved
_NAMED = ("encounter", "requests", "documents", "replaced", "appended")  # slots told of


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the sender sent before that this transfer is about."""

    known: Known
    checks: tuple[Check, ...]
    issues: tuple[Issue, ...]
    bodies: dict[str, Resource]  # by id
    also: tuple[tuple[str, Held], ...] = ()  # by slot: kept apart from what is known, withdrawn too


def look_up(store: Store, transfer: TransferOfCare) -> Found:
    """Find the resources that the sender's earlier messages made of the same things."""
    sender, identities = transfer.message.sender, identity_keys(transfer)
    rows = store.find_many(sender, [(each.type, each.key) for each in identities])
    checks = tuple(
        Check(
            owner=sender,
            type=identity.type,
            key=identity.key,
            expected=tuple(found for found, _ in hits),
        )
        for identity, hits in zip(identities, rows, strict=True)
    )
    candidates = _candidates(identities, rows)
    _add_by_our_ids(store, transfer, candidates)
    choice = _Choice(store, transfer, _bodies(store, sender, candidates))
    choice.choose(candidates)
    return Found(
        known=choice.known,
        checks=checks,
        issues=tuple(choice.issues),
        bodies=choice.bodies,
        also=tuple(choice.also),
    )


def _candidates(
    identities: Sequence[Identity], rows: Sequence[Sequence[tuple[str, int]]]
) -> dict[str, list[Held]]:
    """Return by slot what its keys found: those of the first key first, the latest first."""
    found: dict[str, dict[Held, None]] = {}
    for identity, hits in zip(identities, rows, strict=True):
        for id_, version in reversed(hits):
            held = Held(type=identity.type, id=id_, version=version)
            found.setdefault(identity.slot, {})[held] = None
    return {slot: list(every) for slot, every in found.items()}


def _add_by_our_ids(
    store: Store, transfer: TransferOfCare, candidates: dict[str, list[Held]]
) -> None:
    """Add the requests that the sender names by the id that they have here: it read them."""
    named = [
        (f"requests[{i}]", ("ServiceRequest", each.value))
        for i, request in enumerate(transfer.requests)
        for each in request.identifiers
        if each.authority == FHIR_ID and each.system is None
    ]
    rows = store.read_many(transfer.message.sender, [one for _, one in named]) if named else {}
    for slot, reference in named:
        row = rows.get(reference)
        if row and not row.deleted and row.owner == transfer.message.sender:
            held = Held(type="ServiceRequest", id=row.id, version=row.version)
            every = candidates.setdefault(slot, [])
            every += [held] if held not in every else []


def _bodies(store: Store, owner: OdsCode, candidates: dict[str, list[Held]]) -> dict[str, Resource]:
    references = list({(h.type, h.id) for every in candidates.values() for h in every})
    rows = store.read_many(owner, references) if references else {}
    return {row.id: orjson.loads(row.body) for row in rows.values() if not row.deleted}


@dataclass(slots=True)
class _Choice:
    """Which candidate is meant in each slot."""

    store: Store
    transfer: TransferOfCare
    bodies: dict[str, Resource]
    known: Known = field(default_factory=Known)
    issues: list[Issue] = field(default_factory=list)
    also: list[tuple[str, Held]] = field(default_factory=list)

    def choose(self, candidates: dict[str, list[Held]]) -> None:
        """Choose the patient first, since everything else is of that patient or is not it."""
        every = self._surviving(candidates.pop("patient", []))
        if not every and not any(map(is_usable, self.transfer.patient.identifiers)):
            every = self._by_what_is_theirs(candidates)
        self._choose_patient(every)
        self._doubt_placeholders()
        self._doubt_status()
        whole = self.known.get("patient")
        gone = candidates.pop("merged", [])
        self._take("merged", [each for each in gone if not whole or each.id != whole.id])
        own = self._own_references()
        for slot, every in candidates.items():
            mine = [held for held in every if self._is_of(held, own)]
            self._take(slot, mine)
            if not mine and slot.startswith(_NAMED) and not self._is_closed():
                text = "its number was sent before for another patient: taken for another one"
                self._doubt("conflict", text, slot)

    def _surviving(self, candidates: list[Held]) -> list[Held]:
        """Return the candidates; of one that was merged away the record that took its place."""
        survivors = [self._survivor(held) for held in candidates]
        if survivors != candidates:
            text = "a number of the patient's belongs to a record that was merged into another"
            self._doubt("business-rule", text, "patient.identifiers")
        return [*dict.fromkeys(survivors)]

    def _survivor(self, held: Held) -> Held:
        for _ in range(MOST_MERGES):
            other = _replaced_by(self.bodies.get(held.id, {})).removeprefix("Patient/")
            row = self.store.read(self.transfer.message.sender, "Patient", other) if other else None
            if row is None or row.deleted:
                break
            self.bodies[other] = orjson.loads(row.body)
            held = Held(type="Patient", id=other, version=row.version)
        return held

    def _choose_patient(self, candidates: list[Held]) -> None:
        if self._is_hidden_from_holders():
            open_records = [h for h in candidates if not is_restricted(self.bodies.get(h.id, {}))]
            candidates = [h for h in candidates if h not in open_records]
            if open_records:
                text = "the record is restricted now: it is kept apart from what was sent before"
                self._doubt("suppressed", text, "patient")
        sender = self.transfer.message.sender
        told = [
            (differences(self.bodies[held.id], self.transfer.patient, sender), held)
            for held in candidates
            if held.id in self.bodies
        ]
        same = [each for each in told if len(each[0]) <= MOST_CORRECTED]
        same.sort(key=lambda each: (not self._was_restricted(each[1]), len(each[0])))
        self._take("patient", [held for _, held in same])
        for target in same[0][0] if same else ():
            text = "differs from what was sent before for this patient; the record was changed"
            self._doubt("conflict", text, target)
        if told and not same:
            text = "these numbers were sent before for somebody else: taken for another patient"
            self._doubt("conflict", text, "patient")

    def _doubt_placeholders(self) -> None:
        if any(
            not is_usable(one) and one.type != "NH" for one in self.transfer.patient.identifiers
        ):
            text = "a number stands for many (unknown, 0, …): the patient is not looked for by it"
            self._doubt("value", text, "patient.identifiers")

    def _doubt_status(self) -> None:
        patient = self.transfer.patient
        if patient.nhs_number and patient.nhs_number_status in _UNRESOLVED:
            text = "the NHS number was not found, or found more than once, when it was traced"
            self._doubt("business-rule", text, "patient.nhs_number_status")

    def _by_what_is_theirs(self, candidates: dict[str, list[Held]]) -> list[Held]:
        """Find a patient without a number by the stay or referral, if name and birth agree."""
        patient = self.transfer.patient
        if patient.nhs_number or patient.reference:
            return []
        subjects = {
            self.bodies[held.id].get("subject", {}).get("reference", "")
            for slot, every in candidates.items()
            if slot.startswith(("encounter", "requests"))
            for held in every
            if held.id in self.bodies
        }
        found = self._patients(subjects)
        if found:
            text = "no number of the patient can be used: the one of this stay or request was taken"
            self._doubt("business-rule", text, "patient.identifiers")
        return found

    def _patients(self, references: set[str]) -> list[Held]:
        wanted = [("Patient", one.removeprefix("Patient/")) for one in sorted(references) if one]
        rows = self.store.read_many(self.transfer.message.sender, wanted) if wanted else {}
        found = []
        for row in rows.values():
            body = orjson.loads(row.body) if not row.deleted else {}
            if body and is_the_same(body, self.transfer.patient):
                self.bodies[row.id] = body
                found.append(Held(type="Patient", id=row.id, version=row.version))
        return found

    def _is_hidden_from_holders(self) -> bool:
        """Whether those who hold the patient from before must not see what is sent now.

        A withdrawal or a death must still find what it is about.
        """
        return self.transfer.patient.restricted and self.transfer.kind not in _MUST_BE_HEARD

    def _is_closed(self) -> bool:
        """Whether this is about a restricted record, by its own word or by what was sent before."""
        held = self.known.get("patient")
        closed = held is not None and self._was_restricted(held)
        return closed or self._is_hidden_from_holders()

    def _was_restricted(self, held: Held) -> bool:
        """Whether this record is closed, and so what goes on about it without a word of that."""
        lifted = self.transfer.patient.confidentiality == "N"
        heard = lifted or self.transfer.kind in _MUST_BE_HEARD
        return not heard and is_restricted(self.bodies.get(held.id, {}))

    def _take(self, slot: str, candidates: list[Held]) -> None:
        if not candidates:
            return
        self.known[slot] = candidates[0]
        if self.transfer.kind in _MUST_BE_HEARD:
            self.also += [(slot, each) for each in candidates[1:]]
        if len(candidates) > 1:
            kind = candidates[0].type
            text = f"its numbers belong to more than one {kind} that was sent before"
            self._doubt("multiple-matches", text, slot)

    def _own_references(self) -> set[str]:
        """Return how earlier resources may refer to this patient."""
        held = (self.known.get("patient"), self.known.get("merged"))
        posted = self.transfer.patient.reference
        return {each.reference for each in held if each} | ({posted} if posted else set())

    def _is_of(self, held: Held, own: set[str]) -> bool:
        body = self.bodies.get(held.id, {})
        subject = (body.get("subject") or body.get("patient") or {}).get("reference", "")
        return not subject or subject in own or self._is_a_record_of_them(subject, own)

    def _is_a_record_of_them(self, subject: str, own: set[str]) -> bool:
        """Whether another record was merged into this one, or is going to be: the same person."""
        kind, _, id_ = subject.partition("/")
        row = self.store.read(self.transfer.message.sender, kind, id_)
        body = orjson.loads(row.body) if row and not row.deleted else {}
        if self._is_closed() and not is_restricted(body):
            return False  # those who hold it are to learn nothing new
        return _replaced_by(body) in own or is_the_same(body, self.transfer.patient)

    def _doubt(self, code: str, text: str, target: str) -> None:
        self.issues.append(Issue(severity="warning", code=code, text=text, target=target))


def _replaced_by(patient: Resource) -> str:
    links = (link for link in patient.get("link", ()) if link["type"] == "replaced-by")
    return next((link["other"].get("reference", "") for link in links), "")

"""What a message says when it comes after newer ones: told as it stands now, and flagged as late.

A sender's facts about a patient, a stay or a referral are ordered by when they were sent. A message
that was overtaken changes nothing that was said since; those whom it names still hear, and hear
what holds: of a discharge that was cancelled meanwhile that it is cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from service.delivery.earlier import Found
from service.errors import Issue, Severity
from service.fhir.build.chronology import Chronology, is_before, said_at
from service.fhir.build.continuity import deleted, patient_standing
from service.fhir.build.deaths import is_dead_after
from service.fhir.build.recall import as_it_stands, request_as_it_stands
from service.fhir.build.standing import (
    ENDED,
    EVENTS,
    Event,
    Said,
    holding,
    paper_standing,
    stay_standing,
)
from service.model import Recipient, TransferOfCare
from service.model.transfer import Kind
from service.store import Store

Resource = dict[str, Any]
_DETAILS: Final = frozenset({"admission", "admission-cancelled", "transfer", "patient-update"})
_REFERRALS: Final = frozenset({"referral", "referral-update", "referral-cancelled"})
# What later messages may speak of again, beside patient and stay.
_KEPT: Final = frozenset(
    {
        *("ServiceRequest", "DocumentReference", "Condition", "Procedure"),
        *("AllergyIntolerance", "MedicationStatement"),
    }
)
_NO_STAY: Final = frozenset({"admission", "admission-cancelled"})
_WITHDRAWN: Final = frozenset({"revoked", "entered-in-error"})
_SILENT_OF_IT: Final = frozenset(
    {"referral", "referral-update", "document", "discharge-cancelled", "admission-cancelled"}
)
LATE: Final = "this message came after newer ones of its sender: what was sent since then holds"
_LATE_DETAILS: Final = (
    "newer details of the patient came before this message: it changes only what they left open"
)
_STILL_DEAD: Final = "the sender told before that the patient has died, and does not say so here"
_TOLD_AGAIN: Final = "the stay has ended, as was told before, and is told to go on here"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One transfer among the others of its sender."""

    told: TransferOfCare  # as its recipients are to hear of it
    addressed: TransferOfCare  # by which its recipients are found
    said: Said
    is_late: bool = False  # newer messages tell of the same: nothing of theirs is changed

    @property
    def adds_content(self) -> bool:
        """Whether a late message brings what nobody can have from the newer ones."""
        return bool(self.told.documents or self.told.sections)


def standing(store: Store, transfer: TransferOfCare, found: Found, now: datetime) -> Standing:
    """Return how a transfer stands to what its sender told before; asks more at a death only."""
    return _Reading(store, transfer, found, said_at(transfer.message, now)).read()


def uninformed(
    store: Store, here: Standing, found: Found, holders: tuple[Recipient, ...]
) -> tuple[Recipient, ...]:
    """Return which of those who hold what changes must hear: of a late message, who know less."""
    told, addressed = here.told.kind, here.addressed.kind
    is_news = told == "patient-update" or told == addressed == "death"
    if not here.is_late or here.adds_content or is_news:
        return holders
    stay = found.known.get("encounter")
    if stay is None or addressed not in ("admission", "transfer"):
        return ()  # they were told what was said since
    knowing = set(store.audience(stay.type, stay.id))
    return tuple(one for one in holders if one.ods not in knowing)


def as_they_stand(
    resources: tuple[Resource, ...], found: Found, here: Standing
) -> tuple[Resource, ...]:
    """Return built resources as they stand after this message, and each with its age."""
    said, merged = here.said, found.known.get("merged")
    if said.stay:
        stays = [one["id"] for one in resources if one["resourceType"] == "Encounter"]
        posted = here.told.encounter and here.told.encounter.reference
        said = replace(said, stay=posted or "".join(f"Encounter/{id_}" for id_ in stays[:1]))
    gone = found.bodies.get(merged.id) if merged else None
    return tuple(_as_it_stands(one, found.bodies.get(one["id"]), said, gone) for one in resources)


def _as_it_stands(
    built: Resource, stored: Resource | None, said: Said, gone: Resource | None
) -> Resource:
    kind = built["resourceType"]
    if kind == "Patient":
        other = gone if gone and gone["id"] != built["id"] else None
        return patient_standing(stored, built, said, other)
    if kind == "Encounter":
        return stay_standing(stored, built, said)
    return paper_standing(stored, built, said) if kind in _KEPT else built


@dataclass(slots=True)
class _Reading:
    """One transfer beside the resources that earlier messages made of the same things."""

    store: Store
    transfer: TransferOfCare
    found: Found
    at: str

    def read(self) -> Standing:
        """Decide on the stay, the requests, the documents and the death, in this order."""
        stay = self._body("encounter")
        held, mine = holding(stay) if stay else Event(), self._event()
        holds = bool(mine.kind) and mine.outweighs(held)
        told, late = self.transfer, False
        if stay:
            told, late = self._of_stay(told, stay, held, holds)
        told, requests_late = self._of_requests(told)
        told, papers_late = self._of_documents(told)
        late = late or requests_late or papers_late
        if late:
            told = _doubting(told, "warning", "business-rule", LATE, "kind")
        said = self._said(holds)
        return self._of_death(told, said, late=late)

    def _body(self, slot: str) -> Resource:
        held = self.found.known.get(slot)
        return self.found.bodies.get(held.id, {}) if held else {}

    def _event(self) -> Event:
        kind, stay = self.transfer.kind, self.transfer.encounter
        if kind not in EVENTS:
            return Event()
        start, end = (stay.admitted_at, stay.discharged_at) if stay else (None, None)
        return Event(kind=kind, at=self.at, start=start or "", end=end or "")

    def _said(self, holds: bool) -> Said:
        patient, stay = self.transfer.patient, self.found.known.get("encounter")
        return Said(
            at=self.at,
            kind=self.transfer.kind,
            deleted=deleted(self.transfer.issues),
            deceased=True if patient.died_at else patient.deceased,
            stay=stay.reference if holds and stay else "new" if holds else "",
        )

    def _of_stay(
        self, told: TransferOfCare, stay: Resource, held: Event, holds: bool
    ) -> tuple[TransferOfCare, bool]:
        """Return what is told of the stay, and whether it was overtaken."""
        if holds or (told.kind not in EVENTS and told.kind != "transfer"):
            return told, False
        last = Chronology.of(stay).at
        if told.kind == "transfer":
            return self._of_move(told, held, late=is_before(self.at, last))
        late = is_before(self.at, held.at)
        if told.kind == "admission" and (not late or held.kind in _NO_STAY):
            again = told if late else _doubting(told, "warning", "conflict", _TOLD_AGAIN, "kind")
            return replace(again, kind="patient-update"), late
        kind: Kind = held.kind  # type: ignore[assignment]  # one of EVENTS
        told = replace(told, kind=kind)
        return (as_it_stands(told, stay) if kind in (*ENDED, "admission") else told), late

    def _of_move(
        self, told: TransferOfCare, held: Event, *, late: bool
    ) -> tuple[TransferOfCare, bool]:
        is_over = held.kind in ENDED or held.kind == "admission-cancelled"
        if not late and not is_over:
            return told, False
        if not late:
            told = _doubting(told, "warning", "conflict", _TOLD_AGAIN, "kind")
        return replace(told, kind="patient-update"), late

    def _of_requests(self, told: TransferOfCare) -> tuple[TransferOfCare, bool]:
        """Return each request as it stands; all overtaken, they are told as that."""
        stored = [self._body(f"requests[{i}]") for i in range(len(told.requests))]
        late = [is_before(self.at, Chronology.of(body).at) for body in stored]
        if not any(late):
            return told, False
        requests = tuple(
            request_as_it_stands(request, body) if is_late else request
            for request, body, is_late in zip(told.requests, stored, late, strict=True)
        )
        told = replace(told, requests=requests)
        if not all(late) or told.kind not in _REFERRALS:
            return told, True
        over = all(request.status in _WITHDRAWN for request in requests)
        return replace(told, kind="referral-cancelled" if over else "referral-update"), True

    def _of_documents(self, told: TransferOfCare) -> tuple[TransferOfCare, bool]:
        """Return each document as it stands: one that was withdrawn since is told as withdrawn."""
        stored = [self._body(f"documents[{i}]") for i in range(len(told.documents))]
        late = [is_before(self.at, Chronology.of(body).at) for body in stored]
        if not any(late):
            return told, False
        documents = tuple(
            replace(document, status=body["status"], doc_status=body.get("docStatus"))
            if is_late
            else document
            for document, body, is_late in zip(told.documents, stored, late, strict=True)
        )
        return replace(told, documents=documents), True

    def _of_death(self, told: TransferOfCare, said: Said, *, late: bool) -> Standing:
        patient = self._body("patient")
        was_dead, dead = is_dead_after(patient, None), is_dead_after(patient, said)
        addressed = replace(self.transfer, requests=told.requests)
        if dead and told.kind == "discharge":
            told = replace(told, kind="death")
            if not said.deceased:
                told = _doubting(told, "warning", "conflict", _STILL_DEAD, "patient.deceased")
        elif dead and not was_dead and told.kind in _DETAILS and self._is_held():
            told = replace(told, kind="death")
            addressed = told
        elif dead and told.kind in _SILENT_OF_IT and not said.deceased:
            told = _doubting(told, "warning", "conflict", _STILL_DEAD, "patient.deceased")
        if is_before(said.at, Chronology.of(patient).at):
            told = _doubting(told, "information", "business-rule", _LATE_DETAILS, "patient")
        return Standing(told=told, addressed=addressed, said=said, is_late=late)

    def _is_held(self) -> bool:
        held = self.found.known.get("patient")
        return held is not None and bool(self.store.audience(held.type, held.id))


def _doubting(
    transfer: TransferOfCare, severity: Severity, code: str, text: str, target: str
) -> TransferOfCare:
    issue = Issue(severity=severity, code=code, text=text, target=target)
    return replace(transfer, issues=(*transfer.issues, issue))

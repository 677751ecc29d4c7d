"""Who has the patient on a caseload: told if number and birth date agree, else asked about.

A valid NHS number and the date of birth must both agree. What agrees nearly is never sent: a
person looks at it. A restricted record is told to nobody by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from service.delivery.draft import Draft
from service.delivery.earlier import Found
from service.delivery.following import told_under
from service.delivery.persons import other_records
from service.delivery.posted import Posting
from service.delivery.recall import Addressing, Notice
from service.errors import Issue
from service.fhir.build.continuity import is_restricted
from service.fhir.index import ods_code
from service.fhir.systems import EVENT_ID
from service.model import OdsCode, Patient, Recipient, TransferOfCare
from service.store import (
    RELAY,
    Asking,
    Candidate,
    Concerned,
    Delivery,
    Entry,
    Lookup,
    Occurrence,
    Store,
)
from service.store.caseload_records import NOWHERE, Why, likeness_place, number_place

Resource = dict[str, Any]
# What a team asks for, by what is told: a withdrawal goes with what it withdraws.
ASKED_AS: Final = {
    "admission": "admission",
    "admission-cancelled": "admission",
    "transfer": "transfer",
    "discharge": "discharge",
    "discharge-cancelled": "discharge",
    "death": "death",
    "referral": "referral",
    "referral-update": "referral",
    "referral-cancelled": "referral",
    "document": "document",
}
KINDS: Final = tuple(dict.fromkeys(ASKED_AS.values()))
USUAL_KINDS: Final = ("admission", "discharge", "death", "referral")
_NEWS: Final = frozenset({"admission", "transfer", "death"})
_DETAILS: Final = frozenset({"patient-update", "patient-merge"})
LONDON: Final = ZoneInfo("Europe/London")
_RESTRICTED: Final = frozenset({"R", "V"})  # v3-Confidentiality
ALSO_TOLD: Final = Issue(
    severity="information",
    code="informational",
    text="also delivered to teams who have the patient on their caseload",
)
WITHHELD: Final = Issue(
    severity="warning",
    code="suppressed",
    text="the record is restricted: teams who have the patient on their caseload are not told",
)


def today(now: datetime) -> str:
    """Return the date in England."""
    return now.astimezone(LONDON).date().isoformat()


def agreement(entry: Entry, nhs_number: str, birth_date: str) -> Why | None:
    """Return in what an entry and a record found at one of its places differ; None: in nothing."""
    if not nhs_number:
        return "no-nhs-number"
    same = entry.nhs_number == nhs_number and entry.birth_date == birth_date
    return None if same else "birth-date-differs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """One posting, and what caseloads need to know of it."""

    transfer: TransferOfCare  # as it is told
    posting: Posting
    draft: Draft  # with a notice
    patient_id: str  # of the record, "" while the store does not know it
    may_inform: Callable[[Sequence[OdsCode]], Sequence[OdsCode]]  # who of these knows it not yet

    @property
    def notice(self) -> Notice:
        """What is told, nobody's yet."""
        assert self.draft.notice is not None  # noqa: S101  # asked for only then
        return self.draft.notice


class Matching:
    """Adds to a posting those who have the patient on their caseload."""

    def __init__(self, store: Store, addressing: Addressing) -> None:
        self._store, self._addressing = store, addressing

    def following(
        self, transfer: TransferOfCare, found: Found, hidden: frozenset[OdsCode]
    ) -> frozenset[OdsCode]:
        """Return who of those that were told by their caseload alone hears of a change.

        Of a correction all of them; of what is new `joined` tells those who have the patient now.
        """
        if not hidden or transfer.kind in _NEWS:
            return frozenset()
        if transfer.kind == "discharge":
            return hidden & set(_told_of_end(self._store, transfer, found))
        if transfer.kind not in _DETAILS:
            return hidden
        lookup, day = _lookup(transfer.patient, ""), today(self._addressing.clock())
        having = self._store.caseloads.candidates(lookup) if lookup else []
        return hidden & {OdsCode(one.entry.team) for one in having if one.entry.holds_on(day)}

    def joined(self, telling: Telling) -> Posting:
        """Return the posting with the deliveries, near matches and checks of caseloads."""
        lookup = _lookup(telling.transfer.patient, telling.patient_id)
        if lookup is None:
            return telling.posting
        found = self._store.caseloads.candidates(lookup)
        lookup = replace(lookup, expected=tuple(map(_expected, found)))
        wanted = list(self._wanted(found, telling.transfer))
        if _is_restricted(telling):
            return _withheld(telling.posting, lookup, any(why is None for _, why in wanted))
        return self._told(telling, lookup, wanted)

    def _wanted(
        self, found: Sequence[Candidate], transfer: TransferOfCare
    ) -> Iterator[tuple[Entry, Why | None]]:
        """Yield the entries that this is for, each with what a person must look at first."""
        day, kind = today(self._addressing.clock()), ASKED_AS[transfer.kind]
        number, born = transfer.patient.nhs_number or "", transfer.patient.birth_date or ""
        for one in found:
            if not one.entry.holds_on(day) or kind not in one.entry.kinds:
                continue
            why = agreement(one.entry, number, born)
            if why is None or one.decision == "accepted":
                yield one.entry, None
            elif not one.decision:
                yield one.entry, why

    def _told(
        self, telling: Telling, lookup: Lookup, wanted: Sequence[tuple[Entry, Why | None]]
    ) -> Posting:
        posting = telling.posting
        known = {delivery.recipient for delivery in posting.deliveries}
        teams = dict.fromkeys(OdsCode(entry.team) for entry, why in wanted if why is None)
        new = telling.may_inform([team for team in teams if team not in known])
        deliveries = (*posting.deliveries, *(self._delivery(telling, team) for team in new))
        patient_id = telling.notice.communication["subject"]["reference"].rpartition("/")[2]
        concerned = Concerned(
            lookup=lookup,
            occurrence=self._occurrence(telling, lookup, patient_id, deliveries),
            asked=tuple(
                Asking(
                    id=self._addressing.new_id(),
                    entry=entry.id,
                    team=entry.team,
                    patient_id=patient_id,
                    why=why,
                )
                for entry, why in wanted
                if why
            ),
        )
        return replace(posting, deliveries=deliveries, concerned=(concerned,))

    def _delivery(self, telling: Telling, team: OdsCode) -> Delivery:
        patient, sender = telling.transfer.patient, telling.transfer.message.sender
        number = patient.nhs_number or ""
        return self._addressing.delivery(
            telling.notice, team, telling.transfer.kind, number, sender
        )

    def _occurrence(
        self, telling: Telling, lookup: Lookup, patient_id: str, deliveries: Sequence[Delivery]
    ) -> Occurrence:
        patient = telling.transfer.patient
        return Occurrence(
            id=self._addressing.new_id(),
            kind=telling.transfer.kind,
            patient_id=patient_id,
            place=lookup.place,
            nhs_number=patient.nhs_number or "",
            birth_date=patient.birth_date or "",
            body=telling.notice.packed(),
            told=tuple(delivery.recipient for delivery in deliveries),
        )


def _lookup(patient: Patient, patient_id: str) -> Lookup | None:
    """Return where the patient's entries are found; None without number, or all of the rest."""
    if patient.nhs_number:
        return Lookup(place=number_place(patient.nhs_number), patient_id=patient_id)
    postcodes = (one.postcode for one in patient.addresses if one.postcode)
    likeness = likeness_place(
        patient.family or "",
        patient.given[0] if patient.given else "",
        patient.birth_date or "",
        next(postcodes, None) or "",
    )
    if likeness == NOWHERE:
        return None
    return Lookup(place=likeness, by_likeness=True, patient_id=patient_id)


def _expected(found: Candidate) -> tuple[str, int, str]:
    return found.entry.id, found.entry.revision, found.decision


def _is_restricted(telling: Telling) -> bool:
    """Whether the record, a document of it, or the patient as stored is marked R or V."""
    transfer = telling.transfer
    marked = {document.confidentiality for document in transfer.documents}
    return (
        transfer.patient.restricted
        or not _RESTRICTED.isdisjoint(marked)
        or any(map(is_restricted, (*telling.draft.built.resources, telling.notice.communication)))
    )


def _withheld(posting: Posting, lookup: Lookup, would_be_told: bool) -> Posting:
    issues = (*posting.issues, WITHHELD) if would_be_told else posting.issues
    return replace(posting, issues=issues, concerned=(Concerned(lookup=lookup),))


def with_what_senders_hear(posting: Posting) -> Posting:
    """Return the posting with a word for its sender of those who are told and not named."""
    if not any(delivery.discreet for delivery in posting.deliveries):
        return posting
    return replace(posting, issues=(*posting.issues, ALSO_TOLD))


def _told_of_end(store: Store, transfer: TransferOfCare, found: Found) -> Iterator[OdsCode]:
    """Yield to whom the relay has sent on by itself that this stay ended."""
    stay, held = transfer.encounter, found.known.get("encounter")
    reference = held.reference if held else stay.reference if stay else None
    key = ("encounter", reference or "")
    for notice, _ in told_under(store, RELAY, "Communication", key) if reference else ():
        if any(one.get("code") in ("discharge", "death") for one in notice["topic"]["coding"]):
            yield OdsCode(ods_code(notice["recipient"][0]))


def discreet_among(
    store: Store, transfer: TransferOfCare, found: Found, holders: Sequence[Recipient]
) -> frozenset[OdsCode]:
    """Return which holders came to hold the patient's data by their caseload alone.

    The sender was never shown a notice to them, and is shown none now.
    """
    if not holders:
        return frozenset()
    hidden = store.caseloads.told_discreetly(
        transfer.message.sender, sorted(_records(store, transfer, found))
    )
    return frozenset(one.ods for one in holders if one.ods and one.ods in hidden)


def _records(store: Store, transfer: TransferOfCare, found: Found) -> set[str]:
    """Return the ids of every record of the patient that the transfer may be about."""
    named = {transfer.patient.reference or ""}
    for held in found.known.values():
        body = found.bodies.get(held.id, {})
        named.add(held.reference if held.type == "Patient" else "")
        named.add((body.get("subject") or body.get("patient") or {}).get("reference", ""))
    if transfer.kind == "death":
        others = other_records(store, transfer.message.sender, transfer.patient)
        named.update(held.reference for held in others)
    return {one.removeprefix("Patient/") for one in named if one.startswith("Patient/")}


def as_on_caseload(holder: Recipient) -> Recipient:
    """Return a holder with why it holds what changes."""
    return replace(holder, because=f"caseload, {holder.because}")


def copies(store: Store, sender: OdsCode, notice: Resource) -> list[Resource]:
    """Return the relay's own notices of the event that a sender's notice tells of."""
    row = store.read(sender, "Communication", notice["id"])
    kept = orjson.loads(row.body) if row and not row.deleted else notice
    events = [one for one in kept.get("identifier", ()) if one.get("system") == EVENT_ID]
    return [
        copy
        for event in events
        for copy, _ in told_under(
            store, sender, "Communication", ("identifier", f"{EVENT_ID}|{event['value']}")
        )
        if copy["id"] != notice["id"] and store.read(RELAY, "Communication", copy["id"])
    ]

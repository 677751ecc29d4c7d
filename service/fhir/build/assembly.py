"""Puts the resources of one transfer together, in the order in which they refer to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from service.fhir.build import documents, statements
from service.fhir.build.communication import Due, acknowledgement, communication
from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.encounter import encounter
from service.fhir.build.identity import Held
from service.fhir.build.parts import coding, organisation_reference
from service.fhir.build.patient import patient, patient_reference
from service.fhir.build.provenance import provenance
from service.fhir.build.request import addressed_to, service_request
from service.fhir.build.succession import Succession, successions
from service.fhir.systems import ACT_REASON, CONFIDENTIALITY
from service.model import Diagnosis, Organisation, Patient, Recipient

# A stay is made even of nothing where the event is about one: its notices must name it.
_ABOUT_A_STAY: Final = frozenset({"discharge", "discharge-cancelled"})
_CHANGES: Final = frozenset({"referral", "referral-update", "referral-cancelled"})
_HELD_BEFORE: Final = "holds-what-changes"
_RESTRICTED: Final = coding(CONFIDENTIALITY, "R", "restricted")
_VERY_RESTRICTED: Final = coding(CONFIDENTIALITY, "V", "very restricted")
_TRIAL: Final = coding(ACT_REASON, "HTEST", "test health data")


class Assembly:
    """The resources of one transfer while they are made."""

    def __init__(self, context: Context, recipients: Sequence[Recipient]) -> None:
        self.context = context
        self.recipients = recipients
        self.resources: list[Resource] = []
        self._requests: dict[int, Json] = {}  # references by index in the transfer
        self._papers: list[Json] = []  # references to what there is to read
        self._documents: dict[int, str] = {}  # references by index in the transfer
        self._original: Json | None = None

    def assemble(self) -> None:
        """Make everything but Communications and Tasks."""
        transfer, context = self.context.transfer, self.context
        context.instant = context.now.isoformat(timespec="milliseconds")
        context.sender = organisation_reference(Organisation(ods=transfer.message.sender), context)
        context.security += _restriction(transfer.patient)
        context.security += [_TRIAL] * (transfer.message.processing in ("T", "D"))
        self._add_patient()
        self._add_stay()
        self._add_papers()
        self._add_requests()
        self._add_provenance()

    def successions(self) -> tuple[Succession, ...]:
        """Return which earlier resources are replaced by these."""
        return successions(self.context, self._documents)

    def communications(self, due: Due) -> Iterator[tuple[Recipient, Resource, Resource]]:
        """Yield for each recipient its Communication, and the Task to acknowledge it."""
        shared = Counter(each.reference for each in self.context.transfer.recipients)
        about = self._about()
        for recipient in self.recipients:
            own = recipient.reference if shared[recipient.reference] <= 1 else None
            held = _as_posted(own) or self.context.place("communication", "Communication")
            told = communication(self.context, held, recipient, self._asked(recipient), about)
            task = self.context.place("task", "Task")
            yield recipient, told, acknowledgement(self.context, task, recipient, told, due)

    def _add_patient(self) -> None:
        context, posted = self.context, self.context.transfer.patient.reference
        held = None if posted else context.place("patient", "Patient")
        context.subject = patient_reference(context, posted or (held.reference if held else ""))
        if held:
            self.resources.append(patient(context, held))

    def _add_stay(self) -> None:
        """Add the encounter and what was stated in it, each referring to the other."""
        context, stay = self.context, self.context.transfer.encounter
        held = None
        if stay is not None and stay.reference:
            context.encounter = {"reference": stay.reference}
        elif stay is not None or context.transfer.kind in _ABOUT_A_STAY:
            held = context.place("encounter", "Encounter")
            context.encounter = {"reference": held.reference}
        stated: list[tuple[Diagnosis, Resource]] = []
        if not context.origin.is_transaction:
            stated = list(statements.conditions(context))
        if held:
            named = [(given, f"Condition/{made['id']}") for given, made in stated]
            self.resources.append(encounter(context, held, named))
        self.resources += [made for _, made in stated]
        if not context.origin.is_transaction:
            self.resources += statements.others(context)

    def _add_papers(self) -> None:
        """Add what there is to read: documents, the sections, and the message as it came."""
        context, transfer = self.context, self.context.transfer
        for i, given in enumerate(transfer.documents):
            if given.reference:
                self._papers.append({"reference": given.reference})
                continue
            held = context.place(f"documents[{i}]", "DocumentReference")
            self._documents[i] = held.reference
            self._add_paper(documents.document_reference(context, held, i), given.title)
        if transfer.sections and not context.origin.is_transaction:
            held = context.place("composition", "Composition")
            made = documents.composition(context, held)
            self._add_paper(made, made["title"])
        if not context.origin.is_transaction:
            held = context.place("original", "DocumentReference")
            self.resources.append(documents.original(context, held))
            self._original = {"reference": held.reference, "display": "Message as received"}

    def _add_paper(self, made: Resource, title: str | None) -> None:
        self.resources.append(made)
        reference: Json = {"reference": f"{made['resourceType']}/{made['id']}"}
        self._papers.append(reference | {"display": title} if title else reference)

    def _add_requests(self) -> None:
        context = self.context
        for i, given in enumerate(context.transfer.requests):
            if given.reference:
                self._requests[i] = {"reference": given.reference}
                continue
            held = context.place(f"requests[{i}]", "ServiceRequest")
            self._requests[i] = {"reference": held.reference}
            made = service_request(context, held, i, self.recipients, self._papers)
            self.resources.append(made)

    def _add_provenance(self) -> None:
        held = self.context.place("provenance", "Provenance")
        made = [{"reference": f"{one['resourceType']}/{one['id']}"} for one in self.resources]
        targets = made or [{"reference": self.context.subject["reference"]}]
        self.resources.append(provenance(self.context, held, targets, self._original))

    def _asked(self, recipient: Recipient) -> dict[int, Json]:
        """Return the requests that a notice is about: asked of its recipient, or held by it."""
        requests, kind = self.context.transfer.requests, self.context.transfer.kind
        asked = addressed_to(recipient, requests, self.recipients)
        if kind in _CHANGES and _HELD_BEFORE in recipient.because:
            held = [i for i in range(len(requests)) if f"requests[{i}]" in self.context.known]
            asked = sorted({*asked, *held})
        return {i: self._requests[i] for i in asked}

    def _about(self) -> list[Json]:
        """Return what the notices are about: something to read, else what was asked, else whom."""
        original = [self._original] if self._original else []
        whom = {"reference": self.context.subject["reference"]}
        return self._papers + original or list(self._requests.values()) or [whom]


def _restriction(who: Patient) -> list[Json]:
    """Return the label of a restricted record, as strict as the sender's."""
    if not who.restricted:
        return []
    return [_VERY_RESTRICTED if who.confidentiality == "V" else _RESTRICTED]


def _as_posted(reference: str | None) -> Held | None:
    """Return the place of a Communication that the sender posted for a single recipient."""
    if not reference:
        return None
    kind, _, posted_id = reference.partition("/")
    return Held(type=kind, id=posted_id, version=0)

"""From a transfer and its recipients to what one transaction writes.

Everything is looked up, built, checked and serialised here, before the transaction opens; what
was looked up is handed on as `Check`s, so that the store notices when another was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from service.delivery.caseloads import (
    ASKED_AS,
    Matching,
    Telling,
    as_on_caseload,
    copies,
    discreet_among,
    with_what_senders_hear,
)
from service.delivery.discretion import as_marked_before
from service.delivery.draft import Draft, require_conformance
from service.delivery.earlier import Found, look_up
from service.delivery.following import (
    cancelled,
    holders,
    missing_original,
    stopped,
    taken_back,
)
from service.delivery.lateness import Standing, as_they_stand, standing, uninformed
from service.delivery.posted import Posting
from service.delivery.recall import FOR_NOBODY, Addressing, without_nobodys
from service.delivery.referrals import require_current
from service.delivery.reversals import require_end
from service.delivery.route import NOBODY_ACTS, Routed
from service.delivery.routing import Routing
from service.delivery.terms import first_deadline
from service.delivery.writes import as_binary, as_write
from service.errors import Issue
from service.fhir.build import Built, Origin, build, completed, succeeded
from service.fhir.build.chronology import is_as_stored, says_the_same
from service.fhir.index import ods_code
from service.model import Instant, OdsCode, Recipient, TransferOfCare
from service.store import RELAY, Delivery, Reference, Store, Write

__all__ = ["Poster", "Posting"]

Resource = dict[str, Any]
_NO_NEWS: Final = Issue(
    severity="information",
    code="informational",
    text="nothing of what was sent before for this patient changes: nobody was told",
)


class Poster:
    """Makes postings for the senders of one store."""

    def __init__(
        self,
        *,
        store: Store,
        routing: Routing,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._routing = routing
        self._clock = clock
        self._new_id = new_id
        addressing = Addressing(directory=routing.directory, clock=clock, new_id=new_id)
        self._caseloads = Matching(store, addressing)

    def post(
        self,
        transfer: TransferOfCare,
        origin: Origin,
        posted: Mapping[str, Resource] = MappingProxyType({}),
    ) -> Posting:
        """Return the rows of one transfer. Raises NonconformantResource with every fault.

        `posted` are the resources by id that the sender posted itself: a Communication among
        them that is addressed to one recipient is what that recipient gets.
        """
        draft, found, here = self._draft(transfer, origin, posted)
        posting = self._rows(here.told, draft, found, is_late=here.is_late)
        if draft.notice:
            posting = self._caseloads.joined(self._telling(posting, draft, found, here))
        return with_what_senders_hear(posting)

    def _telling(self, posting: Posting, draft: Draft, found: Found, here: Standing) -> Telling:
        def may_inform(teams: Sequence[OdsCode]) -> list[OdsCode]:
            every = tuple(Recipient(ods=ods, because="caseload") for ods in teams)
            return [one.ods for one in uninformed(self._store, here, found, every) if one.ods]

        held = found.known.get("patient")
        return Telling(
            transfer=here.told,
            posting=posting,
            draft=draft,
            patient_id=held.id if held else (here.told.patient.reference or "").rpartition("/")[2],
            may_inform=may_inform,
        )

    def draft(self, transfer: TransferOfCare, origin: Origin) -> Draft:
        """Return what `post` would make of a transfer now. Raises as it does.

        It says nothing of caseloads: what their sender may not learn cannot be tried out either.
        """
        return self._draft(transfer, origin, {})[0].seen_by_sender()

    def _draft(
        self, transfer: TransferOfCare, origin: Origin, posted: Mapping[str, Resource]
    ) -> tuple[Draft, Found, Standing]:
        found = look_up(self._store, transfer)
        transfer = as_marked_before(transfer, found)
        here = standing(self._store, transfer, found, self._clock())
        routed = self.recipients(here, found)
        if not here.is_late:
            require_end(self._store, transfer, found)
        require_current(transfer, found)
        missing = missing_original(here.told, found)
        doubtful = (*here.told.issues, *found.issues, *missing, *routed.issues)
        whole = replace(here.told, issues=doubtful, requests=routed.requests)
        everybody = (*routed.recipients, *([FOR_NOBODY] if here.told.kind in ASKED_AS else ()))
        built = self._built(whole, everybody, found, origin)
        built = replace(
            built,
            resources=as_they_stand(built.resources, found, here),
            communications=tuple(
                (to, completed(made, posted), task) for to, made, task in built.communications
            ),
        )
        require_conformance(built)
        built, notice = without_nobodys(built)
        draft = Draft(
            recipients=routed.recipients,
            built=built,
            issues=doubtful,
            notice=notice,
            discreet=routed.discreet,
        )
        return draft, found, here

    def withdraw(self, transfer: TransferOfCare, origin: Origin, notice: Resource) -> Posting:
        """Return the rows that take back a delivered Communication, and tell its recipient."""
        found = look_up(self._store, transfer)
        doubtful = (*transfer.issues, *found.issues)
        more = copies(self._store, transfer.message.sender, notice)
        held = {OdsCode(ods_code(one["recipient"][0])): one for one in (notice, *more)}
        to = tuple(Recipient(ods=ods, role="action", because="holds-what-changes") for ods in held)
        hidden = frozenset(ods for ods, one in held.items() if one is not notice)
        to = tuple(as_on_caseload(one) if one.ods in hidden else one for one in to)
        built = self._built(replace(transfer, issues=doubtful), to, found, origin)
        built = replace(built, communications=tuple(_answering(built, held)))
        require_conformance(built)
        draft = Draft(recipients=to, built=built, issues=doubtful, discreet=hidden)
        posting = self._rows(transfer, draft, found, is_late=False)
        ended = (*self._ended(transfer, notice), *self._stopped(transfer, more))
        return with_what_senders_hear(replace(posting, writes=(*posting.writes, *ended)))

    def _stopped(self, transfer: TransferOfCare, more: Sequence[Resource]) -> Iterator[Write]:
        """Yield the relay's own notices as they are taken back with the sender's, and Tasks."""
        now = Instant.of(self._clock()).isoformat()
        for one in more:
            for resource, version in stopped(self._store, transfer, one, now):
                yield as_write(resource, OdsCode(RELAY), prior=version, keeps_audience=True)

    def _ended(self, transfer: TransferOfCare, notice: Resource) -> Iterator[Write]:
        """Yield a notice as it is taken back, and its Task."""
        sender, prior = transfer.message.sender, int(notice["meta"]["versionId"]) - 1
        yield as_write(notice, sender, prior=prior, keeps_audience=True)
        now = Instant.of(self._clock()).isoformat()
        for task, version in cancelled(self._store, transfer, notice, now):
            yield as_write(task, sender, prior=version, keeps_audience=True)

    def _built(
        self,
        transfer: TransferOfCare,
        recipients: Sequence[Recipient],
        found: Found,
        origin: Origin,
    ) -> Built:
        return build(
            transfer,
            recipients,
            known=found.known,
            origin=origin,
            now=self._clock(),
            new_id=self._new_id,
            organisation_name=self._routing.directory.name_of,
            due=self._routing.directory.due,
        )

    def recipients(self, here: Standing, found: Found) -> Routed:
        """Return who must know: those of the routing, and those who hold what changes."""
        routed = self._routing.recipients(here.addressed)
        told = {recipient.ods for recipient in routed.recipients}
        every = uninformed(self._store, here, found, holders(self._store, here.addressed, found))
        more = tuple(holder for holder in every if holder.ods not in told)
        hidden = discreet_among(self._store, here.addressed, found, more)
        follow = self._caseloads.following(here.addressed, found, hidden)
        more = tuple(one for one in more if one.ods not in hidden or one.ods in follow)
        more = tuple(as_on_caseload(one) if one.ods in hidden else one for one in more)
        asked = tuple(issue for issue in routed.issues if not every or issue is not NOBODY_ACTS)
        every = (*routed.recipients, *more)
        return replace(routed, recipients=every, issues=asked, discreet=hidden)

    def _rows(
        self,
        transfer: TransferOfCare,
        draft: Draft,
        found: Found,
        *,
        is_late: bool,
    ) -> Posting:
        sender, built, issues = transfer.message.sender, draft.built, draft.issues
        versions = {held.id: held.version for held in found.known.values()}
        unchanged: set[Reference] = set()  # for a reader
        shared: set[Reference] = set()  # for the store as well
        writes = []
        for resource in built.resources:
            stored = found.bodies.get(resource["id"])
            if stored and says_the_same(stored, resource):
                unchanged.add((resource["resourceType"], resource["id"]))
            if stored and is_as_stored(stored, resource, is_late=is_late):
                shared.add((resource["resourceType"], resource["id"]))
            else:
                prior = versions.get(resource["id"], 0)
                writes.append(as_write(resource, sender, prior=prior))
        contents = tuple(as_binary(content, sender) for content in built.contents)
        later = [*self._replaced(sender, built)]
        if not is_late:
            later += self._taken_back(transfer, found)
        is_news = transfer.kind != "patient-update" or not unchanged >= _patients(built)
        return Posting(
            writes=(*writes, *contents, *later),
            deliveries=tuple(self._deliveries(transfer, draft)) if is_news else (),
            checks=found.checks,
            shared=tuple(shared),
            issues=(*issues, *built.issues) if is_news else (*issues, *built.issues, _NO_NEWS),
        )

    def _taken_back(self, transfer: TransferOfCare, found: Found) -> Iterator[Write]:
        """Yield what a withdrawal makes of the notices that it takes back."""
        now = Instant.of(self._clock()).isoformat()
        for resource, version in taken_back(self._store, transfer, found, now):
            yield as_write(resource, transfer.message.sender, prior=version, keeps_audience=True)

    def _replaced(self, sender: OdsCode, built: Built) -> Iterator[Write]:
        """Yield the next version of what later resources take the place of."""
        wanted = {(each.held.type, each.held.id): each for each in built.successions}
        if not wanted:
            return
        for reference, row in self._store.read_many(sender, list(wanted)).items():
            succession = wanted[reference]
            if not row.deleted and row.version == succession.held.version:
                changed = succeeded(orjson.loads(row.body), succession)
                yield as_write(changed, sender, prior=row.version, keeps_audience=True)

    def _deliveries(self, transfer: TransferOfCare, draft: Draft) -> Iterator[Delivery]:
        for recipient, told, task in draft.built.communications:
            discreet = recipient.ods in draft.discreet
            owner = OdsCode(RELAY) if discreet else transfer.message.sender
            terms = self._routing.directory.terms_of(recipient.ods)
            yield Delivery(
                recipient=recipient.ods or "",
                kind=transfer.kind,
                communication=as_write(told, owner),
                task=as_write(task, owner),
                patient_id=told["subject"]["reference"].removeprefix("Patient/"),
                nhs_number=transfer.patient.nhs_number or "",
                discreet=discreet,
                deadline=first_deadline(terms, recipient.role, task, self._clock()),
            )


def _patients(built: Built) -> set[Reference]:
    return {("Patient", r["id"]) for r in built.resources if r["resourceType"] == "Patient"}


def _answering(
    built: Built, held: Mapping[OdsCode, Resource]
) -> Iterator[tuple[Recipient, Resource, Resource]]:
    """Yield withdrawals, each with what it withdraws."""
    for to, made, task in built.communications:
        notice = held[to.ods or OdsCode("")]
        yield to, {**made, "inResponseTo": [{"reference": f"Communication/{notice['id']}"}]}, task

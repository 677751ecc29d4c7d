"""From a transfer and its recipients to what one transaction writes.

Everything is looked up, built, checked and serialised here, before the transaction opens; what
was looked up is handed on as `Check`s, so that the store notices when another was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from service.delivery.draft import Draft, require_conformance
from service.delivery.earlier import Found, look_up
from service.delivery.following import cancelled, holders, missing_original, taken_back
from service.delivery.lateness import Standing, as_they_stand, standing, uninformed
from service.delivery.referrals import require_current
from service.delivery.reversals import require_end
from service.delivery.routing import NOBODY_ACTS, Routed, Routing
from service.delivery.terms import first_deadline
from service.delivery.writes import as_binary, as_write
from service.errors import Issue
from service.fhir.build import Built, Origin, build, completed, succeeded
from service.fhir.build.chronology import is_as_stored, says_the_same
from service.fhir.index import ods_code
from service.model import Instant, OdsCode, Recipient, TransferOfCare
from service.store import Check, Delivery, Reference, Store, Write

Resource = dict[str, Any]
_NO_NEWS: Final = Issue(
    severity="information",
    code="informational",
    text="nothing of what was sent before for this patient changes: nobody was told",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One transfer as rows: part of a `Commit`."""

    writes: tuple[Write, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: tuple[Check, ...] = ()
    shared: tuple[Reference, ...] = ()
    issues: tuple[Issue, ...] = ()

    @classmethod
    def joined(cls, postings: Iterable[Posting]) -> Posting:
        """Return several as one."""
        every = tuple(postings)
        return cls(
            writes=tuple(write for one in every for write in one.writes),
            deliveries=tuple(delivery for one in every for delivery in one.deliveries),
            checks=tuple(dict.fromkeys(check for one in every for check in one.checks)),
            shared=tuple(dict.fromkeys(ref for one in every for ref in one.shared)),
            issues=tuple(issue for one in every for issue in one.issues),
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
        return self._rows(here.told, draft.built, found, draft.issues, is_late=here.is_late)

    def draft(self, transfer: TransferOfCare, origin: Origin) -> Draft:
        """Return what `post` would make of a transfer now. Raises as it does."""
        return self._draft(transfer, origin, {})[0]

    def _draft(
        self, transfer: TransferOfCare, origin: Origin, posted: Mapping[str, Resource]
    ) -> tuple[Draft, Found, Standing]:
        found = look_up(self._store, transfer)
        here = standing(self._store, transfer, found, self._clock())
        routed = self.recipients(here, found)
        if not here.is_late:
            require_end(self._store, transfer, found)
        require_current(transfer, found)
        missing = missing_original(here.told, found)
        doubtful = (*here.told.issues, *found.issues, *missing, *routed.issues)
        whole = replace(here.told, issues=doubtful, requests=routed.requests)
        built = self._built(whole, routed.recipients, found, origin)
        built = replace(
            built,
            resources=as_they_stand(built.resources, found, here),
            communications=tuple(
                (to, completed(made, posted), task) for to, made, task in built.communications
            ),
        )
        require_conformance(built)
        draft = Draft(recipients=routed.recipients, built=built, issues=doubtful)
        return draft, found, here

    def withdraw(self, transfer: TransferOfCare, origin: Origin, notice: Resource) -> Posting:
        """Return the rows that take back a delivered Communication, and tell its recipient."""
        found = look_up(self._store, transfer)
        doubtful = (*transfer.issues, *found.issues)
        to = Recipient(
            ods=OdsCode(ods_code(notice["recipient"][0])),
            role="action",
            because="holds-what-changes",
        )
        built = self._built(replace(transfer, issues=doubtful), (to,), found, origin)
        answered = [{"reference": f"Communication/{notice['id']}"}]
        told = tuple(
            (to, {**made, "inResponseTo": answered}, task)
            for to, made, task in built.communications
        )
        built = replace(built, communications=told)
        require_conformance(built)
        posting = self._rows(transfer, built, found, doubtful, is_late=False)
        return replace(posting, writes=(*posting.writes, *self._ended(transfer, notice)))

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
        asked = tuple(issue for issue in routed.issues if not every or issue is not NOBODY_ACTS)
        return replace(routed, recipients=(*routed.recipients, *more), issues=asked)

    def _rows(
        self,
        transfer: TransferOfCare,
        built: Built,
        found: Found,
        issues: tuple[Issue, ...],
        *,
        is_late: bool,
    ) -> Posting:
        sender = transfer.message.sender
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
            deliveries=tuple(self._delivery(transfer, *made) for made in built.communications)
            if is_news
            else (),
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

    def _delivery(
        self, transfer: TransferOfCare, recipient: Recipient, told: Resource, task: Resource
    ) -> Delivery:
        sender = transfer.message.sender
        terms = self._routing.directory.terms_of(recipient.ods)
        return Delivery(
            recipient=recipient.ods or "",
            kind=transfer.kind,
            communication=as_write(told, sender),
            task=as_write(task, sender),
            patient_id=told["subject"]["reference"].removeprefix("Patient/"),
            nhs_number=transfer.patient.nhs_number or "",
            deadline=first_deadline(terms, recipient.role, task, self._clock()),
        )


def _patients(built: Built) -> set[Reference]:
    return {("Patient", r["id"]) for r in built.resources if r["resourceType"] == "Patient"}

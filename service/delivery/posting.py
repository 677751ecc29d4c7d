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
from service.delivery.reversals import require_end
from service.delivery.routing import NOBODY_ACTS, Routed, Routing
from service.errors import Issue
from service.fhir.build import Built, Content, Origin, build, completed, succeeded
from service.fhir.build.continuity import continued
from service.fhir.index import index_keys, ods_code
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
        draft, found = self._draft(transfer, origin, posted)
        return self._rows(transfer, draft.built, found, draft.issues)

    def draft(self, transfer: TransferOfCare, origin: Origin) -> Draft:
        """Return what `post` would make of a transfer now. Raises as it does."""
        return self._draft(transfer, origin, {})[0]

    def _draft(
        self, transfer: TransferOfCare, origin: Origin, posted: Mapping[str, Resource]
    ) -> tuple[Draft, Found]:
        found = look_up(self._store, transfer)
        routed = self.recipients(transfer, found)
        require_end(self._store, transfer, found)
        missing = missing_original(transfer, found)
        doubtful = (*transfer.issues, *found.issues, *missing, *routed.issues)
        whole = replace(transfer, issues=doubtful, requests=routed.requests)
        built = self._built(whole, routed.recipients, found, origin)
        built = replace(
            built,
            resources=tuple(_continued(r, found, doubtful) for r in built.resources),
            communications=tuple(
                (to, completed(made, posted), task) for to, made, task in built.communications
            ),
        )
        require_conformance(built)
        draft = Draft(recipients=routed.recipients, built=built, issues=doubtful)
        return draft, found

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
        posting = self._rows(transfer, built, found, doubtful)
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
        )

    def recipients(self, transfer: TransferOfCare, found: Found) -> Routed:
        """Return who must know: those of the routing, and those who hold what changes."""
        routed = self._routing.recipients(transfer)
        told = {recipient.ods for recipient in routed.recipients}
        every = holders(self._store, transfer, found)
        more = tuple(holder for holder in every if holder.ods not in told)
        asked = tuple(issue for issue in routed.issues if not every or issue is not NOBODY_ACTS)
        return replace(routed, recipients=(*routed.recipients, *more), issues=asked)

    def _rows(
        self, transfer: TransferOfCare, built: Built, found: Found, issues: tuple[Issue, ...]
    ) -> Posting:
        sender = transfer.message.sender
        versions = {held.id: held.version for held in found.known.values()}
        unchanged = {
            (resource["resourceType"], resource["id"])
            for resource in built.resources
            if (stored := found.bodies.get(resource["id"])) and _same(stored, resource)
        }
        writes = tuple(
            as_write(resource, sender, prior=versions.get(resource["id"], 0))
            for resource in built.resources
            if (resource["resourceType"], resource["id"]) not in unchanged
        )
        contents = tuple(as_binary(content, sender) for content in built.contents)
        later = (*self._replaced(sender, built), *self._taken_back(transfer, found))
        is_news = transfer.kind != "patient-update" or not unchanged >= _patients(built)
        return Posting(
            writes=(*writes, *contents, *later),
            deliveries=tuple(_delivery(transfer, *made) for made in built.communications)
            if is_news
            else (),
            checks=found.checks,
            shared=tuple(unchanged),
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


def _continued(resource: Resource, found: Found, issues: tuple[Issue, ...]) -> Resource:
    stored = found.bodies.get(resource["id"])
    if stored is None or resource["resourceType"] != "Patient":
        return resource
    return continued(stored, resource, issues)


def _patients(built: Built) -> set[Reference]:
    return {("Patient", r["id"]) for r in built.resources if r["resourceType"] == "Patient"}


def as_write(
    resource: Resource, owner: OdsCode, *, prior: int = 0, keeps_audience: bool = False
) -> Write:
    """Return a built resource as a row."""
    return Write(
        type=resource["resourceType"],
        id=resource["id"],
        version=prior + 1,
        body=orjson.dumps(resource),
        owner=owner,
        prior=prior,
        keys=index_keys(resource),
        keeps_audience=keeps_audience,
    )


def as_binary(content: Content, owner: OdsCode) -> Write:
    """Return a document's bytes as a row."""
    return Write(
        type="Binary",
        id=content.id,
        version=1,
        body=content.data,
        owner=owner,
        media_type=content.content_type,
    )


def _delivery(
    transfer: TransferOfCare, recipient: Recipient, communication: Resource, task: Resource
) -> Delivery:
    sender = transfer.message.sender
    return Delivery(
        recipient=recipient.ods or "",
        kind=transfer.kind,
        communication=as_write(communication, sender),
        task=as_write(task, sender),
        patient_id=communication["subject"]["reference"].removeprefix("Patient/"),
        nhs_number=transfer.patient.nhs_number or "",
    )


def _same(stored: Resource, built: Resource) -> bool:
    """Whether two versions say the same, their number, instant and message aside."""
    return _content(stored) == _content(built)


def _content(resource: Resource) -> Resource:
    versionless = {
        name: value
        for name, value in resource["meta"].items()
        if name not in ("versionId", "lastUpdated", "source")
    }
    return {**resource, "meta": versionless}

"""A recipient's answers: $acknowledge, and its own update of the acknowledgement Task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.api.exchange import Exchange
from service.api.records import Records, exact
from service.api.reply import dumps, entity_tag
from service.delivery.hours import beginning
from service.errors import (
    Conflict,
    Forbidden,
    Issue,
    NonconformantResource,
    NotFound,
    PreconditionFailed,
    ServiceError,
    Unavailable,
)
from service.fhir.acknowledgement import acknowledgement_provenance
from service.fhir.bundle_identity import matches
from service.fhir.guard import finished, same_content
from service.fhir.index import index_keys, ods_code
from service.fhir.outcomes import outcomes_of
from service.fhir.search_parameters import Resource
from service.fhir.task import (
    Acknowledgement,
    acknowledged,
    checked_update,
    is_acknowledgement,
    is_awaited,
    received,
    role_of,
)
from service.store import LAST_UPDATED, Reached, Stale, Step, Stored, Write

TRIES: Final = 5
_ANSWERS: Final = ("accepted", "rejected", "completed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """The Task after an answer; the Communication itself where it has no Task."""

    resource: Resource
    version: int
    updated: int  # microseconds

    @property
    def reference(self) -> str:
        """Where it is read."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


class Acknowledging:
    """Moves a recipient's Task, and its Communication with it, in one transaction."""

    def __init__(
        self,
        records: Records,
        check: Callable[[Resource], list[Issue]],
        new_id: Callable[[], str],
    ) -> None:
        self._records, self._store = records, records.store
        self._check, self._new_id = check, new_id

    def one(self, exchange: Exchange, id_: str, said: Acknowledgement) -> Acknowledged:
        """Record the recipient's answer to one Communication; again changes nothing.

        Raises NotFound for one that is not theirs, Conflict for a move that there is not.
        """
        for _ in range(TRIES):
            try:
                return self._answer(exchange, id_, said)
            except Stale:
                continue
        raise Unavailable("Others changed the same Task at the same time; send it again.")

    def many(self, exchange: Exchange, ids: Sequence[str]) -> list[Acknowledged | ServiceError]:
        """Record the technical receipt of several, each by itself."""
        done: list[Acknowledged | ServiceError] = []
        for id_ in ids:
            try:
                done.append(self.one(exchange, id_, Acknowledgement()))
            except ServiceError as refused:
                done.append(refused)
        return done

    def update(
        self, exchange: Exchange, before: Stored, after: Resource, if_match: str
    ) -> Acknowledged:
        """Take a recipient's new version of its acknowledgement Task.

        Raises PreconditionFailed unless `if_match` names the current version, Forbidden for all
        but the recipient, NonconformantResource for what is not the recipient's to change.
        """
        require_match(if_match, before.version)
        task = exact(before)
        if ods_code(task.get("owner")) != exchange.client.organisation:
            raise Forbidden("Only its owner answers an acknowledgement Task.")
        changed = checked_update(task, after, exchange.now.isoformat())
        if same_content({**task, "lastModified": ""}, {**changed, "lastModified": ""}):
            return Acknowledged(resource=task, version=before.version, updated=before.updated)
        try:
            return self._write(exchange, before, changed, Acknowledgement(status=changed["status"]))
        except Stale:
            raise PreconditionFailed("The Task was changed meanwhile: read it again.") from None

    def _answer(self, exchange: Exchange, id_: str, said: Acknowledgement) -> Acknowledged:
        organisation = exchange.client.organisation
        communication = self._records.read(organisation, "Communication", id_)
        if communication is None or communication.deleted:
            raise NotFound("There is no such Communication, or it is not yours to see.")
        task = self._task(organisation, id_) or self._task(organisation, _original(communication))
        if task is None:
            return self._receive(exchange, communication, said)
        after = acknowledged(exact(task), said, exchange.now.isoformat())
        if after is None:
            return Acknowledged(resource=exact(task), version=task.version, updated=task.updated)
        return self._write(exchange, task, after, said)

    def _task(self, organisation: str, id_: str) -> Stored | None:
        """Return the recipient's own Task about a Communication."""
        found = self._store.stream(organisation, "Task", key=("focus", f"Communication/{id_}"))
        for stored in found:
            task = exact(stored)
            if is_acknowledgement(task) and ods_code(task.get("owner")) == organisation:
                return stored
        return None

    def _receive(
        self, exchange: Exchange, communication: Stored, said: Acknowledgement
    ) -> Acknowledged:
        """Record the receipt of a Communication that asks for no answer."""
        if not communication.n:
            raise Forbidden("Only the recipient of a Communication acknowledges it.")
        if said.status != "received" or said.outcomes:
            raise Conflict("This Communication asks for no answer: there is no Task for it.")
        before = exact(communication)
        changed = received(before, "received", exchange.now.isoformat())
        writes = [_version(communication, changed)] if changed else []
        return self._stored(exchange, communication, changed or before, writes)

    def _write(
        self, exchange: Exchange, before: Stored, after: Resource, said: Acknowledgement
    ) -> Acknowledged:
        faults = self._check(after)
        if faults:
            raise NonconformantResource(issues=faults)
        id_ = after["focus"]["reference"].rpartition("/")[2]
        stored = self._records.read(exchange.client.organisation, "Communication", id_)
        role = role_of(exact(stored)) if stored else "action"
        writes = [_moved(before, after, role)]
        now = exchange.now.isoformat()
        changed = received(exact(stored), after["status"], now) if stored else None
        if stored and changed:
            writes.append(_version(stored, changed))
        if said.status != "received" or said.outcomes:
            writes.append(self._provenance(exchange, before, said))
        return self._stored(exchange, before, after, writes)

    def _stored(
        self, exchange: Exchange, before: Stored, after: Resource, writes: Sequence[Write]
    ) -> Acknowledged:
        if not writes:
            return Acknowledged(resource=after, version=before.version, updated=before.updated)
        parties = (exchange.client.organisation, before.owner)
        updated = self._store.update(
            writes, among=parties, audit=[exchange.audit("operation", before.type, before.id)]
        )
        version = before.version + 1
        resource = finished(after, before.id, version, updated.isoformat())
        return Acknowledged(resource=resource, version=version, updated=updated)

    def _provenance(self, exchange: Exchange, task: Stored, said: Acknowledgement) -> Write:
        version = f"Task/{task.id}/_history/{task.version + 1}"
        organisation = exchange.client.organisation
        made = acknowledgement_provenance(version, organisation, said, exchange.now.isoformat())
        id_ = self._new_id()
        resource = finished(made, id_, 1, LAST_UPDATED.decode())
        return Write(
            type="Provenance",
            id=id_,
            version=1,
            body=dumps(resource),
            owner=organisation,
            keys=(*index_keys(resource), ("target", f"Task/{task.id}")),
            visible_to=(task.owner,),
        )


def require_match(if_match: str, version: int) -> None:
    """Raise PreconditionFailed unless If-Match is there and names this version."""
    if not if_match:
        raise PreconditionFailed(f"Name the version that you read: If-Match: {entity_tag(version)}")
    if not matches(if_match, version):
        raise PreconditionFailed("The Task was changed meanwhile: read it again.")


def _original(reminder: Stored) -> str:
    """Return the id of the Communication that this one reminds of: its Task is what is answered."""
    named = exact(reminder).get("inResponseTo", ())
    return next((r["reference"].rpartition("/")[2] for r in named if "reference" in r), "")


def _next_step(status: str, role: str) -> Step | None:
    """Return what comes after an answer: somebody else is asked in the place of who rejects."""
    if is_awaited(status, role):
        return None
    return Step(name=status, at=1) if (status, role) == ("rejected", "action") else Step()


def _reached(before: Resource, after: Resource) -> tuple[Reached, ...]:
    """Return what a version of a Task came to, for the figures; a clinical answer is a receipt."""
    was, now = before["status"], after["status"]
    steps = ["received"] if was == "requested" and now != was else []
    steps += ["answered"] if was in ("requested", "received") and now in _ANSWERS else []
    return (*map(Reached, steps), *_recorded(after, before))


def _recorded(here: Resource, there: Resource) -> tuple[Reached, ...]:
    """Return what one version of a Task says was done and another does not say."""
    only = set(outcomes_of(here)) - set(outcomes_of(there))
    return tuple(Reached(one.code, beginning(one.day)) for one in sorted(only))


def _moved(before: Stored, after: Resource, role: str) -> Write:
    """Return a Task's next version, with what follows from it."""
    was = exact(before)
    return replace(
        _version(before, after),
        step=_next_step(after["status"], role),
        reached=_reached(was, after),
        unsaid=_recorded(was, after),
    )


def _version(before: Stored, after: Resource) -> Write:
    resource = finished(after, before.id, before.version + 1, LAST_UPDATED.decode())
    return Write(
        type=before.type,
        id=before.id,
        version=before.version + 1,
        body=dumps(resource),
        owner=before.owner,
        prior=before.version,
        keys=index_keys(resource),
        method="PUT",
    )

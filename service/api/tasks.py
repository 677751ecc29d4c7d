"""PUT and PATCH of a Task: the recipient's answer, or a Task of the client's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from service.api.acknowledging import Acknowledged, Acknowledging, require_match
from service.api.exchange import Exchange
from service.api.preparation import broken, operations
from service.api.records import Records, exact
from service.api.reply import Reply, dumps, version_headers
from service.errors import Issue, NotFound
from service.fhir.bundle import Request, refusal
from service.fhir.bundle_answer import Done, written_entry
from service.fhir.outcome import operation_outcome
from service.fhir.patch import apply_patch
from service.fhir.search_parameters import Resource
from service.fhir.task import is_acknowledgement
from service.model import Instant
from service.store import Stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Tasks:
    """Updates of Tasks."""

    records: Records
    acknowledging: Acknowledging
    check: Callable[[Resource], list[Issue]]

    def is_answer(self, exchange: Exchange, request: Request) -> bool:
        """Whether a request changes an acknowledgement Task, which has rules of its own."""
        if request.type != "Task" or request.method not in ("PUT", "PATCH") or not request.id:
            return False
        stored = self._stored(exchange, request)
        return stored is not None and is_acknowledgement(exact(stored))

    def require_match(self, exchange: Exchange, request: Request) -> None:
        """Raise PreconditionFailed unless a Task's change names the version that it changes."""
        stored = self._stored(exchange, request) if request.id else None
        if stored is not None:
            require_match(request.if_match, stored.version)

    def update(self, exchange: Exchange, request: Request) -> Reply:
        """Carry out a recipient's answer and return the Task."""
        done = self._answered(exchange, request)
        headers = (*version_headers(done.version, done.updated), *exchange.prefer.applied)
        return Reply(body=shown(exchange, done.resource), headers=headers)

    def entry(self, exchange: Exchange, request: Request) -> dict[str, Any]:
        """Carry out a recipient's answer and return its entry in a response Bundle."""
        done = self._answered(exchange, request)
        told = Done(
            request=request,
            status=200,
            reference=done.reference,
            version=done.version,
            updated=Instant(done.updated).isoformat(),
            resource=done.resource,
        )
        return written_entry(told, exchange.prefer.returning)

    def _answered(self, exchange: Exchange, request: Request) -> Acknowledged:
        stored = self._stored(exchange, request)
        if stored is None:
            raise NotFound("There is no such Task, or it is not yours to see.")
        after = request.resource or {}
        if request.method == "PATCH":
            after = apply_patch(exact(stored), operations(request))
        whole = replace(request, method="PUT", resource=after)
        faults = list(broken(whole, self.check(after)))
        if faults:
            raise refusal(faults)
        return self.acknowledging.update(exchange, stored, after, request.if_match)

    def _stored(self, exchange: Exchange, request: Request) -> Stored | None:
        stored = self.records.read(exchange.client.organisation, "Task", request.id)
        return None if stored is None or stored.deleted else stored


def shown(exchange: Exchange, resource: Resource) -> bytes:
    """Return a changed resource as the client prefers to see it."""
    if exchange.prefer.returning == "minimal":
        return b""
    if exchange.prefer.returning == "OperationOutcome":
        return dumps(operation_outcome(()))
    return dumps(resource)


def acknowledged_reply(exchange: Exchange, done: Acknowledged) -> Reply:
    """Return the answer to $acknowledge: the Task as it now is."""
    headers = (*version_headers(done.version, done.updated), *exchange.prefer.applied)
    return Reply(body=shown(exchange, done.resource), headers=headers)

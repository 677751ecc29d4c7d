"""From requests to rows: one attempt at a transaction, everything done before it opens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from service.api.exchange import Exchange
from service.api.lookup import Looked, Lookup, own
from service.api.negotiation import PATCH_TYPE
from service.api.reply import dumps
from service.errors import Issue, ServiceError, UnreadableMessage
from service.fhir.bundle import Fault, Request, refusal
from service.fhir.bundle_identity import Identities, Known, Target
from service.fhir.bundle_references import Links, rewrite
from service.fhir.guard import finished, objections, same_content
from service.fhir.index import index_keys
from service.fhir.patch import apply_patch
from service.fhir.search_parameters import Resource
from service.formats.fhir_r4.json_reader import read_json
from service.store import LAST_UPDATED, Check, Reference, Write

Check_ = Callable[[Resource], list[Issue]]
STRUCTURAL: Final = ("structure", "value")  # what is answered 400; other faults are 422
# What a request may lean on without posting it again: read along when a message is recognised.
CONTEXT: Final = frozenset(
    {
        *("Patient", "Encounter", "Organization", "Location", "HealthcareService"),
        *("Practitioner", "PractitionerRole", "RelatedPerson"),
    }
)


@dataclass(slots=True)
class Prepared:
    """What one attempt came to."""

    targets: list[Target]
    kept: dict[str, Resource]  # "Type/id" → what is written, or is there unchanged
    unchanged: set[str]  # those of `kept` that are there already, just so
    checks: tuple[Check, ...] = ()
    shared: tuple[Reference, ...] = ()
    context: list[Resource] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The type that a transaction of one is about; a Bundle's is Bundle."""
        request = self.targets[0].request if len(self.targets) == 1 else None
        return request.type if request and not request.place else "Bundle"

    def writes(self, owner: str) -> Iterator[Write]:
        """Yield the rows of what is new or changed."""
        for target in self.targets:
            if target.outcome == "existing" or target.reference in self.unchanged:
                continue
            resource = self.kept[target.reference]
            yield Write(
                type=target.request.type,
                id=target.id,
                version=target.prior + 1,
                body=dumps(resource),
                owner=owner,
                prior=target.prior,
                keys=index_keys(resource),
                method=target.request.method,  # type: ignore[arg-type]  # POST, PUT or PATCH
            )

    def bundle(self) -> Resource:
        """Return the transaction as it will be kept, with what it leans on behind it."""
        posted = [
            {
                "fullUrl": target.reference,
                "resource": self.kept[target.reference],
                "request": {"method": target.request.method, "url": target.reference},
            }
            for target in self.targets
            if target.reference in self.kept
        ]
        behind = [{"resource": resource} for resource in self.context]
        return {"resourceType": "Bundle", "type": "transaction", "entry": [*posted, *behind]}


class Preparation:
    """Prepares transactions; the same requests may be prepared again when others were faster."""

    def __init__(self, lookup: Lookup, check: Check_, new_id: Callable[[], str]) -> None:
        self._lookup, self._check, self._new_id = lookup, check, new_id

    def prepare(self, exchange: Exchange, requests: Sequence[Request]) -> Prepared:
        """Resolve, rewrite and check. Raises the error that tells every fault."""
        faults: list[Fault] = []
        sound = [self._sound(request, faults) for request in requests]
        looked = self._lookup.look(exchange, sound)
        identities = Identities(looked.found, looked.known, self._new_id)
        identities.identify([self._patched(request, looked, faults) for request in sound])
        faults += [*looked.faults, *identities.faults]
        links = Links(
            base=exchange.base,
            by_url=identities.links(),
            by_condition=_meant(looked, identities.targets),
        )
        prepared = Prepared(targets=identities.targets, kept={}, unchanged=set())
        outside = self._keep(prepared, links, faults)
        self._lean(exchange, prepared, outside, looked, faults)
        if faults:
            raise refusal(faults)
        return prepared

    def _keep(
        self, prepared: Prepared, links: Links, faults: list[Fault]
    ) -> dict[Reference, tuple[Request, str]]:
        """Rewrite and check what is written; return what it refers to elsewhere, with places."""
        outside: dict[Reference, tuple[Request, str]] = {}
        for target in prepared.targets:
            if target.outcome == "existing":
                continue
            rewritten = rewrite(target.request, links)
            faults += rewritten.faults
            for reference, place in rewritten.outside.items():
                outside.setdefault(reference, (target.request, place))
            resource = finished(
                rewritten.resource, target.id, target.prior + 1, LAST_UPDATED.decode()
            )
            faults += objections(target, resource)
            if target.known and same_content(target.known.resource, resource):
                prepared.unchanged.add(target.reference)
                resource = target.known.resource
            prepared.kept[target.reference] = resource
        return outside

    def _sound(self, request: Request, faults: list[Fault]) -> Request:
        """Check a posted resource. One that is not built as FHIR is not looked into further."""
        if request.method not in ("POST", "PUT") or request.resource is None:
            return request
        found = list(broken(request, self._check(request.resource)))
        faults += found
        if any(fault.status == 400 for fault in found):  # noqa: PLR2004
            return replace(request, resource={"resourceType": request.type})
        return request

    def _patched(self, request: Request, looked: Looked, faults: list[Fault]) -> Request:
        """Return a PATCH with the resource that it makes of what there is."""
        if request.method != "PATCH":
            return request
        try:
            patched = _patch(request, looked)
        except ServiceError as refused:
            faults += [
                request.fault(refused.http_status, issue.code, issue.text, "resource")
                for issue in refused.issues
            ]
            return replace(request, resource={"resourceType": request.type})
        if patched is request:
            return request
        return replace(self._sound(replace(patched, method="PUT"), faults), method="PATCH")

    def _lean(
        self,
        exchange: Exchange,
        prepared: Prepared,
        outside: dict[Reference, tuple[Request, str]],
        looked: Looked,
        faults: list[Fault],
    ) -> None:
        """Check what is referred to and not posted, and gather it for reading along."""
        known = self._lookup.known(exchange, list(outside))
        for reference, (request, place) in outside.items():
            if reference not in known:
                text = "There is no such resource here, or it is not yours to see."
                faults.append(request.fault(422, "not-found", text, place))
        leant = {**known, **_existing(prepared.targets)}
        leant |= {key: held for key, held in looked.known.items() if key not in leant}
        changed = {tuple(reference.split("/")) for reference in prepared.kept}
        leant = {key: held for key, held in leant.items() if key not in changed}
        prepared.shared = own(leant.items(), exchange.client.organisation)
        prepared.checks = tuple(looked.checks)
        prepared.context = [
            held.resource for (kind, _), held in leant.items() if kind in CONTEXT and held.resource
        ]


def _existing(targets: Sequence[Target]) -> dict[Reference, Known]:
    return {
        (target.request.type, target.id): target.known
        for target in targets
        if target.outcome == "existing" and target.known
    }


def _meant(looked: Looked, targets: Sequence[Target]) -> dict[tuple[str, str], str]:
    """Return what each condition means: one resource that is there, or one in this Bundle."""
    meant: dict[tuple[str, str], str] = {}
    for (kind, query), one in looked.conditions.items():
        there = [f"{kind}/{id_}" for id_ in looked.found[kind, query]]
        posted = [
            target.reference
            for target in targets
            if target.request.resource and one.holds(target.request.resource)
        ]
        both = list(dict.fromkeys([*there, *posted]))
        meant[kind, query] = both[0] if len(both) == 1 else ""
    return meant


def broken(request: Request, issues: Iterable[Issue]) -> Iterator[Fault]:
    """Yield what the check of its resource found, at its place in the request."""
    for issue in issues:
        below = "resource" + issue.target.removeprefix(request.type)
        status = 400 if issue.code in STRUCTURAL else 422
        if issue.severity in ("error", "fatal"):
            yield request.fault(status, issue.code, issue.text, below)


def _patch(request: Request, looked: Looked) -> Request:
    ids = looked.found.get((request.type, request.query), ()) if request.query else (request.id,)
    known = looked.known.get((request.type, ids[0])) if len(ids) == 1 else None
    if known is None or known.deleted or not known.writable:
        return request  # what is wrong is said where its identity is settled
    return replace(request, resource=apply_patch(known.resource, operations(request)))


def operations(request: Request) -> object:
    """Return the JSON Patch that a request carries in a Binary; None if there is none."""
    binary = request.resource or {}
    if binary.get("contentType", "").partition(";")[0] != PATCH_TYPE:
        return None
    try:
        patch = base64.b64decode(binary.get("data", ""), validate=True)
        return read_json(b'{"patch":' + patch + b"}")["patch"]
    except (binascii.Error, UnreadableMessage):
        return None


def as_binary(patch: bytes) -> Resource:
    """Return a JSON Patch as a Bundle's entry carries it."""
    data = base64.b64encode(patch).decode()
    return {"resourceType": "Binary", "contentType": PATCH_TYPE, "data": data}

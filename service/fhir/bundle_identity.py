"""Which resource each request of a Bundle means: a new one, one that is there, or a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from service.fhir.bundle import READS, Fault, Request
from service.fhir.search_parameters import Resource

Outcome = Literal["created", "updated", "existing"]
Found = Mapping[tuple[str, str], Sequence[str]]  # (type, condition) → ids that it means


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A resource that is there and that the client may see."""

    version: int
    updated: int  # microseconds
    owner: str  # ODS code
    resource: Resource
    writable: bool  # whether it is the client's to change
    deleted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a request writes, or found already there."""

    request: Request
    id: str
    outcome: Outcome
    prior: int = 0  # its version before; 0: there is none
    known: Known | None = None

    @property
    def reference(self) -> str:
        """How other resources refer to it."""
        return f"{self.request.type}/{self.id}"


class Identities:
    """Gives each writing request its target; faults are gathered, not raised."""

    def __init__(
        self,
        found: Found,
        known: Mapping[tuple[str, str], Known],
        new_id: Callable[[], str],
    ) -> None:
        self.found, self.known, self.new_id = found, known, new_id
        self.targets: list[Target] = []
        self.faults: list[Fault] = []
        self._creating: dict[tuple[str, str], str] = {}  # condition → id given in this Bundle

    def identify(self, requests: Iterable[Request]) -> None:
        """Find the target of each request that writes."""
        for request in requests:
            if request.method in READS:
                continue
            target = self._created(request) if request.method == "POST" else self._changed(request)
            if isinstance(target, Fault):
                self.faults.append(target)
            else:
                self.targets.append(target)
        self.faults += _overlaps(self.targets)

    def links(self) -> dict[str, str]:
        """Return what references in this Bundle are rewritten to: fullUrl → "Type/id"."""
        links: dict[str, str] = {}
        for target in self.targets:
            request = target.request
            if request.full_url:
                links[request.full_url] = target.reference
            elif request.resource and request.resource.get("id"):
                links[f"{request.type}/{request.resource['id']}"] = target.reference
        return links

    def _created(self, request: Request) -> Target | Fault:
        if not request.if_none_exist:
            return Target(request=request, id=self.new_id(), outcome="created")
        asked = (request.type, request.if_none_exist)
        ids = self.found[asked]
        if len(ids) > 1:
            return _several(request, "request.ifNoneExist")
        if ids:
            return self._there(request, ids[0])
        if asked in self._creating:  # asked for twice: one is made, both mean it
            return Target(request=request, id=self._creating[asked], outcome="existing")
        self._creating[asked] = self.new_id()
        return Target(request=request, id=self._creating[asked], outcome="created")

    def _there(self, request: Request, id_: str) -> Target:
        known = self.known.get((request.type, id_))
        prior = known.version if known else 0
        return Target(request=request, id=id_, outcome="existing", prior=prior, known=known)

    def _changed(self, request: Request) -> Target | Fault:
        if not request.query:
            return self._existing(request, request.id)
        ids = self.found[request.type, request.query]
        if len(ids) > 1:
            return _several(request, "request.url")
        if ids:
            return self._existing(request, ids[0])
        if request.method == "PATCH":
            return request.fault(404, "not-found", "Nothing meets the condition.", "request.url")
        return _absent(request) or Target(request=request, id=self.new_id(), outcome="created")

    def _existing(self, request: Request, id_: str) -> Target | Fault:
        known = self.known.get((request.type, id_))
        if known is None:
            return _unknown(request)
        fault = _refused(request, id_, known)
        if fault:
            return fault
        return Target(request=request, id=id_, outcome="updated", prior=known.version, known=known)


def _several(request: Request, below: str) -> Fault:
    return request.fault(412, "multiple-matches", "Several resources meet the condition.", below)


def _unknown(request: Request) -> Fault:
    if request.method == "PATCH":
        return request.fault(404, "not-found", "There is no such resource.", "request.url")
    text = (
        "There is no such resource, and ids are given by the server: create it with POST, "
        "or with PUT and a condition (PUT Type?identifier=system|value)."
    )
    return request.fault(405, "not-supported", text, "request.url")


def _absent(request: Request) -> Fault | None:
    if request.if_match:
        return request.fault(412, "conflict", "There is no version to match.", "request.ifMatch")
    return None


def _refused(request: Request, id_: str, known: Known) -> Fault | None:
    if known.deleted:
        return request.fault(410, "deleted", "This resource is gone.", "request.url")
    if not known.writable:
        text = "This resource is another organisation's to change."
        return request.fault(403, "forbidden", text, "request.url")
    if request.if_match and not matches(request.if_match, known.version):
        text = "The resource was changed meanwhile: read it again."
        return request.fault(412, "conflict", text, "request.ifMatch")
    posted = (request.resource or {}).get("id", id_) if request.method == "PUT" else id_
    if posted != id_:
        text = "The resource's id is not that of the one that meets the condition."
        return request.fault(400, "invalid", text, "resource.id")
    return None


def matches(entity_tags: str, version: int | str) -> bool:
    """Whether an If-Match or If-None-Match header, W/"3" or a list or *, names this version."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in entity_tags.split(",")]
    return "*" in tags or str(version) in tags


def _overlaps(targets: Iterable[Target]) -> Iterable[Fault]:
    seen: set[str] = set()
    for target in targets:
        if target.outcome == "existing":
            continue
        if target.reference in seen:
            text = "Two entries mean the same resource."
            yield target.request.fault(400, "duplicate", text, "request.url")
        seen.add(target.reference)

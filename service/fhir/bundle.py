"""A transaction or batch Bundle as requests, each checked to be one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from service.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Issue,
    MethodNotAllowed,
    NonconformantResource,
    NotFound,
    PreconditionFailed,
    ServiceError,
)
from service.fhir.search_parameters import Resource, types
from service.model import r4

WRITES: Final = ("POST", "PUT", "PATCH")
READS: Final = ("GET", "HEAD")
MAX_ENTRIES: Final = 2_000
_URL: Final = re.compile(r"/?([A-Z][A-Za-z]+)(?:/([A-Za-z0-9.\-]{1,64}))?(/[^?]*)?(?:\?(.*))?")
_ERRORS: Final[dict[int, type[ServiceError]]] = {
    error.http_status: error
    for error in (
        BadRequest,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        PreconditionFailed,
        NonconformantResource,
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with one request, and the HTTP status that says so."""

    status: int
    issue: Issue


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One entry of a Bundle, or a request of its own."""

    method: str
    type: str
    index: int = 0
    id: str = ""
    tail: str = ""  # "/_history/3", "/$acknowledge"
    query: str = ""  # of a search, or the condition of a conditional update
    full_url: str = ""
    resource: Resource | None = None
    if_none_exist: str = ""
    if_match: str = ""
    if_none_match: str = ""
    if_modified_since: str = ""
    place: str = ""  # FHIRPath of what is at fault, e.g. "Bundle.entry[2]"

    def with_resource(self, resource: Resource) -> Request:
        """Return the same request with another resource."""
        return replace(self, resource=resource)

    def fault(self, status: int, code: str, text: str, below: str = "") -> Fault:
        """Return a fault at this entry, or at an element of it ("resource.code")."""
        target = self._target(below)
        return Fault(
            status=status, issue=Issue(severity="error", code=code, text=text, target=target)
        )

    def _target(self, below: str) -> str:
        """A request of its own has no Bundle around it: its resource is the whole."""
        if self.place:
            return f"{self.place}.{below}" if below else self.place
        return self.type + below.removeprefix("resource") if below.startswith("resource") else ""


def refusal(faults: Iterable[Fault]) -> ServiceError:
    """Return the error that tells all faults; the lowest status among them is the answer's."""
    listed = list(faults)
    status = min(fault.status for fault in listed)
    error = _ERRORS.get(status, BadRequest)
    return error(issues=[fault.issue for fault in listed])


def requests(bundle: Resource) -> tuple[list[Request], list[Fault]]:
    """Read the entries of a transaction or batch, and what makes them no requests of ours.

    The Bundle's own structure (bdl-1 to bdl-8) was checked before.
    """
    read: list[Request] = []
    faults: list[Fault] = []
    entries = bundle.get("entry", [])
    if len(entries) > MAX_ENTRIES:
        whole = Request(method="POST", type="Bundle", place="Bundle")
        text = f"A Bundle may have {MAX_ENTRIES} entries: send it in parts."
        return [], [whole.fault(422, "too-costly", text, "entry")]
    for index, entry in enumerate(entries):
        request = _request(index, entry)
        faults += _faults(request)
        read.append(request)
    return read, faults


def _request(index: int, entry: dict[str, Any]) -> Request:
    asked, resource = entry.get("request", {}), entry.get("resource")
    match = _URL.fullmatch(asked.get("url", ""))
    kind, id_, tail, query = match.groups() if match else ("", "", "", "")
    return Request(
        index=index,
        method=asked.get("method", ""),
        type=kind or "",
        id=id_ or "",
        tail=tail or "",
        query=query or "",
        full_url=entry.get("fullUrl", ""),
        resource=resource if isinstance(resource, dict) else None,
        if_none_exist=condition_in(asked.get("ifNoneExist", ""), kind or ""),
        if_match=asked.get("ifMatch", ""),
        if_none_match=asked.get("ifNoneMatch", ""),
        if_modified_since=asked.get("ifModifiedSince", ""),
        place=f"Bundle.entry[{index}]",
    )


def condition_in(text: str, kind: str) -> str:
    """Return the condition of an If-None-Exist; HAPI's client writes a whole address before it."""
    address, mark, query = text.partition("?")
    return query if mark and address.rpartition("/")[2] in ("", kind) else text


def _faults(request: Request) -> Iterable[Fault]:
    if request.method == "DELETE":
        yield request.fault(405, "not-supported", "Nothing is deleted here.", "request.method")
        return
    if request.method not in (*WRITES, *READS):
        yield request.fault(400, "value", "This method is not one of FHIR's.", "request.method")
    elif not request.type:
        yield request.fault(400, "value", "The URL is not a FHIR request.", "request.url")
    elif request.type not in types():
        text = f"{_shown(request.type)} is not kept here."
        yield request.fault(404, "not-supported", text, "request.url")
    else:
        yield from _shape(request)


def _shown(kind: str) -> str:
    return kind if r4.is_resource(kind) else "This resource type"


def _shape(request: Request) -> Iterable[Fault]:
    if request.method in READS:
        return
    if request.method == "POST" and (request.id or request.query or request.tail):
        yield request.fault(400, "value", "POST goes to the type alone.", "request.url")
    if request.method != "POST" and bool(request.id) == bool(request.query):
        text = f"{request.method} goes to Type/id or to Type?condition."
        yield request.fault(400, "value", text, "request.url")
    yield from _resource_faults(request)


def _resource_faults(request: Request) -> Iterable[Fault]:
    resource = request.resource
    if resource is None:
        yield request.fault(400, "required", "A resource is needed.", "resource")
    elif request.method == "PATCH":
        if resource.get("resourceType") != "Binary":
            text = "PATCH is a Binary with a JSON Patch; FHIRPath Patch is not supported."
            yield request.fault(400, "not-supported", text, "resource")
    elif resource.get("resourceType") != request.type:
        text = "The resource is not of the type that the URL names."
        yield request.fault(400, "invalid", text, "resource")
    elif request.method == "PUT" and request.id and resource.get("id") != request.id:
        text = "The resource's id is not the one that the URL names."
        yield request.fault(400, "invalid", text, "resource.id")

"""What a transaction or batch is answered with: one entry for each request, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from service.errors import Issue
from service.fhir.bundle import Request
from service.fhir.outcome import operation_outcome
from service.fhir.search_parameters import Resource


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What became of one request."""

    request: Request
    status: int
    reference: str = ""  # "Type/id" of what was written or read
    version: int = 0
    updated: str = ""  # FHIR instant
    resource: Resource | orjson.Fragment | None = None  # as it now is
    issues: tuple[Issue, ...] = ()


def response_bundle(kind: str, entries: Iterable[dict[str, Any]]) -> Resource:
    """https://hl7.org/fhir/R4/http.html#transaction-response; kind: transaction or batch."""
    listed = list(entries)
    bundle: Resource = {"resourceType": "Bundle", "type": f"{kind}-response"}
    return {**bundle, "entry": listed} if listed else bundle


def written_entry(done: Done, prefer: str) -> dict[str, Any]:
    """Return the entry of a write; `prefer` is minimal, representation or OperationOutcome."""
    response: dict[str, Any] = {"status": status_line(done.status)}
    if done.reference:
        response["location"] = f"{done.reference}/_history/{done.version}"
        response["etag"] = f'W/"{done.version}"'
    if done.updated:
        response["lastModified"] = done.updated
    if done.issues or prefer == "OperationOutcome":
        response["outcome"] = operation_outcome(done.issues, done.status * (done.status >= 400))  # noqa: PLR2004
    entry: dict[str, Any] = {"response": response}
    if prefer == "representation" and done.resource:
        entry["resource"] = done.resource
    return entry


def status_line(status: int) -> str:
    """Return "201 Created"."""
    return f"{status} {HTTPStatus(status).phrase}"


def in_order(done: Sequence[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return entries, each with its index, in the order of the requests."""
    return [entry for _, entry in sorted(done, key=lambda one: one[0])]

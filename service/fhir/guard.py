"""What a client may not write, whatever the resource's structure allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from service.fhir.bundle import Fault, Request
from service.fhir.bundle_identity import Target
from service.fhir.search_parameters import Resource
from service.fhir.subset import is_subset
from service.fhir.task import is_acknowledgement, is_delivered

TAKEN_BACK: Final = frozenset({"entered-in-error", "stopped"})  # FHIR event-status
_STATUS: Final = ("status", "statusReason")
_VERSIONED: Final = ("versionId", "lastUpdated")


def objections(target: Target, resource: Resource) -> Iterator[Fault]:
    """Yield why this resource cannot be written as asked; `resource` is what would be kept."""
    request = target.request
    if is_subset(resource):
        text = "This is a part of a resource (SUBSETTED): it would erase the rest."
        yield request.fault(422, "business-rule", text, "resource.meta.tag")
    if request.type == "Task" and is_acknowledgement(resource):
        yield _acknowledgement(request)
    before = target.known.resource if target.known and target.outcome == "updated" else {}
    if request.type == "Communication" and is_delivered(before) and _edits(before, resource):
        text = (
            "A delivered Communication is not edited: send a new one, inResponseTo this one; "
            "to take it back, change nothing but its status to entered-in-error or stopped."
        )
        yield request.fault(422, "business-rule", text, "resource")
    if not before and request.type == "Communication" and "received" in resource:
        text = "The recipient's first receipt sets this."
        yield request.fault(422, "business-rule", text, "resource.received")


def _edits(before: Resource, after: Resource) -> bool:
    return not (takes_back(before, after) or same_content(before, after))


def takes_back(before: Resource, after: Resource) -> bool:
    """Whether nothing but the status changes, to one that takes the Communication back."""
    others: Resource = {name: value for name, value in after.items() if name not in _STATUS}
    kept: Resource = {name: before[name] for name in _STATUS if name in before}
    return (
        after.get("status") in TAKEN_BACK
        and before.get("status") not in TAKEN_BACK
        and same_content(before, {**others, **kept})
    )


def _acknowledgement(request: Request) -> Fault:
    text = (
        "Acknowledgement Tasks are the relay's: answer one with PUT or PATCH on its own, "
        "or with Communication/…/$acknowledge."
    )
    return request.fault(422, "business-rule", text, "resource.code")


def finished(resource: Resource, id_: str, version: int, last_updated: str) -> Resource:
    """Return the resource as it is kept: resourceType, id and meta first, ours in it."""
    posted: dict[str, Any] = resource.get("meta", {})
    meta = {
        "versionId": str(version),
        "lastUpdated": last_updated,
        **{name: value for name, value in posted.items() if name not in _VERSIONED},
    }
    rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
    return {"resourceType": resource["resourceType"], "id": id_, "meta": meta, **rest}


def same_content(one: Resource, other: Resource) -> bool:
    """Whether two versions say the same, their version and instant aside."""
    return _content(one) == _content(other)


def _content(resource: Resource) -> dict[str, Any]:
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in _VERSIONED}
    return {**resource, "id": "", "meta": meta}

"""Search among a team's subscriptions: there are few, so each is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from service.fhir.search_parameters import Resource

KIND: Final = "Subscription"
Pair = tuple[str, str]
SEARCHED: Final[Mapping[str, str]] = {  # parameter → its type
    "_id": "token",
    "criteria": "string",
    "payload": "token",
    "status": "token",
    "type": "token",
    "url": "uri",
}


def meets(resource: Resource, name: str, value: str) -> bool:
    """Whether a resource has one of the values that are asked for."""
    channel = resource["channel"]
    held = {
        "_id": resource["id"],
        "criteria": resource["criteria"],
        "payload": channel["payload"],
        "status": resource["status"],
        "type": channel["type"],
        "url": channel["endpoint"],
    }[name]
    if name == "criteria":
        return any(held.startswith(one) for one in value.split(","))
    return held in [one.rpartition("|")[2] for one in value.split(",")]


def searchset(base: str, asked: Sequence[Pair], found: Sequence[Resource]) -> dict[str, Any]:
    """Return the Bundle that answers; the base is our own."""
    query = f"?{urlencode(asked)}" if asked else ""
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": [{"relation": "self", "url": f"{base}/{KIND}{query}"}],
    }
    if found:  # FHIR has no empty arrays
        bundle["entry"] = [
            {
                "fullUrl": f"{base}/{KIND}/{one['id']}",
                "resource": one,
                "search": {"mode": "match"},
            }
            for one in found
        ]
    return bundle

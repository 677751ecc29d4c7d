"""What a subscriber is sent: a history Bundle that begins with the status of its subscription.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.search_parameters import Resource
from service.fhir.subscription import BACKPORT
from service.model import Instant

NO_RESPONSE: Final = "no-response"
_STATUS: Final = f"{BACKPORT}backport-subscription-status-r4"
_NOTIFICATION: Final = f"{BACKPORT}backport-subscription-notification-r4"
_ERRORS: Final = "http://terminology.hl7.org/CodeSystem/subscription-error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notified:
    """One event as a subscriber may see it."""

    n: int
    at: int  # microseconds
    focus: str = ""  # "Type/id"; "": may not be seen, the number alone is told
    version: int = 0
    resources: tuple[Resource, ...] = ()  # the focus first; (): they are not sent along


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How a subscription stands."""

    id: str
    topic: str  # canonical
    status: str
    kind: str  # handshake | heartbeat | event-notification | query-status | query-event
    n: int  # the last event that there is, or that is told here
    error: str = ""
    now: int = 0  # microseconds
    base: str = ""  # our FHIR endpoint


def status_parameters(
    status: Status, events: Sequence[Notified] = (), content: str = ""
) -> Resource:
    """Return a SubscriptionStatus as R4 has it: Parameters."""
    subscription = {"reference": f"{status.base}/Subscription/{status.id}"}
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": subscription},
        {"name": "topic", "valueCanonical": status.topic},
        {"name": "status", "valueCode": status.status},
        {"name": "type", "valueCode": status.kind},
        {"name": "events-since-subscription-start", "valueString": str(status.n)},
        *(_event(status.base, event, content) for event in events),
    ]
    if status.error:
        coding = {"system": _ERRORS, "code": NO_RESPONSE}
        concept = {"coding": [coding], "text": status.error}
        parameters.append({"name": "error", "valueCodeableConcept": concept})
    meta = {"profile": [_STATUS]}
    return {
        "resourceType": "Parameters",
        "id": status.id,
        "meta": meta,
        "parameter": parameters,
    }


def _event(base: str, event: Notified, content: str) -> dict[str, Any]:
    part: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(event.n)},
        {"name": "timestamp", "valueInstant": Instant(event.at).isoformat()},
    ]
    if event.focus and content != "empty":
        focus = {"reference": f"{base}/{event.focus}"}
        part.append({"name": "focus", "valueReference": focus})
        part += [
            {"name": "additional-context", "valueReference": {"reference": _url(base, one)}}
            for one in event.resources[1:]
        ]
    return {"name": "notification-event", "part": part}


def notification(status: Status, events: Sequence[Notified], content: str) -> Resource:
    """Return the Bundle that is sent, or that $events answers with."""
    parameters = status_parameters(status, events, content)
    first = {
        "fullUrl": f"urn:uuid:{status.id}",
        "resource": parameters,
        "request": {"method": "GET", "url": f"Subscription/{status.id}/$status"},
        "response": {"status": "200"},
    }
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [_NOTIFICATION]},
        "type": "history",
        "timestamp": Instant(status.now).isoformat(),
        "entry": [first, *_entries(status.base, events)],
    }


def _entries(base: str, events: Sequence[Notified]) -> Iterator[dict[str, Any]]:
    """Yield each resource once, by its latest version."""
    every = {_url(base, one): one for event in events for one in event.resources}
    for url, resource in every.items():
        version = resource.get("meta", {}).get("versionId", "1")
        created = version == "1"
        place = f"{resource['resourceType']}/{resource['id']}"
        yield {
            "fullUrl": url,
            "resource": resource,
            "request": {
                "method": "POST" if created else "PUT",
                "url": resource["resourceType"] if created else place,
            },
            "response": {"status": "201" if created else "200", "etag": f'W/"{version}"'},
        }


def _url(base: str, resource: Resource) -> str:
    return f"{base}/{resource['resourceType']}/{resource['id']}"


def status_bundle(parameters: Sequence[Resource], base: str) -> Resource:
    """Return what $status answers with."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(parameters),
        "entry": [
            {
                "fullUrl": f"urn:uuid:{one['id']}",
                "resource": one,
                "search": {"mode": "match"},
            }
            for one in parameters
        ],
        "link": [{"relation": "self", "url": f"{base}/Subscription/$status"}],
    }

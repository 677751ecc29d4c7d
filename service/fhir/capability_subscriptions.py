"""What the CapabilityStatement says of subscriptions, in the way of the R4 Backport IG."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from service.fhir.subscription import BACKPORT, PROFILE
from service.fhir.topics import TOPICS

_DEFINITIONS: Final = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"
_OPERATIONS: Final = {
    "status": "backport-subscription-status",
    "events": "backport-subscription-events",
}
_CODES: Final = ("create", "read", "update", "delete", "search-type")
_PREFIX: Final = "subscription-"
_SEARCHED: Final = {
    "_id": ("token", "Resource-id"),
    "criteria": ("string", "Subscription-criteria"),
    "payload": ("token", "Subscription-payload"),
    "status": ("token", "Subscription-status"),
    "type": ("token", "Subscription-type"),
    "url": ("uri", "Subscription-url"),
}
_TOLD: Final = (
    "rest-hook only; payload empty, id-only or full-resource, in JSON or XML. The number of an "
    "event is that of the recipient's feed. Headers are never shown again. An endpoint that "
    "answers 410 is switched off; one that keeps answering 4xx puts its subscription to error, "
    "until it is PUT as requested: then it goes on behind what was taken last."
)


def subscription_claims(interactions: Collection[str]) -> list[dict[str, Any]]:
    """Return the entry of Subscription, or none where nothing of it is served."""
    codes = [code for code in _CODES if _PREFIX + code in interactions]
    if not codes:
        return []
    return [
        {
            "extension": [
                {
                    "url": f"{BACKPORT}capabilitystatement-subscriptiontopic-canonical",
                    "valueCanonical": url,
                }
                for url in TOPICS
            ],
            "type": "Subscription",
            "supportedProfile": [PROFILE],
            "documentation": _TOLD,
            "interaction": [{"code": code} for code in codes],
            "versioning": "versioned",
            "readHistory": False,
            "updateCreate": False,
            "searchParam": [
                {
                    "name": name,
                    "definition": f"http://hl7.org/fhir/SearchParameter/{definition}",
                    "type": kind,
                }
                for name, (kind, definition) in _SEARCHED.items()
            ],
            "operation": [
                {"name": name, "definition": _DEFINITIONS + definition}
                for name, definition in _OPERATIONS.items()
                if f"${name}" in interactions
            ],
        }
    ]

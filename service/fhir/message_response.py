"""The answer to a FHIR message: a message Bundle whose MessageHeader refers to the request's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from service.errors import Issue
from service.fhir.outcome import operation_outcome

_BARS_EVENTS: Final = frozenset(  # the second is its older name
    {
        "https://fhir.nhs.uk/CodeSystem/message-events-bars",
        "https://fhir.nhs.uk/CodeSystem/message-event-servicerequest",
    }
)
_REQUEST, _RESPONSE = "-request", "-response"


def message_response(
    request: dict[str, Any],
    issues: Sequence[Issue],
    *,
    endpoint: str,
    response_id: str,
    timestamp: str,
) -> dict[str, Any]:
    """https://hl7.org/fhir/R4/messaging.html, the response to a `request` that was stored.

    `request` is the Bundle that came; `endpoint` our own address; `response_id` the id of the
    new MessageHeader (a UUID); `issues` what was doubtful, for the OperationOutcome.
    """
    header = _header_of(request)
    outcome_url = f"urn:uuid:{_sibling(response_id)}"
    response = {
        "resourceType": "MessageHeader",
        "id": response_id,
        **_paired_event(header),
        **_destination(header),
        "source": {"name": "Discharge Relay", "endpoint": endpoint},
        "response": {
            "identifier": _request_id(request, header),
            "code": "ok",
            "details": {"reference": outcome_url},
        },
    }
    return {
        "resourceType": "Bundle",
        "id": response_id,
        "type": "message",
        "timestamp": timestamp,
        "entry": [
            {"fullUrl": f"urn:uuid:{response_id}", "resource": response},
            {"fullUrl": outcome_url, "resource": operation_outcome(issues)},
        ],
    }


def _header_of(request: dict[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = request["entry"][0]["resource"]
    return header


def is_response(message: dict[str, Any]) -> bool:
    """Whether a message answers another: such a one is not answered by a message."""
    return "response" in _header_of(message)


def _request_id(request: dict[str, Any], header: dict[str, Any]) -> str:
    """MessageHeader.id; senders that leave it out have it in the entry's fullUrl.

    BaRS takes Bundle.id: https://simplifier.net/guide/nhsbookingandreferralstandard
    """
    if _is_bars(header) and request.get("id"):
        return str(request["id"])
    own = header.get("id") or request["entry"][0].get("fullUrl", "").rpartition(":")[2]
    return str(own)


def _paired_event(header: dict[str, Any]) -> dict[str, Any]:
    """The same event, or for BaRS the response that is paired with it."""
    if "eventUri" in header:
        return {"eventUri": header["eventUri"]}
    coding = dict(header["eventCoding"])
    if _is_bars(header) and coding.get("code", "").endswith(_REQUEST):
        coding["code"] = coding["code"].removesuffix(_REQUEST) + _RESPONSE
        coding.pop("display", None)
    return {"eventCoding": coding}


def _is_bars(header: dict[str, Any]) -> bool:
    return header.get("eventCoding", {}).get("system") in _BARS_EVENTS


def _destination(header: dict[str, Any]) -> dict[str, Any]:
    source = header.get("source", {})
    if "endpoint" not in source:
        return {}
    named = {name: source[name] for name in ("name", "endpoint") if name in source}
    return {"destination": [named]}


def _sibling(uuid: str) -> str:
    """Return another UUID that belongs to `uuid`: its last digit changed."""
    return uuid[:-1] + ("0" if uuid[-1] != "0" else "1")

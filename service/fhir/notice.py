"""A delivered Communication as a FHIR message: for receivers that are sent what others fetch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.search_parameters import Resource
from service.fhir.systems import CANONICAL, ODS

MESSAGE_EVENT: Final = "https://fhir.nhs.uk/CodeSystem/message-event"
FEED_EVENT: Final = f"{CANONICAL}/Id/feed-event"
ADDRESS: Final = "urn:nhs-uk:addressing:ods:"
Reference = tuple[str, str]  # type and id


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What a message says of itself."""

    message_id: str  # UUID: of the MessageHeader and of the Bundle
    recipient: str  # ODS code
    event: int  # number in the recipient's feed
    timestamp: str  # instant
    base: str  # our FHIR endpoint, without a slash at its end


def notice(envelope: Envelope, communication: Resource, others: Sequence[Resource]) -> Resource:
    """https://hl7.org/fhir/R4/messaging.html: MessageHeader, Communication, what it refers to.

    Bundle.identifier is the recipient and the number of the event: the same event has it however
    often it is sent.
    """
    focus = f"{envelope.base}/Communication/{communication['id']}"
    identified = {"system": FEED_EVENT, "value": f"{envelope.recipient}/{envelope.event}"}
    return {
        "resourceType": "Bundle",
        "id": envelope.message_id,
        "identifier": identified,
        "type": "message",
        "timestamp": envelope.timestamp,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{envelope.message_id}",
                "resource": _header(envelope, communication, focus),
            },
            {"fullUrl": focus, "resource": communication},
            *(
                {"fullUrl": f"{envelope.base}/{one['resourceType']}/{one['id']}", "resource": one}
                for one in others
            ),
        ],
    }


def _header(envelope: Envelope, communication: Resource, focus: str) -> Resource:
    """https://hl7.org/fhir/R4/messageheader.html; the reason is the kind of event."""
    receiver = {"identifier": {"system": ODS, "value": envelope.recipient}}
    topic = communication.get("topic")
    return {
        "resourceType": "MessageHeader",
        "id": envelope.message_id,
        "eventCoding": {"system": MESSAGE_EVENT, "code": "notification"},
        "destination": [
            {"endpoint": f"{ADDRESS}{envelope.recipient}", "receiver": receiver},
        ],
        "sender": _without_address(communication.get("sender", {})),
        "source": {"name": "Discharge Relay", "endpoint": envelope.base},
        **({"reason": topic} if topic else {}),
        "focus": [{"reference": focus}],
    }


def _without_address(reference: dict[str, Any]) -> dict[str, Any]:
    """A message names its sender by code, whether or not the Organization is in it."""
    return {name: value for name, value in reference.items() if name != "reference"}


def mentioned(resource: Any) -> Iterator[Reference]:
    """Yield the relative references in a resource, and the Binary of an attachment's address."""
    if isinstance(resource, dict):
        for name, value in resource.items():
            if name in ("reference", "url") and isinstance(value, str):
                yield from _relative(value, binary_only=name == "url")
            else:
                yield from mentioned(value)
    elif isinstance(resource, list):
        for one in resource:
            yield from mentioned(one)


def _relative(text: str, *, binary_only: bool) -> Iterator[Reference]:
    kind, slash, id_ = text.partition("/")
    if (
        slash
        and id_
        and "/" not in id_
        and ":" not in kind
        and (kind == "Binary" or not binary_only)
    ):
        yield kind, id_

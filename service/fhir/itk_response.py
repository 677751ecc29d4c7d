"""ITK3 responses: the infrastructure and business acknowledgements that a message asks for.

https://nhsconnect.github.io/ITK3-FHIR-Messaging-Distribution/explore_messages.html. A response
is a STU3 message of its own, in the form (XML or JSON) of what it answers; none is answered
again, and none is given where none was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from service.errors import Issue
from service.fhir.itk_codes import (
    BUSINESS_FLAG,
    INFRASTRUCTURE_FLAG,
    RECIPIENT_TYPE,
    SYSTEM,
    Code,
)

Resource = dict[str, Any]
ResponseCode = Literal["ok", "transient-error", "fatal-error"]
EVENT: Final = "ITK008M"
_STU3: Final = "https://fhir.nhs.uk/STU3"
_EVENTS: Final = f"{_STU3}/CodeSystem/ITK-MessageEvent-2"
_HANDLING: Final = f"{_STU3}/StructureDefinition/Extension-ITK-MessageHandling-2"
_HANDLING_OF_ANY: Final = re.compile(r"/Extension-ITK-MessageHandling-\d$")
_RECIPIENT_TYPES: Final = f"{_STU3}/CodeSystem/ITK-RecipientType-1"
_DEFINITION: Final = f"{_STU3}/MessageDefinition/ITK-Response-MessageDefinition-1"
_ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
_FLAGS: Final = {"InfAckRequested": INFRASTRUCTURE_FLAG, "BusAckRequested": BUSINESS_FLAG}
_WRONG: Final = ("error", "fatal")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What an ITK3 message asks its receiver to say, and how to address that."""

    message_id: str  # MessageHeader.id
    infrastructure: bool = False
    business: bool = False
    sender_reference: str = ""
    endpoint: str = ""  # where the message came from
    sender: str = ""  # its ODS code
    names_receiver: bool = False
    unread: tuple[Code, ...] = ()  # what of the handling specification could not be understood


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """What a response says of the relay itself, new ids and the time."""

    endpoint: str
    response_id: str
    timestamp: str
    name: str = "Discharge Relay"


def asked_by(bundle: Mapping[str, Any]) -> Asked | None:
    """Return what a message asks for; None for what is no message, or itself a response."""
    header, url = _header(bundle)
    if header is None or "response" in header:
        return None
    handling = dict(_handling(header))
    return Asked(
        message_id=str(header.get("id") or url.rpartition(":")[2]),
        infrastructure=handling.get("InfAckRequested", False) is not False,
        business=handling.get("BusAckRequested") is True,
        sender_reference=str(handling.get("SenderReference", "")),
        endpoint=str(_object(header.get("source")).get("endpoint", "")),
        sender=_sender(bundle, header),
        names_receiver="receiver" in header,
        unread=tuple(_unread(handling)),
    )


def response(
    asked: Asked, code: ResponseCode, issues: Iterable[tuple[Issue, Code | None]], own: Own
) -> Resource:
    """Return a response message: ITK-Message-Bundle-1 with ITK-Response-OperationOutcome-1."""
    outcome_id = _sibling(own.response_id)
    header = {
        "resourceType": "MessageHeader",
        "id": own.response_id,
        "meta": {"profile": [f"{_STU3}/StructureDefinition/ITK-MessageHeader-2"]},
        "extension": [_response_handling(asked)],
        "event": {"system": _EVENTS, "code": EVENT, "display": "ITK Response"},
        **({"destination": [{"endpoint": asked.endpoint}]} if asked.endpoint else {}),
        **({"receiver": _logical(asked.sender)} if asked.sender else {}),
        "timestamp": own.timestamp,
        "source": {"name": own.name, "endpoint": own.endpoint},
        "response": {
            "identifier": asked.message_id,
            "code": code,
            "details": {"reference": f"urn:uuid:{outcome_id}"},
        },
        "focus": [{"reference": f"urn:uuid:{outcome_id}"}],
    }
    outcome = {
        "resourceType": "OperationOutcome",
        "id": outcome_id,
        "meta": {"profile": [f"{_STU3}/StructureDefinition/ITK-Response-OperationOutcome-1"]},
        "issue": [_issue(issue, told) for issue, told in issues],
    }
    return {
        "resourceType": "Bundle",
        "id": own.response_id,
        "meta": {"profile": [f"{_STU3}/StructureDefinition/ITK-Message-Bundle-1"]},
        "identifier": {"system": "https://tools.ietf.org/html/rfc4122", "value": own.response_id},
        "type": "message",
        "entry": [
            {"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in (header, outcome)
        ],
    }


def informed(code: Code) -> tuple[Issue, Code]:
    """Return the issue that says that something is well."""
    return (Issue(severity="information", code="informational", text=code.display), code)


def _issue(issue: Issue, code: Code | None) -> Resource:
    told: Resource = {
        "severity": "fatal" if code and issue.severity in _WRONG else issue.severity,
        "code": issue.code,
    }
    if code:
        coding = {"system": SYSTEM, "code": code.code, "display": code.display}
        told["details"] = {"coding": [coding]}
    told["diagnostics"] = f"{issue.text} (at {issue.source})" if issue.source else issue.text
    return told


def _response_handling(asked: Asked) -> Resource:
    """An acknowledgement asks for none, and echoes the sender's own reference."""
    kind = {"system": _RECIPIENT_TYPES, "code": "FI", "display": "For Information"}
    parts: list[Resource] = [
        {"url": "BusAckRequested", "valueBoolean": False},
        {"url": "InfAckRequested", "valueBoolean": False},
        {"url": "RecipientType", "valueCoding": kind},
        {"url": "MessageDefinition", "valueReference": {"reference": _DEFINITION}},
    ]
    if asked.sender_reference:
        parts.append({"url": "SenderReference", "valueString": asked.sender_reference})
    return {"url": _HANDLING, "extension": parts}


def _header(bundle: Mapping[str, Any]) -> tuple[Resource | None, str]:
    for entry in _list(bundle.get("entry"))[:1]:
        resource = _object(_object(entry).get("resource"))
        if resource.get("resourceType") == "MessageHeader":
            return resource, str(_object(entry).get("fullUrl", ""))
    return None, ""


def _handling(header: Resource) -> Iterator[tuple[str, Any]]:
    """Yield the parts of the message handling by name: true, false, text …"""
    for extension in _list(header.get("extension")):
        if _HANDLING_OF_ANY.search(str(_object(extension).get("url", ""))):
            for part in map(_object, _list(_object(extension).get("extension"))):
                values = [value for name, value in part.items() if name.startswith("value")]
                if values:
                    yield str(part.get("url", "")), values[0]


def _unread(handling: Mapping[str, Any]) -> Iterator[Code]:
    """Yield a code for each flag that is there and is not one of its values.

    "When … the value of the acknowledgement flags cannot be determined, receiving systems must
    default to always return a response": so a flag that is not understood asks for one.
    """
    for flag, code in _FLAGS.items():
        if not isinstance(handling.get(flag, False), bool):
            yield code
    kind = handling.get("RecipientType", {"code": "FI"})
    if _object(kind).get("code") not in ("FA", "FI"):
        yield RECIPIENT_TYPE


def _sender(bundle: Mapping[str, Any], header: Resource) -> str:
    """Return the ODS code of the organisation that the header names as its sender."""
    named = _object(header.get("sender")).get("reference")
    for entry in map(_object, _list(bundle.get("entry"))):
        resource = _object(entry.get("resource"))
        if named and named == entry.get("fullUrl"):
            return next(_ods_codes(resource), "")
    return ""


def _ods_codes(resource: Resource) -> Iterator[str]:
    for identifier in map(_object, _list(resource.get("identifier"))):
        if identifier.get("system") == _ODS and identifier.get("value"):
            yield str(identifier["value"])


def _logical(ods: str) -> Resource:
    return {"identifier": {"system": _ODS, "value": ods}}


def _sibling(uuid: str) -> str:
    """Return another UUID that belongs to `uuid`: its last digit changed."""
    return uuid[:-1] + ("0" if uuid[-1] != "0" else "1")


def _object(value: Any) -> Resource:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()

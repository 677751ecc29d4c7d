"""The CapabilityStatement, made of the routes and the search tables: it cannot say more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.capability_caseloads import caseload_claims
from service.fhir.capability_measures import measure_claims
from service.fhir.capability_subscriptions import subscription_claims
from service.fhir.index import REFERENCES
from service.fhir.search_parameters import Resource, parameters, types
from service.fhir.search_query import is_of_patient
from service.fhir.search_values import MODIFIERS
from service.fhir.systems import CANONICAL

READ_ONLY: Final = ("Binary",)  # their content comes with messages and transactions
PUBLISHED: Final = "2025-03-01"  # when what is claimed here last changed
_READS: Final = ("read", "vread", "history-instance", "search-type")
_WRITES: Final = ("create", "update", "patch")
_PROCESS_MESSAGE: Final = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"
_ACKNOWLEDGE: Final = f"{CANONICAL}/OperationDefinition/Communication-acknowledge"
_OPERATIONS: Final = {
    "process-message": _PROCESS_MESSAGE,
    "acknowledge": _ACKNOWLEDGE,
}
_SMART: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_TRANSPORT: Final = "http://terminology.hl7.org/CodeSystem/message-transport"
_SEARCH: Final = (
    "Unknown parameters and modifiers are refused (400). A date without an offset is read in "
    "Europe/London. Communications of a recipient come in the order of their event numbers, and "
    "there is always a next link, even on an empty page: keep it and call it again; "
    "Prefer: wait=25 waits for the next one. A search with _sort ends: its last page has no next "
    "link. Conditions of creates and updates name an identifier with its system. Modifiers: "
    + "; ".join(f"{kind} :{' :'.join(names)}" for kind, names in MODIFIERS.items())
    + "; reference :Type."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What the routes offer."""

    base: str  # FHIR base URL
    version: str  # of this software
    interactions: Collection[str]  # FHIR restful-interaction codes, operations as "$name"
    profiles: Sequence[tuple[str, str]]  # (type, canonical)


def capability_statement(served: Served) -> Resource:
    """https://hl7.org/fhir/R4/capabilitystatement.html of this instance."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "discharge-relay",
        "url": f"{CANONICAL}/CapabilityStatement/discharge-relay",
        "version": served.version,
        "name": "DischargeRelay",
        "title": "Discharge Relay",
        "status": "active",
        "date": PUBLISHED,
        "publisher": "Discharge Relay",
        "kind": "instance",
        "software": {"name": "Discharge Relay", "version": served.version},
        "implementation": {
            "description": "Relays discharges and referrals to the teams that must know.",
            "url": served.base,
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        **(
            {"patchFormat": ["application/json-patch+json"]}
            if "patch" in served.interactions
            else {}
        ),
        "rest": [_rest(served)],
        **(
            {"messaging": [_messaging(served)]} if "$process-message" in served.interactions else {}
        ),
    }


def _rest(served: Served) -> dict[str, Any]:
    system = [code for code in ("transaction", "batch") if code in served.interactions]
    told = {
        "mode": "server",
        "documentation": _SEARCH,
        "security": _security(f"{served.base.rpartition('/')[0]}/.well-known/smart-configuration"),
        "resource": _resources(served),
        "interaction": [{"code": code} for code in system],
        "operation": list(_operations(served, ["process-message"])),
    }
    return _without_empty(told)


def _resources(served: Served) -> list[dict[str, Any]]:
    kept = [_resource(kind, served) for kind in types()]
    told = served.interactions
    every = [*kept, *subscription_claims(told), *caseload_claims(told), *measure_claims(told)]
    return sorted(every, key=lambda one: str(one["type"]))


def _without_empty(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value != []}


def _security(configuration: str) -> dict[str, Any]:
    """SMART's extension for addresses demands an authorize endpoint, and there is none here."""
    coding = {"system": _SMART, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
    return {
        "cors": False,
        "service": [{"coding": [coding], "text": "SMART Backend Services"}],
        "description": f"private_key_jwt client credentials, see {configuration}; a client sees "
        "what it sent, what is addressed to its organisation, and what those refer to.",
    }


def _resource(kind: str, served: Served) -> dict[str, Any]:
    codes = [code for code in allowed(kind) if code in served.interactions]
    writes = "create" in codes
    by_condition = writes and "identifier" in parameters(kind)
    told: dict[str, Any] = {
        "type": kind,
        "supportedProfile": [url for its, url in served.profiles if its == kind],
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned-update" if writes else "versioned",
        "readHistory": "vread" in codes,
        "updateCreate": False,
        "conditionalCreate": by_condition,
        "conditionalRead": "full-support",
        "conditionalUpdate": by_condition,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical", "enforced"],
        "searchInclude": [f"{kind}:{name}" for name in _references(kind)],
        "searchRevInclude": list(reverse_inclusions(kind)),
        "searchParam": [_search_parameter(kind, name) for name in parameters(kind)],
        "operation": list(_operations(served, ["acknowledge"] if kind == "Communication" else [])),
    }
    return _without_empty(told)


def allowed(kind: str) -> tuple[str, ...]:
    """Return the interactions that a type may have."""
    return _READS if kind in READ_ONLY else (*_READS, *_WRITES)


def reverse_inclusions(kind: str) -> Iterator[str]:
    """Yield "Type:parameter" of what may point at a type and can be sent along with it."""
    for other in types():
        for name in REFERENCES:
            parameter = parameters(other).get(name)
            if parameter and (not parameter.targets or kind in parameter.targets):
                yield f"{other}:{name}"
        if is_of_patient(kind, other, "subject"):
            yield f"{other}:subject"


def _references(kind: str) -> Iterator[str]:
    return (name for name, one in parameters(kind).items() if one.kind == "reference")


def _search_parameter(kind: str, name: str) -> dict[str, str]:
    parameter = parameters(kind)[name]
    return {"name": name, "definition": parameter.definition, "type": parameter.kind}


def _operations(served: Served, names: Iterable[str]) -> Iterator[dict[str, str]]:
    for name in names:
        if f"${name}" in served.interactions:
            yield {"name": name, "definition": _OPERATIONS[name]}


def _messaging(served: Served) -> dict[str, Any]:
    protocol = {"system": _TRANSPORT, "code": "http", "display": "HTTP"}
    address = f"{served.base}/$process-message"
    return {
        "endpoint": [{"protocol": protocol, "address": address}],
        "documentation": "A message that came before gets its first answer again.",
    }

"""Under which keys a resource is found again: the rows of the store's search index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from service.fhir.search_parameters import Parameter, Resource, parameters
from service.fhir.systems import ODS

Key = tuple[str, str]

# What a team or a trust looks up among many. Everything else is compared resource by resource.
TOKENS: Final = ("identifier",)
REFERENCES: Final = ("patient", "encounter", "based-on", "focus", "target")
CODES: Final = {"Task": ("status",)}
ORGANISATIONS: Final = {
    "Communication": "recipient",
    "ServiceRequest": "performer",
    "Task": "owner",
}
_ODS_CODE: Final = re.compile(r"[A-Z0-9]{2,12}")


def index_keys(resource: Resource) -> tuple[Key, ...]:
    """Return (parameter, value) rows, each once.

    A value is "system|value", "Type/id", a code, or "ods|CODE" of an addressed organisation.
    """
    kind = resource["resourceType"]
    known = parameters(kind)
    rows = [
        *_tokens(resource, [known[name] for name in TOKENS if name in known]),
        *_references(resource, [known[name] for name in REFERENCES if name in known]),
        *((name, resource[name]) for name in CODES.get(kind, ()) if name in resource),
        *_organisations(resource, ORGANISATIONS.get(kind, "")),
        *_worklist(resource),
    ]
    return tuple(dict.fromkeys(rows))


def _tokens(resource: Resource, wanted: list[Parameter]) -> Iterator[Key]:
    for parameter in wanted:
        for value in parameter.values(resource):
            if "value" in value:
                yield parameter.name, f"{value.get('system', '')}|{value['value']}"


def _references(resource: Resource, wanted: list[Parameter]) -> Iterator[Key]:
    for parameter in wanted:
        for value in parameter.values(resource):
            reference = _reference(value)
            if reference and _points_at(reference, parameter.targets):
                yield parameter.name, reference


def ods_code(reference: Any) -> str:
    """Return the ODS code that a Reference names, by identifier or as Organization/<code>."""
    if not isinstance(reference, dict):
        return ""
    identifier = reference.get("identifier", {})
    if identifier.get("system") == ODS and "value" in identifier:
        return str(identifier["value"])
    kind, _, code = str(reference.get("reference", "")).partition("/")
    return code if kind == "Organization" and _ODS_CODE.fullmatch(code) else ""


def _organisations(resource: Resource, element: str) -> Iterator[Key]:
    named = resource.get(element, ())
    for reference in named if isinstance(named, list) else [named]:
        if code := ods_code(reference):
            yield element, f"ods|{code}"


def worklist_key(code: str, status: str) -> Key:
    """Return the key of an organisation's Tasks in one status: what a team asks for all day."""
    return "owner+status", f"ods|{code}|{status}"


def _worklist(resource: Resource) -> Iterator[Key]:
    code = ods_code(resource.get("owner")) if resource["resourceType"] == "Task" else ""
    if code:
        yield worklist_key(code, resource.get("status", ""))


def _reference(value: Any) -> str:
    """Return "Type/id"; of a reference that is logical only, "system|value"."""
    if not isinstance(value, dict):
        return ""
    if "reference" not in value and "value" in value.get("identifier", {}):
        return f"{value['identifier'].get('system', '')}|{value['identifier']['value']}"
    literal = value.get("reference", "")
    return literal if literal.count("/") == 1 and not literal.startswith("#") else ""


def _points_at(reference: str, targets: tuple[str, ...]) -> bool:
    return not targets or "|" in reference or reference.partition("/")[0] in targets

"""Under which keys a resource is found again: the rows of the store's search index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from service.fhir.search_parameters import Parameter, Resource, Step, parameters, walk
from service.fhir.systems import ODS

Key = tuple[str, str]

# What a team or a trust looks up among many. Everything else is compared resource by resource:
# with each key that a resource has, a commit changes one page of the index more.
TOKENS: Final = ("identifier",)
REFERENCES: Final = ("patient", "encounter", "based-on", "focus", "target")
CODES: Final = {"Task": ("status",)}
INDEXED: Final = (*TOKENS, *REFERENCES, "owner+status", "recipient")
ORGANISATIONS: Final = {
    "Communication": "recipient",
    "ServiceRequest": "performer",
    "Task": "owner",
}
_ODS_CODE: Final = re.compile(r"[A-Z0-9]{2,12}")


def index_keys(resource: Resource) -> tuple[Key, ...]:
    """Return (parameter, value) rows, each once.

    A value is "system|value", "Type/id", or "ods|CODE" of an addressed organisation.
    """
    kind = resource["resourceType"]
    rows: dict[Key, None] = {}
    for parameter, path in _looked_for(kind):
        held = resource.get(path[0].name)
        if held is None:
            continue
        for value in walk(held if isinstance(held, list) else [held], path[1:]):
            told = _token(value) if parameter.kind == "token" else _reference(value)
            if told and _points_at(told, parameter.targets):
                rows[parameter.name, told] = None
    rows.update(dict.fromkeys((*_recipients(resource, kind), *_worklist(resource))))
    return tuple(rows)


@cache
def _looked_for(kind: str) -> tuple[tuple[Parameter, tuple[Step, ...]], ...]:
    """Return the parameters that are indexed, once for each of their paths."""
    known = parameters(kind)
    wanted = [known[name] for name in (*TOKENS, *REFERENCES) if name in known]
    return tuple((parameter, path) for parameter in wanted for path in parameter.paths)


def _token(value: Any) -> str:
    return f"{value.get('system', '')}|{value['value']}" if "value" in value else ""


def ods_code(reference: Any) -> str:
    """Return the ODS code that a Reference names, by identifier or as Organization/<code>."""
    if not isinstance(reference, dict):
        return ""
    identifier = reference.get("identifier", {})
    if identifier.get("system") == ODS and "value" in identifier:
        return str(identifier["value"])
    kind, _, code = str(reference.get("reference", "")).partition("/")
    return code if kind == "Organization" and _ODS_CODE.fullmatch(code) else ""


def _recipients(resource: Resource, kind: str) -> Iterator[Key]:
    for reference in resource.get("recipient", ()) if kind == "Communication" else ():
        if code := ods_code(reference):
            yield "recipient", f"ods|{code}"


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
    if literal := value.get("reference"):
        return literal if literal.count("/") == 1 and literal[0] != "#" else ""
    return _token(value.get("identifier", {}))


def _points_at(reference: str, targets: tuple[str, ...]) -> bool:
    return not targets or "|" in reference or reference.partition("/")[0] in targets

"""The R4 search parameters: what each is called, how it compares, where its values stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from service.model import r4

Kind = Literal["token", "reference", "date", "string", "uri"]
Resource = dict[str, Any]

DEFINITIONS: Final = "http://hl7.org/fhir/SearchParameter/"
_FILE: Final = Path(__file__).with_name("search_table.json")  # made by tools/search_table.py
_COMMON: Final = (
    "_id token Resource-id id",
    "_lastUpdated date Resource-lastUpdated meta.lastUpdated",
    "_profile uri Resource-profile meta.profile",
    "_security token Resource-security meta.security",
    "_source uri Resource-source meta.source",
    "_tag token Resource-tag meta.tag",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One name on the way to a value."""

    name: str
    system: str = ""  # keep only contact points of this system, e.g. telecom[phone]
    exists: bool = False  # the value is whether there is one (and it is not false)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One search parameter of one resource type."""

    name: str
    kind: Kind
    definition: str  # canonical of the SearchParameter
    paths: tuple[tuple[Step, ...], ...]
    targets: tuple[str, ...] = ()  # types a reference may point at; (): any
    value_set: str = ""  # of a code with a required binding

    def values(self, resource: Resource) -> list[Any]:
        """Return what stands at its paths, lists opened."""
        found: list[Any] = []
        for path in self.paths:
            found += walk([resource], path)
        return _answered(found) if self.paths and self.paths[0][0].exists else found


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_FILE.read_bytes())
    return table


@cache
def types() -> tuple[str, ...]:
    """Return the resource types that can be kept and searched, in order of name."""
    return tuple(_table()["parameters"])


@cache
def parameters(kind: str) -> Mapping[str, Parameter]:
    """Return the parameters of a resource type by name, those of all types among them."""
    rows = (*_COMMON, *_table()["parameters"].get(kind, ()))
    return {parameter.name: parameter for parameter in (_parameter(kind, row) for row in rows)}


@cache
def summary_elements(kind: str) -> frozenset[str]:
    """Return the top-level elements that `_summary=true` keeps."""
    return frozenset(_table()["summary"].get(kind, "").split())


def _parameter(kind: str, row: str) -> Parameter:
    name, search_type, definition, *rest = row.split(" ")
    paths = [word for word in rest if not word.startswith(">")]
    targets = [word[1:] for word in rest if word.startswith(">")]
    elements = [r4.element(f"{kind}.{_plain(path)}") for path in paths]
    pointed = [target for element in elements if element for target in element.targets]
    return Parameter(
        name=name,
        kind=search_type,  # type: ignore[arg-type]  # the table holds these five alone
        definition=DEFINITIONS + definition,
        paths=tuple(tuple(_steps(path)) for path in paths),
        targets=tuple(targets or dict.fromkeys(pointed)),
        value_set=next((element.value_set for element in elements if element), ""),
    )


def _plain(path: str) -> str:
    return path.partition("[")[0].lstrip("?")


def _steps(path: str) -> Iterator[Step]:
    exists = path.startswith("?")
    for word in path.lstrip("?").split("."):
        name, _, system = word.rstrip("]").partition("[")
        yield Step(name=name, system=system, exists=exists)


def walk(nodes: list[Any], path: tuple[Step, ...]) -> list[Any]:
    """Return what stands at a path below these, lists opened."""
    for step in path:
        found: list[Any] = []
        for node in nodes:
            value = node.get(step.name) if isinstance(node, dict) else None
            if isinstance(value, list):
                found += value
            elif value is not None:
                found.append(value)
        nodes = [n for n in found if n["system"] == step.system] if step.system else found
    return nodes


def _answered(found: list[Any]) -> list[Any]:
    return [any(value is not False for value in found)]

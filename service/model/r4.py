"""The structure of FHIR R4 (4.0.1): what every type consists of, in the order of its XML.

`r4.json` beside this module is made from HL7's definitions by tools/r4_table.py. One line a
type: what it is based on, then its own elements as "name types min..max [=value set]".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_FILE: Final = Path(__file__).with_suffix(".json")
_NOTHING: Final[Mapping[str, Element]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element of a type, under its JSON name: a choice has an Element a type."""

    name: str  # e.g. "birthDate", "valueString"
    type: str  # a primitive, a data type, "Resource", or a backbone's path "Bundle.entry"
    min: int  # of a choice: of all its alternatives together
    many: bool  # whether it repeats
    choice: str = ""  # "value" for valueString …
    targets: tuple[str, ...] = ()  # what a Reference may point at; (): anything
    value_set: str = ""  # the required binding, where its codes can be listed


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_FILE.read_bytes())
    return table


@cache
def resources() -> frozenset[str]:
    """Return the names of the resource types, abstract ones left out."""
    return frozenset(_table()["resources"])


def is_resource(name: str) -> bool:
    """Whether `name` is a resource type, e.g. "Patient"."""
    return name in resources()


def patterns() -> Mapping[str, str]:
    """Return the regular expression of each primitive type, "" where it has none."""
    patterns: dict[str, str] = _table()["patterns"]
    return patterns


def is_primitive(name: str) -> bool:
    """Whether `name` is a primitive type, e.g. "positiveInt", "xhtml"."""
    return name in patterns()


@cache
def types() -> tuple[str, ...]:
    """Return every type and backbone that has elements, e.g. "Patient", "Bundle.entry"."""
    return tuple(_table()["types"])


@cache
def children(type_path: str) -> Mapping[str, Element]:
    """Return the elements of a type or backbone by JSON name, inherited ones first.

    "Patient", "HumanName", "Bundle.entry"; an empty mapping for a type that there is not.
    """
    rows = _table()["types"].get(type_path)
    if rows is None:
        return _NOTHING
    found = dict(children(rows[0]))
    for row in rows[1:]:
        found.update(_elements(*row.split(" ")))
    return MappingProxyType(found)


def element(path: str) -> Element | None:
    """Return the element at a dotted path of JSON names, e.g. "Patient.name.given"."""
    here, *names = path.split(".")
    found = None
    for name in names:
        found = children(here).get(name)
        if found is None:
            return None
        here = found.type
    return found


def _elements(name: str, types: str, bounds: str, value_set: str = "") -> dict[str, Element]:
    choice = name.removesuffix("[x]") if name.endswith("[x]") else ""
    listed = _table()["open"] if types == "*" else types.split(",")
    made = [_element(name, kind, choice, bounds, value_set[1:]) for kind in listed]
    return {one.name: one for one in made}


def _element(name: str, kind: str, choice: str, bounds: str, value_set: str) -> Element:
    kind, _, targets = kind.partition("(")
    return Element(
        name=choice + kind[0].upper() + kind[1:] if choice else name,
        type=kind,
        min=int(bounds[0]),
        many=bounds.endswith("*"),
        choice=choice,
        targets=tuple(targets.rstrip(")").split("|")) if targets else (),
        value_set=value_set,
    )

"""The structure of one release of FHIR: what every type consists of, out of a table.

A table is a JSON file, made by tools/r4_table.py and tools/stu3_table.py. One line a type: what
it is based on, then its own elements as "name types min..max [=value set]".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final


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


_NOTHING: Final[Mapping[str, Element]] = MappingProxyType({})


class Definitions:
    """One release's types; its table is read when something is first asked.

    children: the elements of a type or backbone by JSON name, inherited ones first ("Patient",
    "HumanName", "Bundle.entry"); an empty mapping for a type that there is not.
    """

    def __init__(self, name: str, file: Path) -> None:
        self.name: Final = name  # as people call it: "R4", "STU3"
        self._file = file
        self.children: Final[Callable[[str], Mapping[str, Element]]] = cache(self._children)

    @cached_property
    def _table(self) -> dict[str, Any]:
        table: dict[str, Any] = json.loads(self._file.read_bytes())
        return table

    @cached_property
    def resources(self) -> frozenset[str]:
        """The names of the resource types, abstract ones left out."""
        return frozenset(self._table["resources"])

    def is_resource(self, name: str) -> bool:
        """Whether `name` is a resource type, e.g. "Patient"."""
        return name in self.resources

    @cached_property
    def patterns(self) -> Mapping[str, str]:
        """The regular expression of each primitive type, "" where it has none."""
        patterns: dict[str, str] = self._table["patterns"]
        return patterns

    def is_primitive(self, name: str) -> bool:
        """Whether `name` is a primitive type, e.g. "positiveInt", "xhtml"."""
        return name in self.patterns

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Every type and backbone that has elements, e.g. "Patient", "Bundle.entry"."""
        return tuple(self._table["types"])

    def element(self, path: str) -> Element | None:
        """Return the element at a dotted path of JSON names, e.g. "Patient.name.given"."""
        here, *names = path.split(".")
        found = None
        for name in names:
            found = self.children(here).get(name)
            if found is None:
                return None
            here = found.type
        return found

    def _children(self, type_path: str) -> Mapping[str, Element]:
        rows = self._table["types"].get(type_path)
        if rows is None:
            return _NOTHING
        found = dict(self.children(rows[0]))
        for row in rows[1:]:
            found.update(self._elements(*row.split(" ")))
        return MappingProxyType(found)

    def _elements(
        self, name: str, types: str, bounds: str, value_set: str = ""
    ) -> dict[str, Element]:
        choice = name.removesuffix("[x]") if name.endswith("[x]") else ""
        listed = self._table["open"] if types == "*" else types.split(",")
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

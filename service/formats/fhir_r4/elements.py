"""What a release calls an element's parts: a misspelt path is found when it is loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Final

from service.formats.fhir_r4.node import Node
from service.model.definitions import Definitions, Element

Types = frozenset[str]
ANYTHING: Types = frozenset()  # a type that only the message will tell
_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "decimal": (Decimal, int),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What a name means under some types: itself, a choice of types, or both."""

    types: Types
    typed_names: frozenset[str] = frozenset()  # of a choice: onsetDateTime, onsetPeriod …


@dataclass(slots=True)
class _Found:
    types: set[str] = field(default_factory=set)
    typed_names: set[str] = field(default_factory=set)

    def part(self) -> Part:
        open_ended = "Resource" in self.types
        return Part(ANYTHING if open_ended else frozenset(self.types), frozenset(self.typed_names))


def part(definitions: Definitions, types: Types, name: str) -> Part | None:
    """Return what `name` means under any of these types; None where there is no such element."""
    return _parts(definitions, types).get(name)


def alternatives(definitions: Definitions, types: Types, name: str) -> list[str]:
    """Return the names that look like `name`."""
    return get_close_matches(name, _parts(definitions, types), n=2)


def is_of_type(kind: str, definitions: Definitions) -> Callable[[Node], bool]:
    """Return whether a place holds a type: by resourceType, a choice's name, or JSON's type."""
    if definitions.is_resource(kind):
        return lambda node: type(node[0]) is dict and node[0].get("resourceType") == kind
    python = _PYTHON.get(kind, ())
    typed = _choice_types(definitions)

    def test(node: Node) -> bool:
        told = typed.get(node[2], "")
        return told == kind if told else type(node[0]) in python

    return test


@cache
def _parts(definitions: Definitions, types: Types) -> dict[str, Part]:
    found: defaultdict[str, _Found] = defaultdict(_Found)
    for kind in types or definitions.types:
        known = definitions.children("Element" if definitions.is_primitive(kind) else kind)
        for one in known.values():
            found[one.name].types.add(one.type)
            if one.choice:
                found[one.choice].types.add(one.type)
                found[one.choice].typed_names.add(one.name)
    return {name: one.part() for name, one in found.items()}


@cache
def _choice_types(definitions: Definitions) -> dict[str, str]:
    return {one.name: one.type for one in _every_element(definitions) if one.choice}


def _every_element(definitions: Definitions) -> Iterable[Element]:
    children = definitions.children
    return (one for kind in definitions.types for one in children(kind).values())

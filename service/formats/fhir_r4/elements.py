"""What R4 calls an element's parts: the check that finds a misspelt path when it is loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache

from service.model import r4

Types = frozenset[str]
ANYTHING: Types = frozenset()  # a type that only the message will tell


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


def part(types: Types, name: str) -> Part | None:
    """Return what `name` means under any of these types; None where R4 has no such element."""
    return _parts(types).get(name)


def alternatives(types: Types, name: str) -> list[str]:
    """Return R4's names that look like `name`."""
    return get_close_matches(name, _parts(types), n=2)


def choice_type(name: str) -> str:
    """Return the type that a choice's name ends with: "dateTime" for onsetDateTime, else ""."""
    return _choice_types().get(name, "")


@cache
def _parts(types: Types) -> dict[str, Part]:
    found: defaultdict[str, _Found] = defaultdict(_Found)
    for kind in types or r4.types():
        known = r4.children("Element" if r4.is_primitive(kind) else kind)
        for one in known.values():
            found[one.name].types.add(one.type)
            if one.choice:
                found[one.choice].types.add(one.type)
                found[one.choice].typed_names.add(one.name)
    return {name: one.part() for name, one in found.items()}


@cache
def _choice_types() -> dict[str, str]:
    return {one.name: one.type for one in _every_element() if one.choice}


def _every_element() -> Iterable[r4.Element]:
    return (one for kind in r4.types() for one in r4.children(kind).values())

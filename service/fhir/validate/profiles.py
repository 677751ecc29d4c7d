"""Our profiles: the differentials of profiles/ as trees of what they demand.

Read are cardinalities, fixed and pattern values, required bindings, slices told apart by a value
or pattern, and the keys of constraints (whose rules are in invariants.py). That is as much as
our profiles use; a test holds them to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.fhir.validate.schema import Codes, code_table
from service.model import r4

_HL7_VALUE_SETS: Final = "http://hl7.org/fhir/ValueSet/"
_REQUIRED: Final = "required"


@dataclass(kw_only=True, slots=True)
class Node:
    """What a profile demands of one element, and of those below it."""

    type: str  # its FHIR type: where to look its children up
    min: int = 0
    max: str = "*"
    codes: Codes | None = None  # required binding
    pattern: Any = None  # fixed or pattern value, as JSON
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)  # by name
    discriminator: str = ""  # the path that tells the slices apart


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One StructureDefinition of ours."""

    url: str
    type: str
    root: Node
    constraints: tuple[str, ...] = ()  # keys, e.g. "dr-com-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profiles:
    """All of a folder, by canonical URL."""

    by_url: dict[str, Profile]

    @classmethod
    def load(cls, folder: Path) -> Profiles:
        """Read StructureDefinition-*.json and the value sets and code systems beside them."""
        codes = _expansions(folder)
        profiles = [
            _profile(json.loads(path.read_bytes()), codes)
            for path in sorted(folder.glob("StructureDefinition-*.json"))
        ]
        return cls(by_url={profile.url: profile for profile in profiles})


def matches(value: Any, pattern: Any) -> bool:
    """Whether `value` has all that `pattern` has; of a list, one item that matches each."""
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(matches(item, wanted) for item in value) for wanted in pattern
        )
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and matches(value[key], wanted) for key, wanted in pattern.items()
        )
    return bool(value == pattern)


def mark_of(node: Node, discriminator: str) -> Any:
    """Return the pattern by which a value is known to belong to the slice `node`."""
    way = discriminator.split(".")
    here = node
    for name in way:
        here = here.children[name]
    return _nested(node.type, way, here.pattern)


def _nested(kind: str, way: list[str], value: Any) -> Any:
    element = r4.children(kind)[way[0]]
    inner = _nested(element.type, way[1:], value) if way[1:] else value
    return {way[0]: [inner] if element.many else inner}


def _expansions(folder: Path) -> dict[str, Codes]:
    systems = {
        system["url"]: frozenset(concept["code"] for concept in system["concept"])
        for system in _read(folder, "CodeSystem-*.json")
    }
    return {
        value_set["url"]: {
            include["system"]: frozenset(c["code"] for c in include["concept"])
            if "concept" in include
            else systems[include["system"]]
            for include in value_set["compose"]["include"]
        }
        for value_set in _read(folder, "ValueSet-*.json")
    }


def _read(folder: Path, names: str) -> Iterator[Any]:
    for path in sorted(folder.glob(names)):
        yield json.loads(path.read_bytes())


def _profile(definition: dict[str, Any], codes: dict[str, Codes]) -> Profile:
    kind = definition["type"]
    root = Node(type=kind)
    keys: list[str] = []
    for element in definition["differential"]["element"]:
        _read_element(_node_at(root, element["id"]), element, codes)
        keys += [constraint["key"] for constraint in element.get("constraint", ())]
    return Profile(url=definition["url"], type=kind, root=root, constraints=tuple(keys))


def _node_at(root: Node, element_id: str) -> Node:
    """Return the node of an element id such as "Patient.identifier:nhsNumber.value"."""
    node = root
    for step in element_id.split(".")[1:]:
        name, _, slice_name = step.partition(":")
        node = node.children.setdefault(name, Node(type=_type_of(node.type, name)))
        if slice_name:
            node = node.slices.setdefault(slice_name, Node(type=node.type))
    return node


def _type_of(parent: str, name: str) -> str:
    stem = name.removesuffix("[x]")
    for element in r4.children(parent).values():
        if stem in (element.name, element.choice):
            return element.type
    raise ValueError(f"{parent} has no {name}")


def _read_element(node: Node, element: dict[str, Any], codes: dict[str, Codes]) -> None:
    node.min = element.get("min", node.min)
    node.max = element.get("max", node.max)
    binding = element.get("binding", {})
    if binding.get("strength") == _REQUIRED:
        node.codes = _codes(binding["valueSet"], codes)
    for key, value in element.items():
        if key.startswith(("fixed", "pattern")):
            node.pattern = value
    for kind in element.get("type", ()):
        if kind["code"] == "Extension":  # a slice is known by the url of its definition
            node.children["url"] = Node(type="uri", pattern=kind["profile"][0])
    for told_apart in element.get("slicing", {}).get("discriminator", ()):
        node.discriminator = told_apart["path"]


def _codes(value_set: str, codes: dict[str, Codes]) -> Codes:
    url = value_set.partition("|")[0]
    return codes.get(url) or code_table()[url.removeprefix(_HL7_VALUE_SETS)]

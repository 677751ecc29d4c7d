"""The structure of FHIR R4 (4.0.1), which everything that is stored and sent on is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from service.model.definitions import Definitions, Element

DEFINITIONS: Final = Definitions("R4", Path(__file__).with_suffix(".json"))

is_resource = DEFINITIONS.is_resource
is_primitive = DEFINITIONS.is_primitive
children = DEFINITIONS.children
element = DEFINITIONS.element


def resources() -> frozenset[str]:
    """Return the names of the resource types, abstract ones left out."""
    return DEFINITIONS.resources


def patterns() -> Mapping[str, str]:
    """Return the regular expression of each primitive type, "" where it has none."""
    return DEFINITIONS.patterns


def types() -> tuple[str, ...]:
    """Return every type and backbone that has elements, e.g. "Patient", "Bundle.entry"."""
    return DEFINITIONS.types


__all__ = [
    "DEFINITIONS",
    "Element",
    "children",
    "element",
    "is_primitive",
    "is_resource",
    "patterns",
    "resources",
    "types",
]

"""The exact look at what a profile demands: what is wrong, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.errors import Issue
from service.fhir.validate.profiles import Node, mark_of, matches
from service.fhir.validate.walk import has, is_bound, issue
from service.model import r4


def profile_issues(resource: dict[str, Any], root: Node, place: str) -> Iterator[Issue]:
    """Yield what breaks a profile's demands; what base R4 does not allow is passed over."""
    for name, child in root.children.items():
        yield from _child(resource, name, child, root.type, f"{place}.{name}")


def _child(value: dict[str, Any], name: str, node: Node, kind: str, place: str) -> Iterator[Issue]:
    element = r4.children(kind).get(name)
    if not has(value, name):
        if node.min:
            yield issue("required", "must be there", place)
        return
    if node.max == "0":
        yield issue("structure", "must not be there", place)
    elif name not in value:  # an extension says why there is no value
        return
    elif element is not None and element.many:
        yield from _repeated(value[name], node, place) if isinstance(value[name], list) else ()
    else:
        yield from _one(value[name], node, place)


def _repeated(values: list[Any], node: Node, place: str) -> Iterator[Issue]:
    yield from _counted(len(values), node, "", place)
    for i, value in enumerate(values):
        yield from _one(value, node, f"{place}[{i}]")
    for name, piece in node.slices.items():
        mark = mark_of(piece, node.discriminator)
        mine = [i for i, value in enumerate(values) if matches(value, mark)]
        yield from _counted(len(mine), piece, f" as {name}", place)
        for i in mine:
            yield from _one(values[i], piece, f"{place}[{i}]")


def _counted(found: int, node: Node, which: str, place: str) -> Iterator[Issue]:
    if found < node.min:
        yield issue("required", f"needs at least {node.min}{which}", place)
    if node.max.isdigit() and found > int(node.max):
        yield issue("structure", f"allows at most {node.max}{which}", place)


def _one(value: Any, node: Node, place: str) -> Iterator[Issue]:
    if node.pattern is not None and not matches(value, node.pattern):
        yield issue("value", "is not what the profile fixes", place)
    if node.codes is not None and not is_bound(value, node.type, node.codes):
        yield issue("code-invalid", "is not a code of the profile's value set", place)
    if isinstance(value, dict):
        for name, child in node.children.items():
            yield from _child(value, name, child, node.type, f"{place}.{name}")

"""Comparing a message with its release's structure: what is odd is told and read all the same.

One pass over everything (about 30 µs for 8 KB), because an element that a release does not have
is one that no mapping reads: it must not vanish without a word.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any, Final

from service.errors import Issue
from service.formats.fhir_r4.node import Node, place, root
from service.model import r4
from service.model.definitions import Definitions

MAX_ISSUES: Final = 100
_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
    "decimal": (int, Decimal, float),
}
_TEXT: Final = (str,)
_STRUCTURE: Final = (dict,)

# many, the Python types one value may have, the type path to go on with ("" for a primitive)
_Shape = tuple[bool, tuple[type, ...], str]


class Structure:
    """What one pass found: `issues`, and every Reference in the message."""

    def __init__(self, resource: dict[str, Any], definitions: Definitions = r4.DEFINITIONS) -> None:
        self._definitions = definitions
        self.issues: list[Issue] = []
        self.references: list[Node] = []
        self._renamed: list[tuple[dict[str, Any], str, str]] = []
        self._resource(root(resource))
        for holder, wrong, right in self._renamed:
            holder[right] = holder.pop(wrong)

    @property
    def _name(self) -> str:
        return self._definitions.name

    def _resource(self, node: Node) -> None:
        kind = node[0].get("resourceType")
        if type(kind) is str and self._definitions.is_resource(kind):
            self._object(node, _shapes(kind, self._definitions))
        else:
            self._tell(node, "resourceType", f"names no {self._name} resource")

    def _object(self, node: Node, shapes: dict[str, _Shape]) -> None:
        for name, child in node[0].items():
            shape = shapes.get(name)
            if shape is None:
                shape = self._unknown(node, name, shapes)
                if shape is None:
                    continue
            many, scalars, kind = shape
            if not kind and not many and type(child) in scalars:
                continue  # most of a message: one primitive as it should be
            if type(child) is list:
                if not many:
                    self._tell(node, name, f"does not repeat in {self._name}, but is an array")
                for at, item in enumerate(child):
                    self._item((item, node, name, at), scalars, kind)
            else:
                if many:
                    self._tell(node, name, f"repeats in {self._name}, but is no array")
                self._item((child, node, name, -1), scalars, kind)

    def _item(self, node: Node, scalars: tuple[type, ...], kind: str) -> None:
        if type(node[0]) not in scalars:
            self._mistyped(node)
        elif kind == "Resource":
            self._resource(node)
        elif kind:
            if kind == "Reference":
                self.references.append(node)
            self._object(node, _shapes(kind, self._definitions))

    def _unknown(self, node: Node, name: str, shapes: dict[str, _Shape]) -> _Shape | None:
        right = name[:1].lower() + name[1:]
        if right in shapes and right not in node[0]:
            self._renamed.append((node[0], name, right))
            self._tell(node, name, f"is read as {right}")
            return shapes[right]
        self._tell(node, name, f"is no element of {self._name} here and is not read")
        return None

    def _mistyped(self, node: Node) -> None:
        value, parent, name, at = node
        shadow = parent[0].get(name[1:] if name.startswith("_") else "_" + name)
        if value is not None or at < 0 or type(shadow) is not list:
            what = "null" if value is None else "of the wrong JSON type"
            self._tell(parent, name, f"is {what}")

    def _tell(self, node: Node, name: str, what: str) -> None:
        if len(self.issues) < MAX_ISSUES:
            stands = place((None, node, name, -1))
            text = f"{name} {what}"
            issue = Issue(severity="warning", code="structure", text=text, source=stands)
            self.issues.append(issue)


@cache
def _shapes(kind: str, definitions: Definitions) -> dict[str, _Shape]:
    """Return the shapes of a type's elements by JSON name, "_name" and resourceType included."""
    shapes: dict[str, _Shape] = {}
    for name, known in definitions.children(kind).items():
        if definitions.is_primitive(known.type):
            shapes[name] = (known.many, _SCALARS.get(known.type, _TEXT), "")
            shapes["_" + name] = (known.many, _STRUCTURE, "Element")
        else:
            shapes[name] = (known.many, _STRUCTURE, known.type)
    if definitions.is_resource(kind):
        shapes["resourceType"] = (False, _TEXT, "")
    return shapes

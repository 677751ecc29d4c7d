"""A node: one place in a resource, with the way that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

# (value, parent, name, index): plain tuples, because a message makes thousands of them.
# The root has no parent. index is -1 where the name holds no array. A value of None is a
# primitive that is absent but has an id or extensions ("_birthDate").
Node = tuple[Any, Any, str, int]

_PLAIN_EXPONENT = 32  # digits; further out a decimal keeps its exponent instead of its zeros


def root(resource: dict[str, Any]) -> Node:
    """Return the node of a whole resource."""
    return (resource, None, "", -1)


def computed(value: Any) -> Node:
    """Return a node of something that stands nowhere: a literal, the result of exists()."""
    return (value, None, "", -1)


def place(node: Node) -> str:
    """Return where a node stands, e.g. "entry[3].resource.name[0].family"; "" for the root."""
    names: list[str] = []
    while node[1] is not None:
        names.append(node[2] if node[3] < 0 else f"{node[2]}[{node[3]}]")
        node = node[1]
    return ".".join(reversed(names))


def text(value: Any) -> str:
    """Return a primitive as text; "" for what is blank, absent or not a primitive."""
    if type(value) is str:
        return "" if value.isspace() else value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is Decimal:
        return _decimal(value)
    return str(value) if isinstance(value, int | float) else ""


def _decimal(value: Decimal) -> str:
    """Every digit as written: "1.10" stays "1.10"."""
    exponent = value.as_tuple().exponent
    plain = isinstance(exponent, int) and abs(exponent) <= _PLAIN_EXPONENT
    return format(value, "f") if plain else str(value)


def members(node: Node, name: str) -> list[Node]:
    """Return the places under `name`, absent primitives that have extensions among them."""
    value = node[0]
    child = value.get(name)
    if child is not None and "_" + name not in value:
        if type(child) is list:
            return [(item, node, name, at) for at, item in enumerate(child)]
        return [(child, node, name, -1)]
    hidden = value.get("_" + name)
    if type(child) is list or type(hidden) is list:
        return list(_pairs(node, name, child, hidden))
    return [(child, node, name, -1)] if child is not None or type(hidden) is dict else []


def _pairs(node: Node, name: str, child: Any, hidden: Any) -> Iterator[Node]:
    """Array and shadow array side by side; the longer one counts."""
    shown = child if type(child) is list else [] if child is None else [child]
    shadow = hidden if type(hidden) is list else []
    for at in range(max(len(shown), len(shadow))):
        yield (shown[at] if at < len(shown) else None, node, name, at)


def shadow(node: Node) -> dict[str, Any]:
    """Return id and extensions of a primitive (its "_name" object); {} where it has none."""
    _, parent, name, at = node
    found = parent[0].get("_" + name) if parent is not None else None
    if type(found) is list:
        found = found[at] if 0 <= at < len(found) else None
    return found if type(found) is dict else {}


def leaves(node: Node) -> Iterator[str]:
    """Yield the place of every value under a node, in the order of the message."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        value = node[0]
        if type(value) is dict:
            below = [one for name in _names(value) for one in members(node, name)]
        else:
            if text(value):
                yield place(node)
            below = _shadowed(node)
        waiting.extend(reversed(below))


def _names(value: dict[str, Any]) -> dict[str, None]:
    """Element names, a "_name" without its name included; resourceType is none."""
    return dict.fromkeys(name.removeprefix("_") for name in value if name != "resourceType")


def _shadowed(node: Node) -> list[Node]:
    held = shadow(node)
    if not held:
        return []
    below = (held, node[1], node[2], node[3])
    return [one for name in held for one in members(below, name)]

"""The steps that a path is made of: closures from places to places, no text parsed any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from service.formats.fhir_r4.index import Index, enclosing
from service.formats.fhir_r4.node import Node, computed, members, shadow, text

Step = Callable[[Sequence[Node], Index], Sequence[Node]]
Test = Callable[[Sequence[Node], Index], bool | None]  # None: FHIRPath's empty, neither


def focus(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
    """$this"""
    return nodes


def whole(_nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """%bundle"""
    return [index.root]


def own_resource(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
    """%resource"""
    found = {id(one[0]): one for one in map(enclosing, nodes)}
    return [one for one in found.values() if type(one[0]) is dict]


def then(first: Step, second: Step) -> Step:
    """Return both steps, one after the other."""
    if first is focus:
        return second
    return lambda nodes, index: second(first(nodes, index), index)


def constant(value: Any) -> Step:
    """Return a step to a literal."""
    found = [computed(value)]
    return lambda _nodes, _index: found


def resources(kind: str) -> Step:
    """Return the step to $this if it is such a resource, else to all of the message."""

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        own = [one for one in nodes if type(one[0]) is dict and one[0].get("resourceType") == kind]
        return own or index.by_type.get(kind, ())

    return step


def member(name: str) -> Step:
    """Return the step to the elements of one name."""
    hidden = "_" + name

    def step(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
        found: list[Node] = []
        for node in nodes:
            value = node[0]
            if type(value) is not dict:
                continue
            child = value.get(name)
            if child is None or type(child) is list:
                if child is not None and hidden not in value:
                    found += [(item, node, name, at) for at, item in enumerate(child)]
                elif child is not None or hidden in value:
                    found += members(node, name)
            else:
                found.append((child, node, name, -1))
        return found

    return step


def choice(direct: str, names: Iterable[str]) -> Step:
    """Return the step to `onset` however it is typed: onsetDateTime, onsetPeriod …"""
    typed = {name: name for name in names} | {"_" + name: name for name in names}

    def step(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
        found: list[Node] = []
        for node in nodes:
            value = node[0]
            if type(value) is not dict:
                continue
            if direct in value or "_" + direct in value:
                found += members(node, direct)
                continue
            for name in dict.fromkeys(typed[key] for key in value if key in typed):
                found += members(node, name)
        return found

    return step


def of_any(name: str) -> Step:
    """Return the step to `id` or `extension`, which primitives have too."""

    def step(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
        found: list[Node] = []
        for node in nodes:
            if type(node[0]) is dict:
                found += members(node, name)
            else:
                for held, _, _, at in members((shadow(node), None, "", -1), name):
                    found.append((held, node, name, at))
        return found

    return step


def first(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
    """first()"""
    return present(nodes)[:1]


def last(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
    """last()"""
    return present(nodes)[-1:]


def item(number: int) -> Step:
    """Return the step to one place of all that were found, from 0."""
    return lambda nodes, _index: nodes[number : number + 1]


def where(test: Test) -> Step:
    """Return the step to those that pass a test."""
    return lambda nodes, index: [one for one in nodes if test((one,), index) is True]


def only(predicate: Callable[[Node], bool]) -> Step:
    """Return the step to those of a type."""
    return lambda nodes, _index: [one for one in nodes if predicate(one)]


def repeat(step: Step) -> Step:
    """Return the step to what `step` finds, and finds again from there."""

    def all_steps(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        found: list[Node] = []
        seen: set[int] = set()
        reached = step(nodes, index)
        while reached:
            new = [one for one in reached if id(one[0]) not in seen]
            seen.update(id(one[0]) for one in new)
            found += new
            reached = step(new, index)
        return found

    return all_steps


def union(left: Step, right: Step) -> Step:
    """Return the step to what either finds; equal primitives once."""

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        found: dict[tuple[type, Any], Node] = {}
        for node in (*left(nodes, index), *right(nodes, index)):
            found.setdefault(_sameness(node[0]), node)
        return list(found.values())

    return step


def resolve(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """resolve(): the resources that references point at."""
    return [found for node in nodes if (found := index.resolve(node)) is not None]


def focal(_nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """focus(): what the MessageHeader is about, else what the Composition's sections list."""
    for kind, step in (("MessageHeader", _FOCUS), ("Composition", _ENTRIES)):
        found = index.by_type.get(kind)
        if found:
            return resolve(step(found, index), index)
    return ()


def present(nodes: Sequence[Node]) -> Sequence[Node]:
    """Return those that hold something: parts or a text."""
    return [one for one in nodes if type(one[0]) is dict or text(one[0])]


def alike(left: Any, right: Any) -> bool:
    """FHIRPath's `=` of two single values: true is not 1, "1" is not 1, 1.0 is 1."""
    return (type(left) is bool) == (type(right) is bool) and bool(left == right)


def _sameness(value: Any) -> tuple[type, Any]:
    """What makes two values one: structures by identity, primitives by value."""
    return (dict, id(value)) if type(value) in {dict, list} else (type(value), value)


_FOCUS: Step = member("focus")
_ENTRIES: Step = then(repeat(member("section")), member("entry"))

"""The steps that a path is made of: closures from places to places, no text parsed any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from service.formats.fhir_r4.index import Index, enclosing
from service.formats.fhir_r4.node import Node, computed, members, shadow, text

Step = Callable[[Sequence[Node], Index], Sequence[Node]]
Test = Callable[[Sequence[Node], Index], bool | None]  # None: FHIRPath's empty, neither


def whole(_nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """%bundle"""
    return [index.root]


def own_resource(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
    """%resource"""
    found = {id(one[0]): one for one in map(enclosing, nodes)}
    return [one for one in found.values() if type(one[0]) is dict]


def chain(steps: Sequence[Step | str]) -> Step:
    """Return the steps one after the other; from nothing none leads anywhere."""
    made = merged(steps)
    if len(made) == 1:
        return made[0]

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        for one in made:
            nodes = one(nodes, index)
            if not nodes:
                return nodes
        return nodes

    return step


def merged(steps: Sequence[Step | str]) -> tuple[Step, ...]:
    """Return the steps, names that follow each other as one."""
    made: list[Step] = []
    names: list[str] = []
    for one in (*steps, None):
        if isinstance(one, str):
            names.append(one)
            continue
        if names:
            made.append(member(*names))
            names = []
        if one is not None:
            made.append(one)
    return tuple(made)


def remembered(name: str, of: Step) -> Step:
    """Return the step, whose result from one node is kept for the paths that begin alike.

    `name` is what tells one beginning from another.
    """

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        if len(nodes) != 1:
            return of(nodes, index)
        key = (name, id(nodes[0]))
        held = index.found.get(key)
        if held is None:
            held = index.found[key] = (nodes[0], of(nodes, index))  # what is held keeps its id
        return held[1]

    return step


def constant(value: Any) -> Step:
    """Return a step to a literal."""
    found = [computed(value)]
    return lambda _nodes, _index: found


def resources(kind: str) -> Step:
    """Return the step to $this if it is such a resource, else to all of the message."""

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        for one in nodes:
            if type(one[0]) is dict and one[0].get("resourceType") == kind:
                return [one for one in nodes if is_a(one[0], kind)]
        return index.by_type.get(kind, ())

    return step


def is_a(value: Any, kind: str) -> bool:
    """Whether a value is a resource of this type."""
    return type(value) is dict and value.get("resourceType") == kind


def member(*names: str) -> Step:
    """Return the step to the elements of one name, and of the next below them."""
    with_hidden = tuple((name, "_" + name) for name in names)

    def step(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
        for name, hidden in with_hidden:
            found: list[Node] = []
            for node in nodes:
                value = node[0]
                if type(value) is not dict:
                    continue
                child = value.get(name)
                if hidden in value:
                    found += members(node, name)
                elif type(child) is list:
                    for at, item in enumerate(child):
                        found.append((item, node, name, at))
                elif child is not None:
                    found.append((child, node, name, -1))
            if not found:
                return found
            nodes = found
        return nodes

    return step


def choice(direct: str, names: Iterable[str]) -> Step:
    """Return the step to `onset` however it is typed: onsetDateTime, onsetPeriod …"""
    typed = {name: name for name in names} | {"_" + name: name for name in names}
    is_absent = frozenset((*typed, direct, "_" + direct)).isdisjoint

    def step(nodes: Sequence[Node], _index: Index) -> Sequence[Node]:
        found: list[Node] = []
        for node in nodes:
            value = node[0]
            if type(value) is not dict or is_absent(value):
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

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        found: list[Node] = []
        for one in nodes:
            if test((one,), index):
                found.append(one)
        return found

    return step


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


def union(sides: Sequence[Step]) -> Step:
    """Return the step to what any of them finds; equal primitives once."""

    def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
        found: list[Node] = []
        for side in sides:
            found += side(nodes, index)
        if len(found) <= 1:
            return found
        once: dict[tuple[type, Any], Node] = {}
        for node in found:
            once.setdefault(_sameness(node[0]), node)
        return list(once.values())

    return step


def resolve(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
    """resolve(): the resources that references point at."""
    return [found for node in nodes if (found := index.resolve(node)) is not None]


def present(nodes: Sequence[Node]) -> Sequence[Node]:
    """Return those that hold something: parts or a text."""
    if len(nodes) == 1:
        value = nodes[0][0]
        return nodes if type(value) is dict or text(value) else ()
    return [one for one in nodes if type(one[0]) is dict or text(one[0])]


def alike(left: Any, right: Any) -> bool:
    """FHIRPath's `=` of two single values: true is not 1, "1" is not 1, 1.0 is 1."""
    return (type(left) is bool) == (type(right) is bool) and bool(left == right)


def _sameness(value: Any) -> tuple[type, Any]:
    """What makes two values one: structures by identity, primitives by value."""
    return (dict, id(value)) if type(value) in {dict, list} else (type(value), value)

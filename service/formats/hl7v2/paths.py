"""Paths compiled to closures: nothing is parsed while a message waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from service.formats.hl7v2.groups import belonging
from service.formats.hl7v2.segment import Place, Repetition, Segment
from service.formats.hl7v2.syntax import (
    Condition,
    Every,
    From,
    Not,
    Parsed,
    Selector,
    Step,
    Test,
    parse,
)
from service.formats.source import Node, Path

Item = TypeVar("Item", Segment, Repetition)
Holds = Callable[[Item], bool]
Choose = Callable[[Sequence[Item]], Sequence[Item]]
Segments = Callable[[Node], Sequence[Segment]]
Values = Callable[[Node], Sequence[str]]
Places = Callable[[Node], Sequence[Place]]


def compile_path(text: str) -> Path:
    """Compile one path; service.formats.hl7v2.syntax has the grammar.

    A path without component gives component 1, one without subcomponent subcomponent 1: what
    stood there before a field or component was parted, as the standard's rule for versions says.
    A path to a segment gives the segment as sent. The nodes of a path to a field or a component
    are repetitions. Raises ValueError that says what is wrong with it.
    """
    parsed = parse(text)
    if parsed.origin == "repetition":
        return _of_component(text, parsed)
    segments = _segments(parsed)
    return (
        _of_segments(text, segments) if parsed.field is None else _of_field(text, parsed, segments)
    )


def _of_segments(text: str, segments: Segments) -> Path:
    return Path(
        text=text,
        values=lambda node: [segment.text for segment in segments(node)],
        nodes=segments,
        places=lambda node: [segment.label for segment in segments(node)],
    )


def _of_component(text: str, parsed: Parsed) -> Path:
    component, subcomponent = parsed.component or 1, parsed.subcomponent or 1

    def first_subcomponent(node: Node) -> Sequence[str]:
        components = node.repetition.components if type(node) is Place else ()
        found = components[component - 1] if component <= len(components) else ""
        return (found,) if found else ()

    def below(node: Node) -> Sequence[str]:
        found = node.repetition.text(component, subcomponent) if type(node) is Place else ""
        return (found,) if found else ()

    values = first_subcomponent if subcomponent == 1 else below

    def here(node: Node) -> Sequence[Place]:
        return (node,) if values(node) else ()

    return Path(text=text, values=values, nodes=here, places=_labels(here, component, subcomponent))


def _of_field(text: str, parsed: Parsed, segments: Segments) -> Path:
    field, choose = parsed.field or 1, _choosing(parsed.repetitions, _repetition_test)
    component, subcomponent = parsed.component or 1, parsed.subcomponent or 1

    def chosen(node: Node) -> Iterator[Place]:
        for segment in segments(node):
            repetitions = segment.repetitions(field)
            for repetition in choose(repetitions) if choose else repetitions:
                yield Place(segment, field, repetition)

    def valued(node: Node) -> list[Place]:
        return [p for p in chosen(node) if p.repetition.text(component, subcomponent)]

    def filled(node: Node) -> list[Place]:
        return [place for place in chosen(node) if not place.repetition.is_empty()]

    return Path(
        text=text,
        values=_values(parsed, segments, choose),
        nodes=filled if parsed.component is None else valued,
        places=_labels(valued, component, subcomponent),
    )


def _labels(places: Places, component: int, subcomponent: int) -> Callable[[Node], Sequence[str]]:
    return lambda node: [place.label(component, subcomponent) for place in places(node)]


def _values(parsed: Parsed, segments: Segments, choose: Choose[Repetition] | None) -> Values:
    """Return the closure of the hot path: a message asks for some hundred values."""
    field, subcomponent = parsed.field or 1, parsed.subcomponent or 1
    component = parsed.component or 1
    plain = parsed.origin == "message" and not parsed.which and not parsed.steps
    whole = parsed.name if plain else ""

    def first_subcomponents(node: Node) -> list[str]:
        found = []
        for segment in node.named.get(whole, ()) if whole else segments(node):
            repetitions = segment.read.get(field)
            if repetitions is None:
                repetitions = segment.repetitions(field)
            for repetition in choose(repetitions) if choose else repetitions:
                components = repetition.components
                if component <= len(components) and components[component - 1]:
                    found.append(components[component - 1])
        return found

    def below(node: Node) -> list[str]:
        found = []
        for segment in segments(node):
            repetitions = segment.repetitions(field)
            for repetition in choose(repetitions) if choose else repetitions:
                found.append(repetition.text(component, subcomponent))
        return [text for text in found if text]

    return first_subcomponents if subcomponent == 1 else below


def _segments(parsed: Parsed) -> Segments:
    found = _beginning(parsed)
    for step in parsed.steps:
        found = _belonging(found, step) if step.sign == "+" else _followed(found, step)
    return found


def _beginning(parsed: Parsed) -> Segments:
    origin, name = parsed.origin, parsed.name
    choose = _choosing(parsed.which, _segment_test)

    def of_message(node: Node) -> Sequence[Segment]:
        found: Sequence[Segment] = node.named.get(name, ())
        return choose(found) if choose and found else found

    def of_group(node: Node) -> Sequence[Segment]:
        found = [*belonging(node.segment, name)] if node.segment else []
        return choose(found) if choose else found

    def here(node: Node) -> Sequence[Segment]:
        return (node.segment,) if node.segment else ()

    if origin == "run":
        return _followed(here, Step(sign=">", name=name, which=parsed.which))
    return {"message": of_message, "group": of_group}.get(origin, here)


def _belonging(before: Segments, step: Step) -> Segments:
    """Return what finds the segments that belong to each of those before."""
    choose = _choosing(step.which, _segment_test)

    def found(node: Node) -> list[Segment]:
        groups = ([*belonging(owner, step.name)] for owner in before(node))
        return [segment for group in groups for segment in (choose(group) if choose else group)]

    return found


def _followed(before: Segments, step: Step) -> Segments:
    """Return what finds each segment before, and the run that follows directly on it."""
    choose = _choosing(step.which, _segment_test)

    def found(node: Node) -> list[Segment]:
        every: list[Segment] = []
        for first in before(node):
            every.append(first)
            after = first.next
            while after and after.name == step.name and (not choose or choose([after])):
                every.append(after)
                after = after.next
        return every

    return found


def _choosing(
    selectors: Sequence[Selector], test: Callable[[Test], Holds[Item]]
) -> Choose[Item] | None:
    """Return what applies `selectors` from left to right; None where there are none."""
    steps = [_step(selector, test) for selector in selectors]
    if len(steps) <= 1:
        return steps[0] if steps else None

    def choose(items: Sequence[Item]) -> Sequence[Item]:
        for step in steps:
            items = step(items)
        return items

    return choose


def _step(selector: Selector, test: Callable[[Test], Holds[Item]]) -> Choose[Item]:
    if isinstance(selector, int):
        number = selector
        return lambda items: items[number - 1 : number]
    if isinstance(selector, From):
        first = selector.number - 1
        return lambda items: items[first:]
    holds = _holding(selector, test)
    return lambda items: [item for item in items if holds(item)]


def _holding(condition: Condition, test: Callable[[Test], Holds[Item]]) -> Holds[Item]:
    if isinstance(condition, Test):
        return test(condition)
    if isinstance(condition, Not):
        opposite = _holding(condition.condition, test)
        return lambda item: not opposite(item)
    parts = [_holding(part, test) for part in condition.conditions]
    wanted = not isinstance(condition, Every)

    def holds(item: Item) -> bool:
        for part in parts:  # a loop costs a third of any() with a generator
            if part(item) is wanted:
                return wanted
        return not wanted

    return holds


def _repetition_test(test: Test) -> Holds[Repetition]:
    component, subcomponent = (*test.place, 1)[:2]
    texts = test.texts
    return lambda repetition: repetition.text(component, subcomponent) in texts


def _segment_test(test: Test) -> Holds[Segment]:
    """Of a repeating field any repetition may fit; one without any value fits ''."""
    field, component, subcomponent = (*test.place, 1, 1)[:3]
    texts = test.texts

    def holds(segment: Segment) -> bool:
        found = [r.text(component, subcomponent) for r in segment.repetitions(field)]
        return any(text in texts for text in filter(None, found)) or (
            "" in texts and not any(found)
        )

    return holds

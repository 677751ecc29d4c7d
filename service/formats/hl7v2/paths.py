"""Paths compiled to closures: nothing is parsed while a message waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from service.formats.hl7v2.choosing import (
    Choose,
    choosing,
    continues,
    repetition_test,
    segment_test,
)
from service.formats.hl7v2.groups import belonging, owning
from service.formats.hl7v2.parsed import Every, Parsed, Selector, Step, Test
from service.formats.hl7v2.segment import Place, Repetition, Segment
from service.formats.hl7v2.syntax import parse
from service.formats.source import Node, Path

MANY: Final = 50  # segments of a name: a message then remembers what it answered before
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
    field, choose = parsed.field or 1, choosing(parsed.repetitions, repetition_test)
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

    if subcomponent > 1:
        return below
    return _remembering(first_subcomponents, whole) if whole else first_subcomponents


def _remembering(values: Callable[[Node], list[str]], name: str) -> Values:
    """Return what asks a message with very many such segments once: each of them may ask it."""

    def remembered(node: Node) -> list[str]:
        listed = node.named.get(name, ())
        if len(listed) <= MANY:
            return values(node)
        asked: dict[object, list[str]] = listed[0].shared.asked
        if values not in asked:
            asked[values] = values(node)
        return asked[values]

    return remembered


def _segments(parsed: Parsed) -> Segments:
    found = _beginning(parsed)
    for step in parsed.steps:
        found = _belonging(found, step) if step.sign == "+" else _followed(found, step)
    return found


def _beginning(parsed: Parsed) -> Segments:
    origin, name = parsed.origin, parsed.name
    choose = choosing(parsed.which, segment_test)

    def of_message(node: Node) -> Sequence[Segment]:
        found: Sequence[Segment] = node.named.get(name, ())
        return choose(found) if choose and found else found

    def of_group(node: Node) -> Sequence[Segment]:
        found = [*belonging(node.segment, name)] if node.segment else []
        return choose(found) if choose else found

    def here(node: Node) -> Sequence[Segment]:
        return (node.segment,) if node.segment else ()

    def owner(node: Node) -> Sequence[Segment]:
        found = [*owning(node.segment, name)] if node.segment else []
        return choose(found) if choose else found

    if origin == "run":
        return _followed(here, Step(sign=">", name=name, which=parsed.which))
    if origin == "owner":
        return owner
    return {"message": of_message, "group": of_group}.get(origin, here)


def _belonging(before: Segments, step: Step) -> Segments:
    """Return what finds the segments that belong to each of those before."""
    choose = choosing(step.which, segment_test)

    def found(node: Node) -> list[Segment]:
        groups = ([*belonging(owner, step.name)] for owner in before(node))
        return [segment for group in groups for segment in (choose(group) if choose else group)]

    return found


def _followed(before: Segments, step: Step) -> Segments:
    """Return what finds each segment before, and the run that follows directly on it."""
    alike = [places for selector in step.which for places in _same(selector)]
    choose = choosing(step.which, segment_test)

    def found(node: Node) -> list[Segment]:
        every: list[Segment] = []
        for first in before(node):
            every.append(first)
            after = first.next
            while after and after.name == step.name and (not choose or choose([after])):
                if not all(continues(first, after, place) for place in alike):
                    break
                every.append(after)
                after = after.next
        return every

    return found


def _same(selector: Selector) -> Iterator[tuple[int, ...]]:
    """Yield the places that every segment of a run has in common with its first."""
    if isinstance(selector, Test) and selector.sense == "same":
        yield selector.place
    if isinstance(selector, Every):
        for condition in selector.conditions:
            yield from _same(condition)

"""Selectors compiled to closures: which segments, or repetitions of a field, are meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from service.formats.hl7v2.parsed import Condition, Every, Firsts, From, Not, Selector, Test
from service.formats.hl7v2.segment import Repetition, Segment

Item = TypeVar("Item", Segment, Repetition)
Holds = Callable[[Item], bool]
Choose = Callable[[Sequence[Item]], Sequence[Item]]


def texts_at(segment: Segment, place: tuple[int, ...]) -> list[str]:
    """Return what stands in one place of a segment, of every repetition."""
    field, component, subcomponent = (*place, 1, 1)[:3]
    return [r.text(component, subcomponent) for r in segment.repetitions(field)]


def continues(first: Segment, segment: Segment, place: tuple[int, ...]) -> bool:
    """Whether a segment has the same in a place as the first of its run, or leaves it out."""
    if len(place) == 1:
        return segment.raw(place[0]) in {"", first.raw(place[0])}
    told = texts_at(segment, place)
    return not any(told) or told == texts_at(first, place)


def choosing(
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
    if isinstance(selector, Firsts):
        return _firsts(selector.place)
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


def _firsts(place: tuple[int, ...]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what keeps of segments those that continue no other before them."""

    def choose(segments: Sequence[Segment]) -> Sequence[Segment]:
        kept: list[Segment] = []
        before: Segment | None = None
        for segment in segments:
            if not (before and before.next is segment and continues(kept[-1], segment, place)):
                kept.append(segment)
            before = segment
        return kept

    return choose


def repetition_test(test: Test) -> Holds[Repetition]:
    component, subcomponent = (*test.place, 1)[:2]
    texts = test.texts
    if test.sense == "begins":
        beginnings = tuple(texts)
        return lambda repetition: repetition.text(component, subcomponent).startswith(beginnings)
    return lambda repetition: repetition.text(component, subcomponent) in texts


def segment_test(test: Test) -> Holds[Segment]:
    """Of a repeating field any repetition may fit; one without any value fits ''."""
    field, component, subcomponent = (*test.place, 1, 1)[:3]
    texts, beginnings = test.texts, tuple(test.texts)
    if test.sense == "same":
        return lambda segment: True  # asked of the run: see `_followed`
    if test.sense == "begins":
        return lambda segment: any(
            text.startswith(beginnings) for text in texts_at(segment, test.place)
        )

    def holds(segment: Segment) -> bool:
        found = [r.text(component, subcomponent) for r in segment.repetitions(field)]
        return any(text in texts for text in filter(None, found)) or (
            "" in texts and not any(found)
        )

    return holds

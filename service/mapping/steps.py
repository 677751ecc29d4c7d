"""The closures that rules become: each takes a node and the run, and returns a value.

None means that nothing was sent, so that an alternative may serve; STOP that something was
sent which gives no value. What happens often is done first; places are only looked up when
an issue needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from service.formats.source import ExplicitNull, Node
from service.mapping.condition import Condition
from service.mapping.run import MOST_ITEMS, STOP, Finish, Run, Step, Values, Where

Nodes = Callable[[Node], Sequence[Node]]


def one(values: Values, finish: Finish | None, target: str, where: Where) -> Step:
    """The one value that is due."""

    def take_one(node: Node, run: Run) -> Any:
        found = values(node)
        if not found:
            return None
        text = found[0]
        if len(found) > 1 and any(other != text for other in found):
            run.add("warning", "multiple-matches", _SEVERAL, target, where(node))
            return STOP
        if type(text) is ExplicitNull:
            run.add("information", "deleted", _DELETED, target, where(node))
            return STOP
        if finish is None:
            run.found += 1
            return text
        value = finish(text, node, run)
        if value is not None and value is not STOP:
            run.found += 1
        return value

    return take_one


def many(values: Values, finish: Finish | None, target: str, where: Where, flat: bool) -> Step:
    """All values, as a tuple; `flat`: `finish` itself gives tuples."""

    def take_all(node: Node, run: Run) -> Any:
        run.offset = 0
        found = values(node)
        if not found:
            return None
        items: list[Any] = []
        for text in found:
            if type(text) is ExplicitNull:
                continue
            value = finish(text, node, run) if finish else text
            if value is not None and value is not STOP:
                items.extend(value if flat else (value,))
        if not items:
            if all(type(text) is ExplicitNull for text in found):
                run.add("information", "deleted", _DELETED, target, where(node))
            return STOP
        run.found += 1
        return tuple(items)

    return take_all


_SEVERAL = "several different values where one is due: none was taken"
_DELETED = "the sender says that there is no value"


def constant_step(value: Any, *, counts: bool) -> Step:
    """A constant; `counts` where a condition made the message choose it."""

    def give(node: Node, run: Run) -> Any:
        if counts:
            run.found += 1
        return value

    return give


def converted(
    convert: Callable[[str, Any], Any], target: str, where: Where, *, keeps: bool
) -> Finish:
    """What the converters make of a text; `keeps`: a refused text goes to the identifiers."""

    def finish(text: str, node: Node, run: Run) -> Any:
        try:
            value = convert(text, run.doubts)
        except ValueError as error:
            run.doubts.clear()
            run.add("warning", "value", str(error), target, where(node))
            if keeps:
                run.kept.append(text)
            return STOP
        if run.doubts:
            run.settle(target, where(node))
        return value

    return finish


def tidied(text: str, node: Node, run: Run) -> Any:
    """A name: no blanks around it, one between its words."""
    return " ".join(text.split()) or None


def stripped(text: str, node: Node, run: Run) -> Any:
    """An id: no blanks around it."""
    return text.strip() or None


def then(first: Finish | None, second: Finish) -> Finish:
    """One finish after the other."""
    if first is None:
        return second

    def both(text: str, node: Node, run: Run) -> Any:
        value = first(text, node, run)
        return value if value is None or value is STOP else second(value, node, run)

    return both


def alternatives(steps: tuple[Step, ...]) -> Step:
    """The first step that yields."""
    if len(steps) == 1:
        return steps[0]

    def first(node: Node, run: Run) -> Any:
        for step in steps:
            value = step(node, run)
            if value is not None:
                return value
        return None

    return first


def concatenation(steps: tuple[Step, ...]) -> Step:
    """The items of all steps, in their order."""
    if len(steps) == 1:
        return steps[0]

    def all_items(node: Node, run: Run) -> Any:
        start = run.offset
        items: list[Any] = []
        for step in steps:
            run.offset = start + len(items)
            value = step(node, run)
            if value is not None and value is not STOP:
                items.extend(value)
        run.offset = 0
        return tuple(items) or None

    return all_items


def each(nodes: Nodes, where: Condition | None, item: Step, target: str, *, indexed: bool) -> Step:
    """One item for every place found; `indexed` where the target's name has [] for them."""

    def items_of(node: Node, run: Run) -> Any:
        start, run.offset = run.offset, 0
        found = nodes(node)
        if not found:
            return None
        run.items += len(found)
        if run.items > MOST_ITEMS:
            run.add("error", "too-costly", _TOO_MANY, target, "")
            return STOP
        items: list[Any] = []
        at = run.at if indexed else [0]
        at.append(start)
        for place in found:
            if where is not None and not where(place):
                continue
            at[-1] = start + len(items)
            value = item(place, run)
            if value is not None and value is not STOP:
                items.append(value)
        at.pop()
        return tuple(items) or None

    return items_of


_TOO_MANY = f"the message repeats itself more than {MOST_ITEMS} times in what is read of it"


def single_item(step: Step, target: str, where: Where) -> Step:
    """The only item of a list step, for a target that is due one."""

    def only(node: Node, run: Run) -> Any:
        found = run.found
        items = step(node, run)
        if items is None or items is STOP:
            return items
        if any(item != items[0] for item in items):
            run.found = found
            run.add("warning", "multiple-matches", _SEVERAL, target, where(node))
            return STOP
        return items[0]

    return only


def as_list(step: Step) -> Step:
    """A single item as a list of one."""

    def listed(node: Node, run: Run) -> Any:
        start, run.offset = run.offset, 0
        run.at.append(start)
        value = step(node, run)
        run.at.pop()
        return value if value is None or value is STOP else (value,)

    return listed


def record(
    make: Callable[..., Any],
    steps: tuple[tuple[str, Step], ...],
    required: tuple[str, ...],
    target: str,
    *,
    always: bool = False,
) -> Step:
    """A record, unless none of its values came from the message."""

    def build(node: Node, run: Run) -> Any:
        before = run.found
        given = values_of(steps, node, run)
        if run.found == before and not always:
            return None
        for name in required:
            if name not in given:
                said = f"left out, because it has no {name}"
                run.add("warning", "required", said, target, "")
                return STOP
        return make(**given)

    return build


def values_of(steps: tuple[tuple[str, Step], ...], node: Node, run: Run) -> dict[str, Any]:
    """The values that the steps give, by field name."""
    given = {}
    for name, step in steps:
        value = step(node, run)
        if value is not None and value is not STOP:
            given[name] = value
    return given


def guarded(condition: Condition, step: Step) -> Step:
    """The step, if the condition holds."""
    return lambda node, run: step(node, run) if condition(node) else None


def flagged(step: Step, text: str, target: str, where: Where) -> Step:
    """The step, with an issue when it gives a value."""

    def flag(node: Node, run: Run) -> Any:
        value = step(node, run)
        if value is not None and value is not STOP:
            run.add("warning", "business-rule", text, target, where(node))
        return value

    return flag


def needed(step: Step, target: str, source: str) -> Step:
    """The step, with an error when it gives no value."""

    def need(node: Node, run: Run) -> Any:
        value = step(node, run)
        if value is None or value is STOP:
            run.add("error", "required", "a value is required here", target, source)
        return value

    return need

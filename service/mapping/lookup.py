"""Tables at work: from a sent text to a row's value, and what an unmapped text becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.formats.source import Node
from service.mapping.run import STOP, Finish, Run, Step, Where
from service.mapping.steps import values_of
from service.mapping.tables import BoundTable
from service.mapping.targets import Aim, Slot, slots_of

_NO_ROW = "the table {} has no row for this value"
Missing = Callable[[str, Node, Run], Any]


class _Unmapped(dict[str, Any]):
    """The attributes that stand for a text without a row."""


def looked_up(bound: BoundTable, aim: Aim, where: Where) -> Finish:
    """Return the finished value of a row."""
    slot, target = aim.slot, aim.target
    flag = (lambda text: slot.type(text=text)) if _has_text(slot) else (lambda text: STOP)
    missing = _missing(bound, bound.default_value, flag, target, where)
    return _finish(bound, bound.values, missing)


def completed(
    bound: BoundTable, aim: Aim, steps: tuple[tuple[str, Step], ...], where: Where
) -> Finish:
    """Return a row's attributes with those of a `set` where the row leaves them empty."""
    slot, target = aim.slot, aim.target
    required = tuple(name for name, inner in slots_of(slot.type).items() if inner.required)
    flag = (lambda text: _Unmapped(text=text)) if _has_text(slot) else (lambda text: STOP)
    missing = _missing(bound, bound.default, flag, target, where)
    look_up = _finish(bound, bound.attributes, missing)

    def finish(text: str, node: Node, run: Run) -> Any:
        attributes = look_up(text, node, run)
        if attributes is STOP:
            return STOP
        given = values_of(steps, node, run)
        if type(attributes) is _Unmapped and "text" in given:
            attributes = {"code": attributes["text"]}  # the sender has words for it
        given.update(attributes)
        for name in required:
            if name not in given:
                run.add("warning", "required", f"left out, because it has no {name}", target, "")
                return STOP
        return slot.type(**given) if given else STOP

    return finish


def _has_text(slot: Slot) -> bool:
    return slot.is_record and "text" in slots_of(slot.type)


def _finish(bound: BoundTable, values: Mapping[str, Any], missing: Missing) -> Finish:
    name, rows = bound.table.name, bound.table.rows

    def finish(text: str, node: Node, run: Run) -> Any:
        value = values.get(text)
        if value is None:
            text = text.strip()
            value = values.get(text)
            if value is None:
                return missing(text, node, run)
        if run.trace is not None:
            origin = rows[text].origin
            run.row = (name, origin.file, origin.line)
            run.trace.rows.add(origin)
        return value

    return finish


def _missing(
    bound: BoundTable, default: Any, flag: Callable[[str], Any], target: str, where: Where
) -> Missing:
    policy = bound.table.unmapped
    said = _NO_ROW.format(bound.table.name)

    def reject(text: str, node: Node, run: Run) -> Any:
        run.add("error", "code-invalid", said, target, where(node))
        return STOP

    def keep(text: str, node: Node, run: Run) -> Any:
        run.add("warning", "code-invalid", said, target, where(node))
        return flag(text)

    def substitute(text: str, node: Node, run: Run) -> Any:
        run.add(
            "information", "code-invalid", f"{said}; its default was taken", target, where(node)
        )
        return default

    return reject if policy == "reject" else keep if policy == "flag" else substitute

"""Where every value came from: collected only when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.formats.source import Node, Path
from service.mapping.condition import Condition
from service.mapping.run import STOP, Run, Step, Where
from service.mapping.spec import Origin, RuleSpec

LONGEST: Final = 300  # characters of a value that are shown
_VALUES: Final = ("value", "sent")


@dataclass(frozen=True, kw_only=True, slots=True)
class Traced:
    """One value of the record, and all that made it."""

    target: str  # e.g. "diagnoses[0].code"
    value: Any  # only for whoever may see the message
    source: str = ""  # place in the message; "" for a constant
    sent: tuple[str, ...] = ()  # what stands there; only for whoever may see the message
    converters: tuple[str, ...] = ()
    when: str = ""  # the condition under which the rule applied
    table: str = ""
    row: str = ""  # file and line of the table's row
    mapping: str = ""
    version: str = ""
    rule: str = ""  # file and line of the rule


@dataclass(kw_only=True, slots=True)
class Trace:
    """The values of one record in the order in which they were made."""

    entries: list[Traced] = field(default_factory=list)
    gave: set[Origin] = field(default_factory=set)  # rules that gave a value
    held: set[Origin] = field(default_factory=set)  # rules whose `when` held
    rows: set[Origin] = field(default_factory=set)  # rows of tables that were used

    def as_dicts(self, *, values: bool = False) -> list[dict[str, Any]]:
        """Return the entries as JSON objects, empty keys left out; values only if asked for."""
        return [_as_dict(entry, values=values) for entry in self.entries]

    def as_table(self, *, values: bool = True) -> list[tuple[str, ...]]:
        """Return rows of text, the first with the headings."""
        heading = ("Target", "Value", "Source", "By", "Rule")
        rows = [heading, *(_as_row(entry) for entry in self.entries)]
        return rows if values else [(row[0], *row[2:]) for row in rows]


def traced(  # noqa: PLR0917
    step: Step,
    rule: RuleSpec,
    target: str,
    paths: tuple[Path, ...],
    where: Where,
    mapping: tuple[str, str],
) -> Step:
    """The step, with an entry in the run's trace when it gives a value."""
    converters = tuple(converter.name for converter in rule.converters)
    place = f"{rule.origin.file}:{rule.origin.line}"

    def trace(node: Node, run: Run) -> Any:
        outer = run.without_row()
        value = step(node, run)
        if value is not None and value is not STOP and run.trace is not None:
            table, file, line = run.row or ("", "", 0)
            entry = Traced(
                target=run.named(target),
                value=value,
                source=where(node) if rule.paths else "",
                sent=tuple(map(shortened, _sent(node, rule, paths))),
                converters=converters,
                when=rule.when.text if rule.when else "",
                table=table,
                row=f"{file}:{line}" if table else "",
                mapping=mapping[0],
                version=mapping[1],
                rule=place,
            )
            run.trace.entries.append(entry)
            run.trace.gave.add(rule.origin)
        run.row = outer
        return value

    return trace


def noted(condition: Condition, rule: RuleSpec, step: Step) -> Step:
    """The guarded step, with a note in the run's trace that its condition held."""

    def note(node: Node, run: Run) -> Any:
        if run.trace is not None and condition(node):
            run.trace.held.add(rule.origin)
        return step(node, run)

    return note


def _sent(node: Node, rule: RuleSpec, paths: tuple[Path, ...]) -> Sequence[str]:
    """Return the texts that the rule was given: of every path where it joins, else of the first."""
    if not rule.paths:
        return ()
    found = [path.values(node) for path in paths]
    if rule.join is not None:
        return [text for texts in found for text in texts]
    return next(filter(None, found), ())


def shortened(text: str) -> str:
    """Return a text that fits on a screen: what is longer is cut, and its length is told."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _as_dict(entry: Traced, *, values: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in Traced.__dataclass_fields__:
        value = getattr(entry, name)
        if name == "value" and values:
            found[name] = shortened(shown(value))
        elif (values or name not in _VALUES) and value:
            found[name] = value
    return found


def _as_row(entry: Traced) -> tuple[str, ...]:
    when = [f"when {entry.when}"] if entry.when else []
    by = [
        *when,
        *entry.converters,
        *([f"table {entry.table} ({entry.row})"] if entry.table else ()),
    ]
    return (entry.target, shown(entry.value), entry.source, ", ".join(by), entry.rule)


def shown(value: Any) -> str:
    """Return a value as one line of text."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, tuple):
        return ", ".join(shown(item) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        given = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return ", ".join(f"{name} {shown(item)}" for name, item in given.items() if item)
    return str(value)

"""From rules as written to closures: paths, tables, converters and targets are checked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from service.formats.source import Format, Node, Path
from service.mapping import lookup, steps, texts
from service.mapping.condition import Condition
from service.mapping.conversion import KEPT, conversion
from service.mapping.coverage import Inner, Scope
from service.mapping.names import written_out
from service.mapping.numbers import only_number
from service.mapping.run import Finish, Step, Values, Where
from service.mapping.shared import Shared
from service.mapping.spec import Entry, Origin, Rules, RuleSpec, Text
from service.mapping.tables import Table
from service.mapping.targets import Aim, constant, slots_of
from service.mapping.trace import noted, traced
from service.yamlfile import Fault

PLACES_NAMED = 3  # in an issue
_NOWHERE = Path(text="", values=lambda _: (), nodes=lambda _: (), places=lambda _: ())


@dataclass(kw_only=True, slots=True)
class Compiler:
    """Compiles the rules of one mapping; collects every fault, and what is merely odd."""

    reader: Format
    zone: ZoneInfo
    tables: Mapping[str, Table]
    shared: Shared
    names: Mapping[str, str] = field(default_factory=dict)
    tracing: tuple[str, str] | None = None  # mapping and version, where values are traced
    faults: list[Fault] = field(default_factory=list)
    oddities: list[Fault] = field(default_factory=list)  # unreachable alternatives
    used: set[str] = field(default_factory=set)  # tables
    count: int = 0  # rules

    def record_steps(
        self, fields: Mapping[str, Entry], record: type, prefix: str, scope: Scope
    ) -> tuple[tuple[str, Step], ...]:
        """Return a step for each field of `record` that has rules."""
        found = []
        for name, slot in slots_of(record).items():
            aim = Aim(slot=slot, target=f"{prefix}{name}")
            below = _below(fields, name)
            if name in fields:
                found.append((name, self.rules(fields[name].rules or (), aim, scope)))
            elif below:
                found.append((name, self.record(below, aim, scope)))
        return tuple(found)

    def record(
        self, fields: Mapping[str, Entry], aim: Aim, scope: Scope, *, always: bool = False
    ) -> Step:
        """Return a step for a record whose fields have rules of their own."""
        record, origin = aim.slot.type, next(iter(fields.values())).origin
        required = tuple(name for name, slot in slots_of(record).items() if slot.required)
        missing = ", ".join(name for name in required if name not in fields)
        if missing:
            self.faults.append(origin.fault(f"{aim.target}: a {record.__name__} needs {missing}"))
        if not always and not any(_reads(entry.rules or ()) for entry in fields.values()):
            self.faults.append(origin.fault(f"{aim.target}: nothing of it comes from the message"))
        inner = self.record_steps(fields, record, f"{aim.item}.", scope)
        return steps.record(record, inner, required, aim.item, always=always)

    def rules(self, rules: Rules, aim: Aim, scope: Scope) -> Step:
        """Return the step of one target: the first that yields, or all items of a list."""
        made = tuple(self.rule(rule, aim, scope) for rule in rules)
        if not aim.slot.many:
            self.oddities += unreachable(rules)
        step = steps.concatenation(made) if aim.slot.many else steps.alternatives(made)
        if not any(rule.required for rule in rules):
            return step
        named = [path.text for rule in rules for path in (*rule.paths, *rule.each)]
        return steps.needed(step, aim.target, ", ".join(named[:PLACES_NAMED]))

    def rule(self, rule: RuleSpec, aim: Aim, scope: Scope) -> Step:
        """Return the step of one block."""
        self.count += 1
        paths = self.paths(rule.paths or rule.each, scope, leaves=bool(rule.paths))
        condition = self.condition(rule.when, scope)
        step = self.value(rule, aim, scope, paths)
        if self.tracing and (rule.paths or rule.const):
            step = traced(step, rule, aim.target, paths, where_of(paths), self.tracing)
        if rule.flag:
            step = steps.flagged(step, rule.flag, aim.target, where_of(paths))
        if condition:
            step = steps.guarded(condition, step)
            step = noted(condition, rule, step) if self.tracing else step
        if rule.otherwise:
            step = steps.alternatives((step, self.rules(rule.otherwise, aim, scope)))
        return step

    def value(self, rule: RuleSpec, aim: Aim, scope: Scope, paths: tuple[Path, ...]) -> Step:
        if rule.const:
            return self.constant(rule.const, aim, counts=rule.when is not None)
        if rule.each:
            return self.each(rule, aim, scope, paths)
        if rule.paths:
            return self.reading(rule, aim, scope, paths)
        step = self.record(rule.fields or {}, aim, scope)
        return steps.as_list(step) if aim.slot.many else step

    def constant(self, const: Text, aim: Aim, *, counts: bool) -> Step:
        try:
            value = constant(aim.slot, const.text)
        except ValueError as error:
            self.faults.append(const.origin.fault(f"{aim.target}: {error}"))
            return steps.alternatives(())
        return steps.constant_step((value,) if aim.slot.many else value, counts=counts)

    def each(self, rule: RuleSpec, aim: Aim, scope: Scope, paths: tuple[Path, ...]) -> Step:
        inner, asked = Scope(), Scope()
        item = self.record(rule.fields or {}, aim, inner)
        condition = self.condition(rule.where, asked)
        scope.inner.append(Inner(paths=paths, where=condition, asked=asked, scope=inner))
        nodes = texts.first_of(tuple(path.nodes for path in paths))
        step = steps.each(nodes, condition, item, aim.target, indexed=aim.slot.many)
        return step if aim.slot.many else steps.single_item(step, aim.target, where_of(paths))

    def reading(self, rule: RuleSpec, aim: Aim, scope: Scope, paths: tuple[Path, ...]) -> Step:
        values, where = _values(rule, tuple(path.values for path in paths)), where_of(paths)
        if rule.split and rule.split.take is None and rule.join is None and not aim.slot.many:
            said = f"{aim.target} takes one value: split it with take, or join it again"
            self.faults.append(rule.origin.fault(said))
        finish, flat = conversion(rule, aim, where, self.zone, self.faults)
        if aim.target == KEPT and finish and rule.join is None and not rule.table:
            every = tuple(_values(rule, (path.values,)) for path in paths)
            return only_number(every, finish, aim.target, where)
        if rule.table:
            finish = steps.then(finish, self.lookup(rule.table, rule.fields, aim, scope, where))
        if aim.slot.many:
            return steps.many(values, finish, aim.target, where, flat=flat)
        return steps.one(values, finish, aim.target, where)

    def lookup(
        self,
        name: Text,
        fields: Mapping[str, Entry] | None,
        aim: Aim,
        scope: Scope,
        where: Where,
    ) -> Finish:
        table = self.tables.get(name.text)
        if table is None:
            known = ", ".join(self.tables) or "none"
            self.faults.append(name.origin.fault(f"no table {name.text} here; known: {known}"))
            return lambda text, node, run: None
        self.used.add(name.text)
        bound = self.shared.bind(table, aim.slot, self.faults, completed=fields is not None)
        if fields is None:
            return lookup.looked_up(bound, aim, where)
        inner = self.record_steps(fields, aim.slot.type, f"{aim.target}.", scope)
        return lookup.completed(bound, aim, inner, where)

    def paths(self, named: Sequence[Text], scope: Scope, *, leaves: bool) -> tuple[Path, ...]:
        """Compile paths; `leaves` where their texts are wanted and not the places."""
        found = []
        for text in named:
            path = self.path(text.text, text.origin)
            if leaves:
                scope.paths.append(path)
            if leaves and path.structured:
                said = f"{text.text} has parts and no text of its own: name the part"
                self.faults.append(text.origin.fault(said))
            found.append(path)
        return tuple(found)

    def path(self, text: str, origin: Origin) -> Path:
        try:
            return self.shared.path(self.reader, written_out(text, self.names))
        except ValueError as error:
            self.faults.append(origin.fault(f"path {text}: {error}"))
            return _NOWHERE

    def condition(self, text: Text | None, scope: Scope) -> Condition | None:
        """Compile a condition; its paths count as read."""
        if text is None:
            return None
        try:
            asked = written_out(text.text, self.names)
            condition, read = self.shared.condition(self.reader, asked)
        except ValueError as error:
            self.faults.append(text.origin.fault(str(error)))
            return None
        scope.asked += read
        return condition


def unreachable(rules: Rules) -> Iterator[Fault]:
    """Yield the alternatives that never get their turn."""
    conditions: dict[str, int] = {}
    for before, rule in zip((None, *rules), rules, strict=False):
        if before and _always_yields(before):
            said = f"never reached: the rule in line {before.origin.line} always gives a value"
            yield rule.origin.fault(said)
        if rule.const and rule.when is None and rule.otherwise:
            yield rule.origin.fault("else is never reached beside const")
        if rule.const and rule.when:
            line = conditions.setdefault(rule.when.text, rule.origin.line)
            if line != rule.origin.line:
                yield rule.origin.fault(f"never reached: line {line} has the same condition")


def _below(fields: Mapping[str, Entry], name: str) -> dict[str, Entry]:
    """Return the entries for the fields of `name`, by what stands behind its dot."""
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): entry for key, entry in fields.items() if key.startswith(prefix)
    }


def _always_yields(rule: RuleSpec) -> bool:
    if rule.const is not None and rule.when is None:
        return True
    return rule.otherwise is not None and any(_always_yields(other) for other in rule.otherwise)


def _reads(rules: Rules) -> bool:
    """Whether the message has a say in what these rules give."""
    return any(
        rule.paths
        or rule.each
        or rule.when
        or (rule.fields and any(_reads(entry.rules or ()) for entry in rule.fields.values()))
        or (rule.otherwise and _reads(rule.otherwise))
        for rule in rules
    )


def _values(rule: RuleSpec, readers: tuple[Values, ...]) -> Values:
    """Return what reads the texts of a rule: from, split, join."""
    if rule.split:
        by, take = rule.split.by, rule.split.take
        readers = tuple(texts.parted(values, by, take) for values in readers)
    if rule.join is not None:
        return texts.joined(readers, rule.join)
    return texts.first_of(readers)


def where_of(paths: tuple[Path, ...]) -> Where:
    """Return what names the place of a value, or the paths where there is none."""

    def where(node: Node) -> str:
        for path in paths:
            places = list(dict.fromkeys(path.places(node)))
            if places:
                return ", ".join(places[:PLACES_NAMED])
        return ", ".join(path.text for path in paths[:PLACES_NAMED])

    return where

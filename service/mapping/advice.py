"""What is odd about mapping files without being wrong: each with its place, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Lookup
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from service.errors import UnmappableMessage
from service.formats.source import SourceMessage
from service.mapping.examples import Example, sender_of
from service.mapping.loading import Loaded
from service.mapping.mapping import Mapping
from service.mapping.spec import Entry, MappingSpec, Origin, Rules, RuleSpec
from service.mapping.tables import Table
from service.mapping.trace import Trace
from service.model import TransferOfCare

Level = Literal["warning", "hint"]  # a hint is told when it is asked for
_TOLD_TO = ("recipients", "requests", "patient.gp_practice", "encounter.discharged_to")
_HOUSEKEEPING = frozenset({"patient-update", "patient-merge"})
_NAME = re.compile(r"\{([a-z0-9-]+)\}")
_OF_RULES = frozenset({"rule-without-example", "when-never-holds"})
_MOST_NAMED = 8  # of a list in one text


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Advice:
    """One thing that is odd about a file."""

    file: str
    line: int = 1
    column: int = 1
    kind: str  # a short name, for programs
    text: str  # what is odd
    todo: str  # what to do about it
    level: Level = "warning"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.level}: {self.text}: {self.todo}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """What the examples of a whole folder make the rules do, by their places in the files."""

    gave: frozenset[Origin]  # rules that gave a value
    held: frozenset[Origin]  # rules whose `when` held
    rows: frozenset[Origin]  # rows of tables that were used
    issues: frozenset[Origin]  # doubts that were raised
    names: frozenset[str]  # names that a path or condition of some file asks for


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One message of an example as it ran, traced."""

    example: Example
    source: SourceMessage
    trace: Trace
    record: TransferOfCare | None  # None: it is refused


def run(loaded: Loaded) -> list[Ran]:
    """Run a mapping's examples once more, to see which rules they use."""
    mapping = loaded.mapping
    if mapping is None:
        return []
    return [
        _ran(mapping, example, source) for example in loaded.examples for source in example.sources
    ]


def _ran(mapping: Mapping, example: Example, source: SourceMessage) -> Ran:
    trace, record = Trace(), None
    with suppress(UnmappableMessage):  # what its rules gave before is in the trace
        record = mapping.apply(source, sender_of(mapping, source), trace)
    return Ran(example=example, source=source, trace=trace, record=record)


def coverage(ran: Sequence[tuple[Loaded, list[Ran]]]) -> Coverage:
    """Return what all examples of a folder use: a base's rules serve those that extend it."""
    every = [(loaded, one) for loaded, listed in ran for one in listed]
    loaded_files = [loaded for loaded, _ in ran]
    return Coverage(
        gave=frozenset(place for _, one in every for place in one.trace.gave),
        held=frozenset(place for _, one in every for place in one.trace.held),
        rows=frozenset(place for _, one in every for place in one.trace.rows),
        issues=frozenset(
            issue.origin
            for loaded, one in every
            if loaded.mapping
            for condition, issue, _ in loaded.mapping.program.issues
            if condition(one.source.root)
        ),
        names=frozenset(
            name
            for loaded in loaded_files
            if loaded.spec
            for text in _texts(loaded.spec)
            for name in _NAME.findall(text)
        ),
    )


def advise(loaded: Loaded, ran: list[Ran], covered: Coverage) -> list[Advice]:
    """Return what is odd about one file, in the order of its lines."""
    if loaded.spec is None or loaded.mapping is None or loaded.compiler is None:
        return []
    found = [
        *_of_alternatives(loaded),
        *_of_tables(loaded, covered),
        *_of_rules(loaded, covered),
        *_of_issues(loaded, covered),
        *_of_the_file(loaded.spec, loaded.file),
        *_of_names(loaded.spec, loaded.file, covered),
        *_of_examples(loaded, ran),
    ]
    idle = {_at(each) for each in found if each.kind == "unreachable"}
    return sorted(e for e in set(found) if e.kind not in _OF_RULES or _at(e) not in idle)


def _at(advice: Advice) -> tuple[int, int]:
    return advice.line, advice.column


def _advice(origin: Origin, kind: str, text: str, todo: str, level: Level = "warning") -> Advice:
    return Advice(
        file=origin.file,
        line=origin.line,
        column=origin.column,
        kind=kind,
        text=text,
        todo=todo,
        level=level,
    )


def _of_alternatives(loaded: Loaded) -> Iterator[Advice]:
    """Alternatives that never get their turn."""
    for fault in loaded.compiler.oddities if loaded.compiler else ():
        if fault.file == loaded.file:
            origin = Origin(file=fault.file, line=fault.line, column=fault.column)
            yield _advice(origin, "unreachable", fault.text, "take it out, or put it first")


def _of_tables(loaded: Loaded, covered: Coverage) -> Iterator[Advice]:
    spec, compiler = loaded.spec, loaded.compiler
    if spec is None or compiler is None:
        return
    for name, table in spec.tables.items():
        if table is None or table.origin.file != loaded.file:
            continue
        if name not in compiler.used:
            said = f"no rule uses the table {name}"
            yield _advice(table.origin, "unused-table", said, "name it in a rule, or take it out")
        elif unused := _unused_rows(compiler.tables[name], covered):
            said = f"no example uses {_named(unused)} of the table {name}"
            todo = "send an example with each code that matters"
            yield _advice(table.origin, "unused-row", said, todo, _level(loaded, "hint"))


def _unused_rows(table: Table, covered: Coverage) -> list[str]:
    return [sent for sent, row in table.rows.items() if row.origin not in covered.rows]


def _of_rules(loaded: Loaded, covered: Coverage) -> Iterator[Advice]:
    """Rules of the file itself that no example tries; of a base nobody expects all of them."""
    spec = loaded.spec
    for target, rule in _every_rule(spec.fields if spec else {}, ""):
        if rule.origin.file != loaded.file:
            continue
        if rule.when and rule.origin not in covered.held:
            said = f"{target}: its `when` holds in no example"
            todo = "add an example in which it does, or take the rule out"
            yield _advice(rule.when.origin, "when-never-holds", said, todo, _level(loaded))
        elif (rule.paths or rule.const) and rule.origin not in covered.gave:
            said = f"{target}: no example makes this rule give a value"
            todo = "add an example in which it does, or take the rule out"
            yield _advice(rule.origin, "rule-without-example", said, todo, _level(loaded))
        if rule.required and len(rule.paths) == 1 and rule.otherwise is None:
            said = f"{target}: without {rule.paths[0].text} every message is refused"
            todo = "name a second path or an else, if the sender may leave it out"
            yield _advice(rule.origin, "required-alone", said, todo, "hint")


def _level(loaded: Loaded, otherwise: Level = "warning") -> Level:
    """A base's own examples need not try all that serves its senders."""
    return "hint" if loaded.id.startswith("base/") else otherwise


def _of_issues(loaded: Loaded, covered: Coverage) -> Iterator[Advice]:
    for name, issue in loaded.spec.issues.items() if loaded.spec else ():
        if issue is None or issue.origin.file != loaded.file:
            continue
        if issue.origin not in covered.issues:
            said = f"the issue {name} is raised in no example"
            todo = "add an example that it is meant for"
            yield _advice(issue.origin, "issue-without-example", said, todo, _level(loaded))


def _of_the_file(spec: MappingSpec, file: str) -> Iterator[Advice]:
    if not spec.description:
        said = "there is no description: it is what a sender is told whose message is refused"
        yield _advice(spec.origin, "no-description", said, "say which messages it takes")
    if not any(target.startswith(_TOLD_TO) for target in spec.fields):
        said = "it sets neither recipients, nor requests, nor a GP practice"
        todo = "set one of them, or see that a rule of routing.yaml finds somebody"
        yield _advice(spec.origin, "no-recipients", said, todo)
    for ignored in spec.ignored:
        if ignored.named.origin.file == file and not ignored.named.text.strip("*"):
            said = "everything is ignored, so that nothing is listed as not read"
            yield _advice(ignored.named.origin, "ignores-all", said, "name what means nothing")


def _of_names(spec: MappingSpec, file: str, covered: Coverage) -> Iterator[Advice]:
    """Names of the file itself that nothing asks for."""
    for name, origin in spec.names_at.items():
        if origin.file == file and name not in covered.names:
            said = f"no rule asks for the name {name}"
            yield _advice(origin, "unused-name", said, "use it, or take it out")


def _texts(spec: MappingSpec) -> Iterator[str]:
    """Yield every path and condition of a file, and the meaning of every name."""
    yield from spec.names.values()
    yield spec.source.when.text if spec.source.when else ""
    yield from (ignored.named.text for ignored in spec.ignored)
    for issue in spec.issues.values():
        if issue:
            yield issue.when.text
            yield issue.source.text if issue.source else ""
    for _, rule in _every_rule(spec.fields, ""):
        yield from (text.text for text in (*rule.paths, *rule.each))
        yield from (text.text for text in (rule.when, rule.where) if text)


def _of_examples(loaded: Loaded, ran: list[Ran]) -> Iterator[Advice]:
    mapping, compiler = loaded.mapping, loaded.compiler
    if mapping is None or compiler is None:
        return
    for example in loaded.examples:
        unread = dict.fromkeys(at for source in example.sources for at in mapping.unread(source))
        if unread:
            said = f"in {example.name.text} no rule reads {', '.join(unread)}"
            todo = "add a rule, or name them under ignored"
            yield _advice(example.name.origin, "unread", said, todo)
    kinds = {one.record.kind for one in ran if one.record}
    missing = _kinds(loaded.spec.fields if loaded.spec else {}) - kinds - _HOUSEKEEPING
    if missing and loaded.spec:
        said = f"no example becomes {_named(sorted(missing))}"
        todo = "add one of each that the sender sends: a death and a withdrawal above all"
        yield _advice(loaded.spec.origin, "kind-without-example", said, todo, "hint")


def _kinds(fields: Lookup[str, Entry]) -> set[str]:
    """Return what the mapping can make of a message."""
    entry = fields.get("kind")
    rules = [rule for _, rule in _inside("kind", entry.rules or ())] if entry else []
    return {rule.const.text for rule in rules if rule.const}


def _every_rule(fields: Lookup[str, Entry], prefix: str) -> Iterator[tuple[str, RuleSpec]]:
    """Yield every block with its target, those inside `set` and `else` too."""
    for target, entry in fields.items():
        yield from _inside(f"{prefix}{target}", entry.rules or ())


def _inside(target: str, rules: Rules) -> Iterator[tuple[str, RuleSpec]]:
    for rule in rules:
        yield target, rule
        yield from _inside(target, rule.otherwise or ())
        yield from _every_rule(rule.fields or {}, f"{target}.")


def _named(names: Any) -> str:
    """Return a list in words, not all of it if it is long."""
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"

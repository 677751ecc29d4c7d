"""`extends`: one file laid over its base, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from service.mapping.names import with_own
from service.mapping.spec import Entry, IssueSpec, MappingSpec, Rules, SourceSpec, TableSpec
from service.mapping.targets import Slot, resolve
from service.model import TransferOfCare
from service.yamlfile import Fault

LETTERS = frozenset({"html", "pdf", "docx"})  # formats with the same language of paths
Fields = dict[str, Entry]
Named = TypeVar("Named", TableSpec, IssueSpec)


def extend(child: MappingSpec, base: MappingSpec | None) -> tuple[MappingSpec, list[Fault]]:
    """Return `child` with all that it inherits, or by itself where `base` is None.

    Targets are checked on the way; the result holds no null, and no set that only groups.
    """
    faults: list[Fault] = []
    fields: Fields = dict(base.fields) if base else {}
    for target, entry in _Own(faults).fields(child.fields, TransferOfCare, inside="").items():
        _lay(fields, target, entry, TransferOfCare, faults)
    tables = _laid(child, child.tables, base.tables if base else {}, faults)
    issues = _laid(child, child.issues, base.issues if base else {}, faults)
    if base and not _alike(_format(child.source), _format(base.source)):
        faults.append(child.source.origin.fault(f"the base {base.id} is of another format"))
    source = _over(child.source, base.source) if base else child.source
    return replace(
        child,
        source=source,
        names=with_own(base.names if base else {}, child.names),
        tables=tables,
        issues=issues,
        fields=fields,
        ignored=(*(base.ignored if base else ()), *child.ignored),
    ), faults


class _Own:
    """Checks and flattens what one file itself says."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults

    def fields(self, fields: Mapping[str, Entry], record: type, inside: str) -> Fields:
        """Return the entries by full dotted name below `record`; `inside` is for the faults."""
        found: Fields = {}
        for target, entry in fields.items():
            for name, flat in self.entry(target, entry, record, inside):
                self.check_once(name, flat, found)
                found[name] = flat
        return found

    def entry(
        self, target: str, entry: Entry, record: type, inside: str
    ) -> Iterator[tuple[str, Entry]]:
        try:
            slots = resolve(record, target)
        except ValueError as error:
            self.faults.append(entry.origin.fault(f"{inside}{error}"))
            return
        if entry.rules is None:
            yield target, entry
            return
        if inside and _list_inside(slots) is not None:
            self.faults.append(entry.origin.fault(f"{target} goes into a list: write its own set"))
        rules = self.rules(entry.rules, slots[-1], f"{inside}{target}")
        if len(rules) == 1 and rules[0].is_plain_set and not slots[-1].many:
            for name, below in (rules[0].fields or {}).items():
                yield f"{target}.{name}", below
        else:
            yield target, replace(entry, rules=rules)

    def rules(self, rules: Rules, slot: Slot, target: str) -> Rules:
        found = []
        for rule in rules:
            if rule.fields is not None:
                if slot.is_record:
                    fields = self.fields(rule.fields, slot.type, f"{target}: ")
                else:
                    self.faults.append(rule.origin.fault(f"{target} has no fields to set"))
                    continue
                rule = replace(rule, fields=fields)  # noqa: PLW2901
            if rule.otherwise is not None:
                otherwise = self.rules(rule.otherwise, slot, target)
                rule = replace(rule, otherwise=otherwise)  # noqa: PLW2901
            found.append(rule)
        return tuple(found)

    def check_once(self, name: str, entry: Entry, found: Fields) -> None:
        for other in found:
            if _overlap(name, other):
                line = found[other].origin.line
                said = f"{name} is set here and in line {line} ({other})"
                self.faults.append(entry.origin.fault(said))


def _lay(fields: Fields, target: str, entry: Entry, record: type, faults: list[Fault]) -> None:
    """Lay one entry over `fields`, in place."""
    slots = resolve(record, target)
    at = _list_inside(slots)
    if at is not None:
        names = target.split(".")
        listed, below = ".".join(names[: at + 1]), ".".join(names[at + 1 :])
        _lay_into_list(fields, listed, below, entry, slots[at].type, faults)
        return
    removed = [name for name in fields if _overlap(name, target)]
    for name in removed:
        del fields[name]
    if entry.rules is not None:
        fields[target] = entry
    elif not removed:
        faults.append(entry.origin.fault(f"{target}: the base has no such rule to remove"))


def _lay_into_list(  # noqa: PLR0917
    fields: Fields, listed: str, below: str, entry: Entry, record: type, faults: list[Fault]
) -> None:
    """Lay one entry over the `set` that makes the items of the list."""
    before = fields.get(listed)
    rules = list(before.rules or ()) if before else []
    sets = [at for at, rule in enumerate(rules) if rule.fields is not None]
    if before is None or len(sets) != 1:
        count = "no set" if not sets else "several sets"
        said = f"{listed}.{below} goes into a list, and the base has {count} for {listed}"
        faults.append(entry.origin.fault(said))
        return
    inner: Fields = dict(rules[sets[0]].fields or {})
    _lay(inner, below, entry, record, faults)
    rules[sets[0]] = replace(rules[sets[0]], fields=inner)
    fields[listed] = replace(before, rules=tuple(rules))


def _list_inside(slots: tuple[Slot, ...]) -> int | None:
    """Return which slot before the last is a list, if any."""
    return next((at for at, slot in enumerate(slots[:-1]) if slot.many), None)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _laid(
    child: MappingSpec,
    own: Mapping[str, Named | None],
    base: Mapping[str, Named | None],
    faults: list[Fault],
) -> dict[str, Named | None]:
    for name, entry in own.items():
        if entry is None and base.get(name) is None:
            faults.append(child.origin.fault(f"{name}: the base has no such entry to remove"))
    return {name: entry for name, entry in {**base, **own}.items() if entry is not None}


def _over(own: SourceSpec, base: SourceSpec) -> SourceSpec:
    """Return the source of a file, key by key over that of its base."""
    kept = {
        name: value
        for name in ("format", "when", "timezone", "charset", "letter")
        if (value := getattr(own, name)) is not None or name in own.cleared
    }
    senders = own.senders or (() if "sender" in own.cleared else base.senders)
    return replace(base, origin=own.origin, senders=senders, **kept)


def _alike(own: str, base: str) -> bool:
    """Whether a file may extend a base of that format: letters share their paths."""
    return own in {"", base} or {own, base} <= LETTERS


def _format(source: SourceSpec) -> str:
    return source.format.text if source.format else ""

"""From a mapping's spec, with all that it inherits, to a compiled `Mapping`."""

from __future__ import annotations

from collections.abc import Mapping as Lookup
from dataclasses import replace
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.errors import Issue
from service.formats.source import Format, LetterReader
from service.mapping.condition import Condition
from service.mapping.coverage import Ignored, Scope, place_pattern
from service.mapping.mapping import Mapping, Program
from service.mapping.rules import Compiler, where_of
from service.mapping.run import Where
from service.mapping.shared import Shared
from service.mapping.spec import Entry, IssueSpec, LetterSpec, MappingSpec, Text
from service.mapping.targets import RESERVED, Aim, slots_of
from service.model import Message, OdsCode, TransferOfCare
from service.yamlfile import Fault


def build(
    spec: MappingSpec, shared: Shared, formats: Lookup[str, Format]
) -> tuple[Mapping | None, Compiler | None, list[Fault]]:
    """Return the mapping and what compiled it, or the faults that stand in the way."""
    faults: list[Fault] = []
    reader, zone = _reader(spec, formats, faults), _zone(spec, faults)
    loaded = {name: shared.table(table, faults) for name, table in spec.tables.items() if table}
    senders, charset = _senders(spec, faults), _charset(spec.source.charset, faults)
    _check_targets(spec, faults)
    if reader is None or zone is None:
        return None, None, faults
    compiler = Compiler(reader=reader, zone=zone, tables=loaded, shared=shared, names=spec.names)
    program = _program(spec, compiler)
    condition = compiler.condition(spec.source.when, program.scope)
    faults += compiler.faults
    if faults:
        return None, compiler, faults
    when = spec.source.when.text if spec.source.when else ""
    mapping = Mapping(
        id=spec.id,
        version=spec.version,
        description=spec.description,
        format=reader.name,
        senders=senders,
        when=when,
        condition=condition,
        charset=charset,
        program=program,
        traced=cache(lambda: _traced(spec, compiler)),
        rules=compiler.count,
        notices=(_BASE_USED,) if spec.is_base else (),
    )
    return mapping, compiler, []


_BASE_USED = Issue(
    severity="information",
    code="informational",
    text="there is no mapping of this sender's own for this message: a base mapping was used",
    target="message",
)


def _traced(spec: MappingSpec, compiler: Compiler) -> Program:
    tracing = (spec.id, spec.version)
    return _program(spec, replace(compiler, tracing=tracing, faults=[], oddities=[], count=0))


def _program(spec: MappingSpec, compiler: Compiler) -> Program:
    scope = Scope()
    message = _below(spec.fields, "message")
    patient = _below(spec.fields, "patient") or {"nhs_number": _nothing(spec)}
    rest = {
        name: entry
        for name, entry in spec.fields.items()
        if name.partition(".")[0] not in ("message", "patient", *RESERVED)
    }
    aim = Aim(slot=slots_of(TransferOfCare)["patient"], target="patient")
    return Program(
        message=compiler.record_steps(message, Message, "message.", scope),
        patient=compiler.record(patient, aim, scope, always=True),
        rest=compiler.record_steps(rest, TransferOfCare, "", scope),
        issues=tuple(
            compiled
            for issue in spec.issues.values()
            if issue and (compiled := _issue(issue, compiler, scope))
        ),
        scope=scope,
        ignored=_ignored(spec, compiler),
    )


def _ignored(spec: MappingSpec, compiler: Compiler) -> Ignored:
    paths = [ignored.named for ignored in spec.ignored if not ignored.is_pattern]
    return Ignored(
        paths=compiler.paths(paths, Scope(), leaves=False),
        patterns=tuple(
            place_pattern(ignored.named.text) for ignored in spec.ignored if ignored.is_pattern
        ),
    )


def _nothing(spec: MappingSpec) -> Entry:
    return Entry(origin=spec.origin, rules=())


def _issue(
    issue: IssueSpec, compiler: Compiler, scope: Scope
) -> tuple[Condition, IssueSpec, Where] | None:
    condition = compiler.condition(issue.when, scope)
    source = (issue.source,) if issue.source else ()
    paths = compiler.paths(source, scope, leaves=False)
    return (condition, issue, where_of(paths)) if condition else None


def _check_targets(spec: MappingSpec, faults: list[Fault]) -> None:
    for target, entry in spec.fields.items():
        if target in RESERVED:
            faults.append(entry.origin.fault(RESERVED[target]))
        elif target in ("message", "patient"):
            faults.append(entry.origin.fault(f"{target} is set field by field: {target}.…"))
    if "kind" not in spec.fields:
        faults.append(spec.origin.fault("kind must be set"))
    if not _below(spec.fields, "patient"):
        faults.append(spec.origin.fault("nothing of the patient is set"))


def _below(fields: Lookup[str, Entry], name: str) -> dict[str, Entry]:
    prefix = f"{name}."
    return {
        target.removeprefix(prefix): entry
        for target, entry in fields.items()
        if target.startswith(prefix) and target not in RESERVED
    }


def _reader(spec: MappingSpec, formats: Lookup[str, Format], faults: list[Fault]) -> Format | None:
    named = spec.source.format
    if named is None:
        faults.append(spec.source.origin.fault("source.format is missing"))
        return None
    if named.text not in formats:
        known = ", ".join(formats)
        faults.append(named.origin.fault(f"there is no reader for {named.text}, only for {known}"))
        return None
    return _for_letters(formats[named.text], spec.source.letter, faults)


def _for_letters(reader: Format, letter: LetterSpec | None, faults: list[Fault]) -> Format:
    """Return a reader of letters as this mapping lays them out."""
    if not isinstance(reader, LetterReader):
        if letter:
            said = f"source.letter is for letters (html, pdf, docx), not for {reader.name}"
            faults.append(letter.origin.fault(said))
        return reader
    if letter is None:
        return reader.knowing((), (), ())
    try:
        return reader.knowing(letter.headings, letter.labels, letter.leave_out)
    except ValueError as error:
        faults.append(letter.origin.fault(f"source.letter: {error}"))
        return reader


def _zone(spec: MappingSpec, faults: list[Fault]) -> ZoneInfo | None:
    named = spec.source.timezone
    if named is None:
        said = "source.timezone is missing: no source is without a zone"
        faults.append(spec.source.origin.fault(said))
        return None
    try:
        return ZoneInfo(named.text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(named.origin.fault(f"there is no time zone {named.text}"))
        return None


def _senders(spec: MappingSpec, faults: list[Fault]) -> tuple[OdsCode, ...]:
    named = spec.source.senders
    if spec.is_base and named:
        faults.append(named[0].origin.fault("a base mapping has no sender"))
    if not spec.is_base and not named:
        faults.append(spec.source.origin.fault("source.sender is missing"))
    found = []
    for sender in named:
        try:
            found.append(OdsCode.parse(sender.text))
        except ValueError as error:
            faults.append(sender.origin.fault(f"source.sender: {error}"))
    return tuple(found)


def _charset(named: Text | None, faults: list[Fault]) -> str | None:
    if named is None:
        return None
    try:
        "".encode(named.text)
    except (LookupError, ValueError):
        faults.append(named.origin.fault(f"there is no character set {named.text}"))
    return named.text

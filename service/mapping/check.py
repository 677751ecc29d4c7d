"""What `check-mappings` tells: every fault, and what is merely odd."""

from __future__ import annotations

from collections.abc import Mapping as Lookup
from dataclasses import dataclass
from pathlib import Path

from service.formats.source import Format
from service.mapping.examples import Example
from service.mapping.loading import Loaded, load_folder
from service.mapping.mapping import Mapping
from service.yamlfile import Fault


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleReport:
    """One example: whether it became what it should, and what of it no rule reads."""

    name: str
    passed: bool
    unread: tuple[str, ...] = ()  # places in the message
    ignored: tuple[str, ...] = ()  # those that the file leaves out on purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingReport:
    """One mapping file."""

    id: str
    version: str = ""
    rules: int = 0  # how many, inherited ones included
    examples: tuple[ExampleReport, ...] = ()
    unreachable: tuple[Fault, ...] = ()  # alternatives that never get their turn
    unused_tables: tuple[str, ...] = ()  # declared in the file itself
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole mappings folder."""

    mappings: tuple[MappingReport, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every fault, each once, in the order of files and lines."""
        return tuple(sorted({fault for report in self.mappings for fault in report.faults}))


def check(folder: Path, *, formats: Lookup[str, Format]) -> Report:
    """Return what is wrong or odd about the mappings in `folder`; raises nothing for faults."""
    return Report(mappings=tuple(_report(one) for one in load_folder(folder, formats)))


def _report(loaded: Loaded) -> MappingReport:
    spec, mapping, compiler = loaded.spec, loaded.mapping, loaded.compiler
    if spec is None or mapping is None or compiler is None:
        return MappingReport(id=loaded.id, faults=tuple(loaded.faults))
    return MappingReport(
        id=mapping.id,
        version=mapping.version,
        rules=mapping.rules,
        examples=tuple(
            ExampleReport(
                name=example.name.text,
                passed=not _faults_of(loaded, example.name.text),
                **_left_out(mapping, example),
            )
            for example in loaded.examples
        ),
        unreachable=tuple(compiler.oddities),
        unused_tables=tuple(
            name
            for name, table in spec.tables.items()
            if table and table.origin.file == loaded.file and name not in compiler.used
        ),
        faults=tuple(loaded.faults),
    )


def _left_out(mapping: Mapping, example: Example) -> dict[str, tuple[str, ...]]:
    pairs = [mapping.left_out(source) for source in example.sources]
    return {
        "unread": tuple(dict.fromkeys(place for unread, _ in pairs for place in unread)),
        "ignored": tuple(dict.fromkeys(place for _, ignored in pairs for place in ignored)),
    }


def _faults_of(loaded: Loaded, example: str) -> list[Fault]:
    return [fault for fault in loaded.faults if fault.text.startswith(example)]

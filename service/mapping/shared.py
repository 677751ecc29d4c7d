"""What the mappings of one folder have in common, compiled once: paths, conditions, tables."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path as File

from service.formats.source import Format, Path
from service.mapping import tables
from service.mapping.condition import Condition, compile_condition
from service.mapping.spec import TableSpec
from service.mapping.tables import BoundTable, Table
from service.mapping.targets import Slot
from service.yamlfile import Fault

Compiled = tuple[Condition, tuple[Path, ...]]  # a condition and the paths that it reads


@dataclass(kw_only=True, slots=True)
class Shared:
    """One load's common parts. What is wrong with a part is told to each mapping that has it."""

    folder: File
    paths: dict[tuple[Format, str], Path] = field(default_factory=dict)
    conditions: dict[tuple[Format, str], Compiled] = field(default_factory=dict)
    tables: dict[int, tuple[TableSpec, Table, list[Fault]]] = field(default_factory=dict)
    bound: dict[tuple[int, Slot, bool], tuple[BoundTable, list[Fault]]] = field(
        default_factory=dict
    )

    def path(self, reader: Format, text: str) -> Path:
        """Return the compiled path. Raises ValueError."""
        key = (reader, text)
        if key not in self.paths:
            self.paths[key] = reader.compile_path(text)
        return self.paths[key]

    def condition(self, reader: Format, text: str) -> Compiled:
        """Return the compiled condition. Raises ValueError."""
        key = (reader, text)
        if key not in self.conditions:
            read: list[Path] = []

            def compile_path(named: str) -> Path:
                read.append(self.path(reader, named))
                return read[-1]

            condition = compile_condition(text, compile_path)
            self.conditions[key] = (condition, tuple(read))
        return self.conditions[key]

    def table(self, spec: TableSpec, faults: list[Fault]) -> Table:
        """Return the table with its rows; a base's table is the same for all that extend it."""
        if id(spec) not in self.tables:
            wrong: list[Fault] = []
            # the spec is kept, so that nothing else takes its id
            self.tables[id(spec)] = (spec, tables.load(spec, self.folder, wrong), wrong)
        _, table, wrong = self.tables[id(spec)]
        faults += wrong
        return table

    def bind(self, table: Table, slot: Slot, faults: list[Fault], *, completed: bool) -> BoundTable:
        """Return the table for a kind of target."""
        key = (id(table), slot, completed)
        if key not in self.bound:
            wrong: list[Fault] = []
            self.bound[key] = (tables.bind(table, slot, wrong, completed=completed), wrong)
        bound, wrong = self.bound[key]
        faults += wrong
        return bound


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the garbage collector: what is loaded stays, and looking through it costs half."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

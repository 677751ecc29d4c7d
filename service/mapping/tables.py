"""Code tables: rows in the mapping file or a CSV file, bound to the target that they fill."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from service.mapping.spec import Origin, Row, TableSpec, Text
from service.mapping.targets import Slot, constant, slots_of
from service.yamlfile import Fault, reason

MAX_FILE = 4 * 1024 * 1024  # bytes
KEY = "source"  # the column that holds what is sent
VALUE = "value"  # the column for targets that are no records


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """What one sent value becomes."""

    attributes: Mapping[str, str]
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table with its rows read."""

    name: str
    origin: Origin
    rows: Mapping[str, TableRow]
    system: str
    unmapped: Literal["flag", "reject"] | TableRow


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundTable:
    """A table for one target: what each sent value becomes there, made when it is loaded."""

    table: Table
    attributes: Mapping[str, Mapping[str, Any]]  # typed, for a record
    values: Mapping[str, Any]  # the finished record or single value; empty beside a `set`
    default: Mapping[str, Any] | None  # attributes of `unmapped: {value: …}`
    default_value: Any


def load(spec: TableSpec, folder: Path, faults: list[Fault]) -> Table:
    """Return the table; what is wrong with it is added to `faults`."""
    if spec.file:
        rows = dict(_read(spec.file, folder, faults))
    else:
        rows = {
            sent: TableRow(attributes=_attributes(row), origin=origin)
            for sent, (row, origin) in spec.rows.items()
        }
    unmapped = spec.unmapped
    return Table(
        name=spec.name,
        origin=spec.origin,
        rows=rows,
        system=spec.system,
        unmapped=TableRow(attributes=_attributes(unmapped[0]), origin=spec.origin)
        if isinstance(unmapped, tuple)
        else unmapped,
    )


def bind(table: Table, slot: Slot, faults: list[Fault], *, completed: bool) -> BoundTable:
    """Return the table for a target. `completed`: a `set` beside it gives more attributes."""
    wrong: list[Fault] = []
    attributes = {
        sent: _typed(table, row, slot, wrong, completed=completed)
        for sent, row in table.rows.items()
    }
    default = (
        _typed(table, table.unmapped, slot, wrong, completed=completed)
        if isinstance(table.unmapped, TableRow)
        else None
    )
    faults += wrong
    if completed or wrong:
        return BoundTable(
            table=table, attributes=attributes, values={}, default=default, default_value=None
        )
    return BoundTable(
        table=table,
        attributes=attributes,
        values={sent: _finished(slot, given) for sent, given in attributes.items()},
        default=default,
        default_value=None if default is None else _finished(slot, default),
    )


def _attributes(row: Row) -> Mapping[str, str]:
    return {VALUE: row} if isinstance(row, str) else row


def _finished(slot: Slot, given: Mapping[str, Any]) -> Any:
    return slot.type(**given) if slot.is_record else given[VALUE]


def _typed(
    table: Table, row: TableRow, slot: Slot, faults: list[Fault], *, completed: bool
) -> Mapping[str, Any]:
    """Return the attributes of a row as the target wants them."""
    try:
        if slot.is_record:
            return _record(table, row, slot, completed=completed)
        return {VALUE: _single(row, slot)}
    except ValueError as error:
        faults.append(row.origin.fault(f"table {table.name}: {error}"))
        return {}


def _single(row: TableRow, slot: Slot) -> Any:
    text = row.attributes.get(VALUE) or row.attributes.get("code")
    if text is None:
        raise ValueError(f"{slot.name} needs a column value or code")
    return constant(slot, text)


def _record(table: Table, row: TableRow, slot: Slot, *, completed: bool) -> Mapping[str, Any]:
    slots = slots_of(slot.type)
    given = dict(row.attributes)
    if VALUE in given and VALUE not in slots:
        given["code"] = given.pop(VALUE)
    if table.system and "code" in given:
        given.setdefault("system", table.system)
    for name in given:
        if name not in slots or slots[name].many or slots[name].is_record:
            raise ValueError(f"{slot.type.__name__} has no attribute {name} that a table can set")
    missing = [name for name, inner in slots.items() if inner.required and name not in given]
    if missing and not completed:
        raise ValueError(f"a {slot.type.__name__} needs {', '.join(missing)}")
    return {name: constant(slots[name], text) for name, text in given.items()}


def _read(file: Text, folder: Path, faults: list[Fault]) -> Iterator[tuple[str, TableRow]]:
    """Yield the rows of a CSV file."""
    name = file.text
    try:
        lines = _lines(folder, name)
    except (OSError, ValueError) as error:
        faults.append(file.origin.fault(f"{name} cannot be read: {reason(error)}"))
        return
    if not lines or not lines[0].startswith("#"):
        said = "the file begins with a line `# Source: …` that says where the table comes from"
        faults.append(Fault(file=name, text=said))
    # comments become empty lines, so that line numbers stay right
    reader = csv.reader(("" if line.startswith("#") else line for line in lines), strict=True)
    header: list[str] | None = None
    seen: dict[str, int] = {}
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            origin = Origin(file=name, line=reader.line_num)
            if header is None:
                header = _header(cells, origin, faults)
            elif row := _row(header, cells, origin, seen, faults):
                yield row
    except csv.Error as error:
        faults.append(Fault(file=name, line=reader.line_num, text=f"not CSV: {error}"))
    if header is None:
        faults.append(Fault(file=name, text="the file has no header line"))


def _lines(folder: Path, name: str) -> list[str]:
    if ".." in Path(name).parts:
        raise ValueError("it must lie in the tables folder")
    raw = (folder / name).read_bytes()
    if len(raw) > MAX_FILE:
        raise ValueError(f"it is larger than {MAX_FILE} bytes")
    return raw.decode("utf-8-sig").splitlines(keepends=True)


def _header(cells: list[str], origin: Origin, faults: list[Fault]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if KEY not in header:
        faults.append(origin.fault(f"there is no column {KEY}"))
    if len(set(header)) < len(header) or "" in header:
        faults.append(origin.fault("every column needs a name of its own"))
    if len(header) == 1:
        faults.append(origin.fault(f"there is no column beside {KEY}"))
    return header


def _row(
    header: list[str], cells: list[str], origin: Origin, seen: dict[str, int], faults: list[Fault]
) -> tuple[str, TableRow] | None:
    if len(cells) != len(header):
        said = f"the row has {len(cells)} cells and the header {len(header)}"
        faults.append(origin.fault(said))
        return None
    given = {name: text for name, cell in zip(header, cells, strict=True) if (text := cell.strip())}
    sent = given.pop(KEY, "")
    if not sent or not given:
        faults.append(origin.fault(f"the row needs a {KEY} and something that it becomes"))
        return None
    if sent in seen:
        said = f"{KEY} {sent} is here twice, first in line {seen[sent]}"
        faults.append(origin.fault(said))
        return None
    seen[sent] = origin.line
    return sent, TableRow(attributes=given, origin=origin)

"""Tables with a line of column names: their rows, and what stands in a column of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from service.formats.letters.known import Known
from service.formats.letters.labels import names_something
from service.formats.letters.layout import Cell, Row
from service.formats.letters.letter import Extent
from service.formats.letters.words import plain

NEAR: Final = 6.0  # points that a column's text may begin left of its name


def rows(extent: Extent, names: Sequence[str], known: Known) -> Iterator[Extent]:
    """Yield the rows below every line that has all these column names.

    A row goes on with the one before where its first column is empty; a cell across all columns
    is a note on it. The table ends at a heading, or where the columns end.
    """
    for at, row in enumerate(extent.rows):
        header = tuple(cell for cell in row.cells if cell.text)
        if len(header) > 1 and _has_columns(header, names):
            for entry in _entries(extent.rows, at, header, known):
                yield _entry(extent, entry, row, header)


def column(extent: Extent, names: frozenset[str]) -> Iterator[Extent]:
    """Yield what stands in the column of a row, over all its lines."""
    for at, cell in enumerate(extent.header):
        if plain(cell.text) in names:
            found = [
                Row(cells=(one,), region=row.region, apart=row.apart)
                for row in extent.rows
                if not _is_note(row, extent.header)
                for one in row.full
                if _column_of(one, row, extent.header) == at
            ]
            if found:
                yield extent.part(found)


def note(extent: Extent) -> Iterator[Extent]:
    """Yield what stands below a row, across its columns."""
    found = [row for row in extent.rows if _is_note(row, extent.header)]
    if found and extent.header:
        yield extent.part(found)


def _has_columns(header: Sequence[Cell], names: Sequence[str]) -> bool:
    present = {plain(cell.text) for cell in header}
    return all(plain(name) in present for name in names)


def _entries(
    rows_: Sequence[Row], at: int, header: tuple[Cell, ...], known: Known
) -> Iterator[list[Row]]:
    """Yield the rows of each entry."""
    entry: list[Row] = []
    for row in rows_[at + 1 :]:
        if not row.full:
            continue
        if _ends(row, rows_[at], header, known):
            break
        goes_on = _is_note(row, header) or _column_of(row.full[0], row, header) > 0
        if entry and not goes_on:
            yield entry
            entry = []
        entry = [*entry, row]
    if entry:
        yield entry


def _ends(row: Row, first: Row, header: Sequence[Cell], known: Known) -> bool:
    """Whether a row is no longer one of the table's."""
    if row.region != first.region or bool(row.table) != bool(first.table):
        return True
    if any(known.heading(one)[0] for cell in row.cells for one in cell.paragraphs):
        return True
    if names_something(row.full[0].paragraphs[0], known):
        return True
    if [plain(cell.text) for cell in row.full] == [plain(cell.text) for cell in header]:
        return True
    if not first.table:  # running text under the table reaches over its first column
        only = row.full[0] if len(row.full) == 1 else None
        return only is not None and only.left < header[1].left - NEAR < only.right
    return row.table != first.table and len(row.cells) != len(first.cells)


def _is_note(row: Row, header: Sequence[Cell]) -> bool:
    """Whether a row is one cell across the columns."""
    full = row.full
    wide = len(full) == 1 and len(header) > 1 and row.table > 0
    return wide and full[0].left <= header[0].left and full[0].right > header[1].left


def _column_of(cell: Cell, row: Row, header: Sequence[Cell]) -> int:
    """Return the column in which a cell begins."""
    near = 0 if row.table else NEAR
    return max((at for at, one in enumerate(header) if one.left <= cell.left + near), default=0)


def _entry(extent: Extent, entry: list[Row], header: Row, cells: tuple[Cell, ...]) -> Extent:
    names = [one for cell in header.cells for one in cell.paragraphs if one.text]
    part = extent.part(entry, *names)
    return Extent(letter=part.letter, rows=part.rows, named=part.named, header=cells)

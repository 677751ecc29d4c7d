"""Sections: a heading, and everything until the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from service.formats.letters.known import Known
from service.formats.letters.labels import names_something
from service.formats.letters.layout import Cell, Paragraph, Row
from service.formats.letters.letter import Extent
from service.formats.letters.words import Wildcard, plain


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heading:
    """A heading where it stands."""

    at: int  # of its row
    cell: int
    paragraph: int
    beside: str  # what stands on its own line


def sections(extent: Extent, known: Known) -> list[Extent]:
    """Return every section in its order, those without a text as well."""
    found: list[Extent] = extent.letter.index(extent, known, _sections)
    return found


def _sections(extent: Extent, known: Known) -> list[Extent]:
    rows = extent.rows
    headings = [found for at, row in enumerate(rows) for found in _headings(row, at, known)]
    found = []
    for number, heading in enumerate(headings):
        title = rows[heading.at].cells[heading.cell].paragraphs[heading.paragraph]
        follower = next((one.at for one in headings[number + 1 :] if one.at > heading.at), None)
        content = list(_content(rows, heading, follower, known))
        found.append(extent.part(content, title, title=_named(title, heading)))
    return found


def named(extent: Extent, names: Sequence[str], known: Known) -> Iterator[Extent]:
    """Yield the sections under headings with one of these names, if they have a text."""
    wanted = {plain(name) for name in names}
    patterns = [Wildcard.of(name) for name in names if "*" in name or "#" in name]
    for section in sections(extent, known):
        title = section.title.text if section.title else ""
        fits = plain(title) in wanted or any(pattern.fits(title) for pattern in patterns)
        if fits and section.text:
            yield section


def beginning(extent: Extent, known: Known) -> Extent:
    """Return what stands before the first heading."""
    for at, row in enumerate(extent.rows):
        if next(_headings(row, at, known), None):
            return extent.part(extent.rows[:at])
    return extent


def _named(title: Paragraph, heading: _Heading) -> Paragraph:
    """Return the heading without what stands beside it, and without its colon."""
    text = title.text.partition(":")[0] if heading.beside else title.text
    return replace(title, text=text.strip().rstrip(":").strip())


def _headings(row: Row, at: int, known: Known) -> Iterator[_Heading]:
    for c, cell in enumerate(row.cells):
        for p, paragraph in enumerate(cell.paragraphs):
            is_heading, beside = known.heading(paragraph)
            if is_heading:
                yield _Heading(at=at, cell=c, paragraph=p, beside=beside)


def _content(
    rows: Sequence[Row], heading: _Heading, follower: int | None, known: Known
) -> Iterator[Row]:
    """Yield the rows of a section, as far as `follower`, the row of the next heading."""
    row = rows[heading.at]
    own, is_last = _in_cell(row.cells[heading.cell], heading, known)
    if own.text:
        yield replace(row, cells=(own,), table=0)
    others = [cell for at, cell in enumerate(row.cells) if at != heading.cell and cell.text]
    below = rows[heading.at + 1 : follower] if is_last else ()
    if not others:
        yield from (one for one in below if one.region == row.region)
    elif is_last and not own.text:
        beside = _right_of(row, heading, known)
        if beside:
            yield replace(row, cells=beside)
            yield from takewhile(lambda one: _goes_on(row, heading, one), below)


def _goes_on(row: Row, heading: _Heading, below: Row) -> bool:
    """Whether a row of a table goes on with what stands beside a heading."""
    column = row.cells[heading.cell].left
    under = [cell for cell in below.cells if cell.left <= column < cell.right]
    return row.table == below.table > 0 and not any(cell.text for cell in under)


def _in_cell(cell: Cell, heading: _Heading, known: Known) -> tuple[Cell, bool]:
    """Return what stands under a heading in its own cell, and whether it is the last one there."""
    title = cell.paragraphs[heading.paragraph]
    found = [replace(title, text=heading.beside, styled=False)] if heading.beside else []
    for paragraph in cell.paragraphs[heading.paragraph + 1 :]:
        if known.heading(paragraph)[0]:
            return replace(cell, paragraphs=tuple(found)), False
        found.append(paragraph)
    return replace(cell, paragraphs=tuple(found)), True


def _right_of(row: Row, heading: _Heading, known: Known) -> tuple[Cell, ...]:
    """Return the cells right of a heading, as far as none names something itself."""
    if heading.cell > 0 and any(_has_heading(cell, known) for cell in row.cells[: heading.cell]):
        return tuple(_unnamed(row.cells[heading.cell + 1 : heading.cell + 2], known))
    return tuple(_unnamed(row.cells[heading.cell + 1 :], known))


def _unnamed(cells: Sequence[Cell], known: Known) -> Iterator[Cell]:
    for cell in cells:
        if not cell.text or any(names_something(one, known) for one in cell.paragraphs):
            return
        yield cell


def _has_heading(cell: Cell, known: Known) -> bool:
    return any(known.heading(paragraph)[0] for paragraph in cell.paragraphs)

"""Sections: a heading, and everything until the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from service.formats.letters.known import Known
from service.formats.letters.labels import pieces
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
    if others and (heading.cell > 0 or any(_has_heading(cell, known) for cell in others)):
        if not own.text and is_last:
            yield from _right_of(row, heading, known)
        return
    if others and not own.text:
        yield replace(row, cells=tuple(others))
    if is_last:
        below = rows[heading.at + 1 : follower]
        yield from (one for one in below if one.region == row.region)


def _in_cell(cell: Cell, heading: _Heading, known: Known) -> tuple[Cell, bool]:
    """Return what stands under a heading in its own cell, and whether it is the last one there."""
    title = cell.paragraphs[heading.paragraph]
    found = [replace(title, text=heading.beside, styled=False)] if heading.beside else []
    for paragraph in cell.paragraphs[heading.paragraph + 1 :]:
        if known.heading(paragraph)[0]:
            return replace(cell, paragraphs=tuple(found)), False
        found.append(paragraph)
    return replace(cell, paragraphs=tuple(found)), True


def _right_of(row: Row, heading: _Heading, known: Known) -> Iterator[Row]:
    """Yield the next cell, where it names nothing itself."""
    follower = row.cells[heading.cell + 1 : heading.cell + 2]
    if not follower or not follower[0].text or _has_heading(follower[0], known):
        return
    texts = (one.text for one in follower[0].paragraphs)
    if not any(piece.label for text in texts for piece in pieces(text, known)):
        yield replace(row, cells=follower)


def _has_heading(cell: Cell, known: Known) -> bool:
    return any(known.heading(paragraph)[0] for paragraph in cell.paragraphs)

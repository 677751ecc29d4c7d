"""Values by their labels: beside one, on its line or in the next cell; or under one.

A text that is a known label, ends with a colon or is a heading is never a value. Where it cannot
be told which value belongs to a label there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.formats.letters.known import Known
from service.formats.letters.layout import GAP, Cell, Paragraph, Row, text_of
from service.formats.letters.letter import Extent
from service.formats.letters.words import plain

INDENT: Final = 8.0  # points: what begins further right than its label goes on with its value
NEAR: Final = 20.0  # points: what begins this near to a label stands under it
_COLON: Final = re.compile(r"\s*(?:(?<!\d)[:\uff1a]+|[:\uff1a]+(?!\d\d\b))")  # not that of a time
_BLANKS: Final = re.compile(r"\s+")
MOST_COLONS: Final = 500  # of a line that is looked through for labels
_UNKNOWN_LABEL: Final = re.compile(r"[A-Z][\w /.'()-]{0,40}:(?:\s|$)")
LONGEST_LABEL: Final = 200  # characters
LOOK_BACK: Final = 40  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a paragraph: a label with what follows it, or a text without one."""

    label: str  # as compared; "" where there is none
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A label where it stands."""

    at: int  # of its row
    cell: int
    paragraph: int
    text: str  # what follows it on its line
    name: str  # as compared


def pieces(text: str, known: Known) -> list[Piece]:
    """Part a paragraph at its known labels."""
    found: list[Piece] = []
    for segment in text.split(GAP):
        found += _in_segment(segment.strip(), known)
    return found


def beside(extent: Extent, names: frozenset[str], known: Known) -> Iterator[Extent]:
    """Yield the value of every label with one of these names; each is made once a letter."""
    made = extent.letter.index(extent, known, _none_yet)
    for name in sorted(names):
        if name not in made:
            made[name] = list(_beside(extent, name, known))
        yield from made[name]


def _none_yet(extent: Extent, known: Known) -> dict[str, list[Extent]]:
    """Return where the values of labels are kept once they were asked for."""
    return {}


def _beside(extent: Extent, name: str, known: Known) -> Iterator[Extent]:
    for found in _labels(extent, frozenset((name,)), known):
        row = extent.rows[found.at]
        label = row.cells[found.cell].paragraphs[found.paragraph]
        rows = _value(extent.rows, found, known)
        if any(row.text for row in rows):
            yield extent.part(rows, label, title=_title(label, found.name))


def under(extent: Extent, names: frozenset[str], known: Known) -> Iterator[Extent]:
    """Yield what stands in the row below every label, in its column."""
    for found in _labels(extent, names, known):
        row, below = extent.rows[found.at], extent.rows[found.at + 1 : found.at + 2]
        cell = row.cells[found.cell]
        if found.text or len(text_of(cell.paragraphs).split("\n")) > 1 or not below:
            continue
        value = _cell_below(row, cell, below[0])
        if value and not _leads_on(value, known):
            label = cell.paragraphs[found.paragraph]
            rows = [Row(cells=(value,), region=row.region)]
            yield extent.part(rows, label, title=_title(label, found.name))


def names_something(paragraph: Paragraph, known: Known) -> bool:
    """Whether it is a heading, begins with a known label, or ends as labels do."""
    text = paragraph.text.strip()
    if not text:
        return False
    first = pieces(text, known)[0]
    return bool(first.label) or text.endswith(":") or known.heading(paragraph)[0]


def _in_segment(segment: str, known: Known) -> Iterator[Piece]:
    if plain(segment) in known.labels:
        yield Piece(label=plain(segment), text="")
        return
    label, begin = "", 0
    colons = _COLON.finditer(segment) if segment.count(":") < MOST_COLONS else ()
    for colon in colons:
        start, name = _label_before(segment, begin, colon.start(), known)
        if not name or not _stands_apart(segment[max(begin, start - LOOK_BACK) : start]):
            continue
        if label or segment[begin:start].strip():
            yield Piece(label=label, text=segment[begin:start].strip(" ,;|"))
        label, begin = name, colon.end()
    yield Piece(label=label, text=segment[begin:].strip())


def _label_before(segment: str, begin: int, end: int, known: Known) -> tuple[int, str]:
    """Return where the longest known label that ends here begins, and the label."""
    first = max(begin, end - LONGEST_LABEL)
    last = segment[first:end].split()[-1:]
    if not last or not known.may_end(plain(last[0])):
        return end, ""
    starts = [first + blank.end() for blank in _BLANKS.finditer(segment[first:end])]
    for start in [begin, *starts] if first == begin else starts:
        name = plain(segment[start:end])
        if name in known.labels:
            return start, name
    return end, ""


def _stands_apart(before: str) -> bool:
    """Whether a label may follow this: "9990000018 DOB:" yes, "Admission Date:" is one label."""
    last = before.rstrip()[-1:]
    return not last or last.isdigit() or last in ",;|)."


def _labels(extent: Extent, names: frozenset[str], known: Known) -> Iterator[_Found]:
    index = extent.letter.index(extent, known, _by_label)
    for name in sorted(names):
        yield from index.get(name, ())


def _by_label(extent: Extent, known: Known) -> dict[str, list[_Found]]:
    """Return where every known label stands."""
    index: dict[str, list[_Found]] = {}
    for at, row in enumerate(extent.rows):
        for c, cell in enumerate(row.cells):
            for p, paragraph in enumerate(cell.paragraphs):
                for piece, after in _with_next(paragraph, known):
                    text = piece.text or after
                    found = _Found(at=at, cell=c, paragraph=p, text=text, name=piece.label)
                    if piece.label:
                        index.setdefault(piece.label, []).append(found)
    return index


def _with_next(paragraph: Paragraph, known: Known) -> Iterator[tuple[Piece, str]]:
    """Yield the pieces of a paragraph, each with the text that follows it beyond a gap."""
    found = pieces(paragraph.text, known)
    for at, piece in enumerate(found):
        follower = found[at + 1] if at + 1 < len(found) else None
        taken = follower and not follower.label and not follower.text.endswith(":")
        yield piece, (follower.text if follower and taken else "")


def _value(rows: Sequence[Row], found: _Found, known: Known) -> list[Row]:
    """Return the rows of a label's value; none where nothing is beside it."""
    row = rows[found.at]
    cell = row.cells[found.cell]
    label = cell.paragraphs[found.paragraph]
    rest = list(_until_named(cell.paragraphs[found.paragraph + 1 :], known))
    if found.text:
        first = Paragraph(text=found.text, place=label.place, element=label.element)
        return _with_more(rows, found, replace_cell(cell, [first, *rest]), known)
    if _is_last_piece(label, known) and text_of(rest):
        return _with_more(rows, found, replace_cell(cell, rest), known)
    value = _stacked(row, found, known)
    if value is None:
        value = _next_cell(row, found, known)
    return _with_more(rows, found, value, known)


def replace_cell(cell: Cell, paragraphs: Sequence[Paragraph]) -> Cell:
    """Return a cell in the place of another."""
    return Cell(paragraphs=tuple(paragraphs), left=cell.left, right=cell.right)


def _title(label: Paragraph, name: str) -> Paragraph:
    """Return a label as it is written, where nothing stands before it on its line."""
    written = label.text.split(GAP)[0].partition(":")[0].strip()
    text = written if plain(written) == name else name
    return replace(label, text=text, styled=False)


def _until_named(paragraphs: Sequence[Paragraph], known: Known) -> Iterator[Paragraph]:
    for paragraph in paragraphs:
        if names_something(paragraph, known):
            return
        yield paragraph


def _is_last_piece(label: Paragraph, known: Known) -> bool:
    last = pieces(label.text, known)[-1]
    return bool(last.label) and not last.text


def _stacked(row: Row, found: _Found, known: Known) -> Cell | None:
    """Return the line beside a label where labels stand above each other in one cell.

    None if they do not; an empty cell if the lines beside them are not as many.
    """
    cell = row.cells[found.cell]
    lines = [one for one in cell.paragraphs if one.text.strip()]
    if len(lines) == 1 or not all(_is_last_piece(one, known) for one in lines):
        return None
    values = [one for cell in row.cells[found.cell + 1 : found.cell + 2] for one in cell.paragraphs]
    if len(values) != len(lines):
        return replace_cell(cell, ())
    at = lines.index(cell.paragraphs[found.paragraph])
    return replace_cell(row.cells[found.cell + 1], [values[at]])


def _next_cell(row: Row, found: _Found, known: Known) -> Cell:
    """Return the cell to the right, unless that names something itself; else an empty one."""
    follower = row.cells[found.cell + 1 : found.cell + 2]
    if not follower or _leads_on(follower[0], known):
        return replace_cell(row.cells[found.cell], ())
    if not row.table and _UNKNOWN_LABEL.match(follower[0].text):
        return replace_cell(row.cells[found.cell], ())  # a pair of its own, beyond a gap
    return replace_cell(follower[0], list(_until_named(follower[0].paragraphs, known)))


def _leads_on(cell: Cell, known: Known) -> bool:
    """Whether a cell begins with a label or heading of its own."""
    first = next((one for one in cell.paragraphs if one.text.strip()), None)
    return first is not None and names_something(first, known)


def _with_more(rows: Sequence[Row], found: _Found, value: Cell, known: Known) -> list[Row]:
    """Return the value with the rows below that go on with it."""
    row = rows[found.at]
    label = row.cells[found.cell]
    taken = [Row(cells=(value,), region=row.region)] if value.text else []
    if len([one for one in label.paragraphs if one.text.strip()]) > 1 and label is not value:
        return taken  # several things in the label's own cell: what is below it is not told
    limit = _limit(row, found.cell, value)
    for below in rows[found.at + 1 :]:
        more = _goes_on(row, label, value, below, limit)
        if more is None or any(names_something(one, known) for one in more.paragraphs):
            break
        taken.append(Row(cells=(more,), region=row.region, apart=below.apart))
    return taken


def _limit(row: Row, at: int, value: Cell) -> float:
    """Return where the next thing in the row begins: what is below that is not the label's."""
    rest = [cell.left for cell in row.cells[at + 1 :] if cell.text and cell.left > value.left]
    return min(rest, default=float("inf"))


def _goes_on(row: Row, label: Cell, value: Cell, below: Row, limit: float) -> Cell | None:
    """Return the cell of the next row that goes on with the value, if one does.

    In a table, the cell of its column, where the label's column is empty; else what begins
    further right than the label, where nothing stands under the label itself.
    """
    if below.table != row.table or below.region != row.region:
        return None
    if row.table:
        same = [cell for cell in below.cells if cell.left == value.left and cell.text]
        first = [cell for cell in below.cells if cell.left <= label.left < cell.right]
        empty = label.left != value.left and all(not cell.text for cell in first)
        return same[0] if same and first and empty else None
    if any(abs(cell.left - label.left) < INDENT for cell in below.full):
        return None
    more = [cell for cell in below.full if label.left + INDENT <= cell.left < limit]
    return more[0] if len(more) == 1 else None


def _cell_below(row: Row, cell: Cell, below: Row) -> Cell | None:
    """Return the cell of the next row that stands in the same column."""
    if below.region != row.region or bool(below.table) != bool(row.table):
        return None
    if row.table:
        found = [one for one in below.full if one.left == cell.left]
    else:
        found = [one for one in below.full if abs(one.left - cell.left) <= NEAR]
    return found[0] if len(found) == 1 else None

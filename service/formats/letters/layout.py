"""How a letter is laid out, whatever file it came in: rows of cells of paragraphs, top to bottom.

A line of running text is a row of one cell; what stands side by side (the cells of a table, or
parts of a line with a wide gap between them) is a row of several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

GAP: Final = "\t"  # within a paragraph: a gap too wide for a blank
COLUMNS: Final = 2  # with more cells a row is one of a list, and each of them short
BODY: Final = 1  # the region of the text itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """A line or paragraph: its text, blanks normalised, and where it stands."""

    text: str
    place: str  # e.g. "page 1, line 7", "table 2, row 3, cell 1", "/html/body/p[2]"
    styled: bool = False  # it looks like a heading: its style, bold, or larger than the rest
    element: Any = None  # HTML: the block that it is

    def without(self, start: int) -> Paragraph:
        """Return what stands from character `start` on."""
        return replace(self, text=self.text[start:].strip(), styled=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What stands in one place of a row. `left`, `right`: columns of a table, points of a page."""

    paragraphs: tuple[Paragraph, ...]
    left: float = 0
    right: float = 1

    @property
    def text(self) -> str:
        """Return its lines, single blank lines kept."""
        return text_of(self.paragraphs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Cells side by side."""

    cells: tuple[Cell, ...]
    table: int = 0  # number of the table that it is a row of; 0: none, `left` is in points
    region: int = BODY  # page headers and footnotes of DOCX are regions of their own
    apart: bool = True  # there is space above it: it does not go on with the line before

    @property
    def full(self) -> list[Cell]:
        """Return the cells with something in them."""
        return [cell for cell in self.cells if cell.text]

    @property
    def text(self) -> str:
        """Return the row as a person would write it in one line."""
        joined, full = "", self.full
        for text in (cell.text for cell in full):
            if len(full) > COLUMNS:
                text = " ".join(text.split("\n"))  # noqa: PLW2901
            between = " " if joined.endswith(":") else " | " if self.table else "  "
            joined = f"{joined}{between}{text}" if joined else text
        return joined


def text_of(paragraphs: Sequence[Paragraph]) -> str:
    """Return paragraphs as lines; of blank ones in a row, one, and none at the ends."""
    lines: list[str] = []
    for paragraph in paragraphs:
        text = paragraph.text.replace(GAP, " ").strip()
        if text or (lines and lines[-1]):
            lines.append(text)
    return "\n".join(lines).strip("\n")


def paragraphs_of(rows: Sequence[Row]) -> Iterator[Paragraph]:
    """Yield every paragraph that has a text."""
    for row in rows:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                if paragraph.text.strip():
                    yield paragraph


def line(paragraph: Paragraph, *, region: int = BODY) -> Row:
    """Return running text as a row."""
    return Row(cells=(Cell(paragraphs=(paragraph,)),), region=region)

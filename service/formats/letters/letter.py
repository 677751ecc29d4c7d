"""`Letter`: a letter as read, and `Extent`: a part of it, where paths go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Final

from service.errors import Issue
from service.formats.letters.known import Known
from service.formats.letters.layout import Cell, Paragraph, Row, paragraphs_of

Render = Callable[[Any], list[Row]]  # an element of an HTML page, laid out
Indexing = Callable[["Extent", Known], Any]
_NO_RENDERING: Final[Render] = lambda _: []  # noqa: E731 - only HTML has elements


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One letter: a `SourceMessage` that is known by its content."""

    message_type: ClassVar[str] = "letter"
    namespace: ClassVar[tuple[str, ...]] = ()
    claimed_sender: ClassVar[str] = ""  # a letterhead is no proof: the mapping says whose it is

    format: str
    raw: bytes = field(repr=False)
    rows: tuple[Row, ...]
    issues: tuple[Issue, ...] = ()
    charset_guessed: bool = False
    tree: Any = None  # HTML: the document
    render: Render = _NO_RENDERING
    arranged: dict[Known, Extent] = field(default_factory=dict, repr=False)
    indexes: dict[tuple[int, Known, Indexing], Any] = field(default_factory=dict, repr=False)

    @cached_property
    def message_id(self) -> str:
        """The digest of its bytes."""
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    @property
    def root(self) -> Extent:
        """The whole letter."""
        return Extent(letter=self, rows=self.rows, element=self.tree)

    def seen_by(self, known: Known) -> Extent:
        """Return the letter without the lines that a mapping leaves out."""
        if known not in self.arranged:
            rows = self.as_known(self.rows, known)
            self.arranged[known] = Extent(letter=self, rows=rows, element=self.tree)
        return self.arranged[known]

    def as_known(self, rows: Sequence[Row], known: Known) -> tuple[Row, ...]:
        """Return rows without those left out, headings marked by the mapping's selectors."""
        kept = [row for one in rows if (row := known.without_left_out(one))]
        if known.selectors and self.tree is not None:
            chosen = {element for selector in known.selectors for element in selector(self.tree)}
            kept = [_marked(row, chosen, by_form=known.by_form) for row in kept]
        return tuple(kept)

    def index(self, extent: Extent, known: Known, make: Indexing) -> Any:
        """Return what `make` makes of an extent, made once."""
        rows = extent.rows
        key = (id(rows), known, make)
        if key not in self.indexes:
            self.indexes[key] = (rows, make(extent, known))  # kept: no other rows get their id
        return self.indexes[key][1]

    def leaves(self) -> Iterator[str]:
        """Yield the place of every paragraph."""
        for paragraph in paragraphs_of(self.rows):
            yield paragraph.place


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """A part of a letter: rows, and what led to them."""

    letter: Letter
    rows: tuple[Row, ...]
    title: Paragraph | None = None  # the heading that it stands under
    named: tuple[str, ...] = ()  # places of labels and headings that were read on the way
    header: tuple[Cell, ...] = ()  # of the table that it is a row of
    element: Any = None  # HTML: the element that it is, if it is one

    @property
    def is_whole(self) -> bool:
        """Whether it is the letter as it was read."""
        return self.rows is self.letter.rows

    @property
    def text(self) -> str:
        """Return its text, line by line."""
        lines: list[str] = []
        for row in self.rows:
            text = row.text
            if text or (lines and lines[-1]):
                lines.append(text)
        return "\n".join(lines).strip("\n")

    @property
    def place(self) -> str:
        """Return where it begins."""
        return next((paragraph.place for paragraph in paragraphs_of(self.rows)), "")

    @property
    def places(self) -> list[str]:
        """Return the places of all that it is made of."""
        return [*self.named, *(paragraph.place for paragraph in paragraphs_of(self.rows))]

    def part(
        self, rows: Sequence[Row], *named: Paragraph, title: Paragraph | None = None
    ) -> Extent:
        """Return some of it, to which the paragraphs `named` led."""
        places = tuple(paragraph.place for paragraph in named)
        return Extent(letter=self.letter, rows=tuple(rows), title=title, named=places)


def _marked(row: Row, chosen: set[Any], *, by_form: bool) -> Row:
    """Return the row with its headings marked."""
    cells = tuple(
        replace(
            cell,
            paragraphs=tuple(
                replace(one, styled=(one.styled and by_form) or _is_within(one.element, chosen))
                for one in cell.paragraphs
            ),
        )
        for cell in row.cells
    )
    return replace(row, cells=cells)


def _is_within(element: Any, chosen: set[Any]) -> bool:
    """Whether a block, or one round it in the same cell, was chosen."""
    while element is not None:
        if element in chosen:
            return True
        if element.tag in {"td", "th", "tr", "table", "body"}:
            return False
        element = element.getparent()
    return False

"""A page laid out: which texts stand below and beside each other, tables within tables included."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from service.formats.letters.layout import GAP, Cell, Paragraph, Row, line

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BOLD: Final = frozenset({"b", "strong"}) | _HEADINGS
_SKIPPED: Final = frozenset(
    {"script", "style", "head", "noscript", "template", "iframe", "object", "svg", "title"}
)
_BLOCKS: Final = (
    frozenset(
        {
            *(
                "html",
                "body",
                "p",
                "div",
                "ul",
                "ol",
                "dl",
                "dt",
                "dd",
                "blockquote",
                "pre",
                "center",
            ),
            *("address", "article", "aside", "section", "header", "footer", "main", "nav", "form"),
            *(
                "fieldset",
                "legend",
                "figure",
                "figcaption",
                "hr",
                "li",
                "td",
                "th",
                "tr",
                "caption",
            ),
        }
    )
    | _HEADINGS
)
_HIDDEN: Final = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")
_WIDE: Final = re.compile(
    r"(?<![ \t\r\n])[ \t\r\n]*+(?:\u00a0[ \t\r\n]*+){3,}"
)  # a gap made of hard blanks
_MAX_SPAN: Final = 100  # columns or rows


class Page:
    """A parsed page, and the place of each of its blocks."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.hides = False
        self._places: dict[Any, str] = {}
        self._items: dict[Any, int] = {}  # numbered so far, by list
        self._numbers: dict[Any, int] = {}  # of items
        self._tables = 0
        self._paragraphs = 0

    def rows(self) -> list[Row]:
        """Return the rows of the whole page."""
        return self.render(self.root)

    def render(self, element: Any) -> list[Row]:
        """Return the rows of one element."""
        if element.tag == "table":
            return self._table(element)
        if element.tag == "dl" and _holds_terms_alone(element):
            number, terms = self._number(), enumerate(_terms(element), 1)
            return [row for at, pair in terms for row in self._row(element, pair, number, at)]
        if element.tag == "tr":
            return self._row(element, list(_cells(element, {})), self._number(), 1)
        flow = _Flow(self, element)
        flow.walk(element, bold=element.tag in _BOLD)
        flow.end()
        return flow.rows

    def place(self, element: Any) -> str:
        """Return where a block stands, the same whenever it is asked."""
        holder = element
        while holder is not None and holder not in self._places:
            holder = holder.getparent()
        if holder is not None and (holder is element or holder.tag in {"td", "th"}):
            return self._places[holder]
        self._paragraphs += 1
        return self._places.setdefault(element, f"paragraph {self._paragraphs}")

    def bullet(self, item: Any) -> str:
        """Return the sign or number before an item of a list; items come in their order."""
        parent = item.getparent()
        if parent is None or parent.tag != "ol":
            return "- "
        if item not in self._numbers:
            self._items[parent] = self._items.get(parent, 0) + 1
            self._numbers[item] = self._items[parent]
        return f"{self._numbers[item]}. "

    def _number(self) -> int:
        self._tables += 1
        return self._tables

    def _table(self, table: Any) -> list[Row]:
        number, spans, rows = self._number(), dict[int, int](), list[Row]()
        for at, tr in enumerate(_own_rows(table), 1):
            rows += self._row(tr, list(_cells(tr, spans)), number, at)
        return rows

    def _row(self, tr: Any, cells: list[tuple[Any, int, int]], number: int, at: int) -> list[Row]:
        """Return a row; where its cells hold tables, these rows, side by side if they fit."""
        made = []
        for which, (td, left, right) in enumerate(cells, 1):
            self._places.setdefault(td, f"table {number}, row {at}, cell {which}")
            made.append((_as_cells(self.render(td)), left, right))
        full = [one for one in made if one[0]]
        if len(full) == 1 and any(row.table for row in full[0][0]):
            return full[0][0]
        found: list[Row] = []
        for _, group in groupby(made, key=lambda one: max(1, len(one[0]))):
            found += _side_by_side(list(group), number)
        return [row for row in found if row.text]


class _Flow:
    """Text as it flows: gathers what stands in one line, and ends lines and paragraphs."""

    def __init__(self, page: Page, holder: Any) -> None:
        self.page = page
        self.rows: list[Row] = []
        self._block = holder
        self._text: list[str] = []
        self._lines: list[tuple[str, bool]] = []
        self._bold = True  # all of the line so far

    def walk(self, element: Any, *, bold: bool) -> None:
        """Take in what an element holds."""
        self.add(element.text, bold=bold)
        for child in element:
            self._child(child, bold=bold)
            self.add(child.tail, bold=bold)

    def add(self, text: str | None, *, bold: bool) -> None:
        """Add text to the line."""
        if text:
            self._text.append(text)
            self._bold = self._bold and (bold or not text.strip())

    def _child(self, child: Any, *, bold: bool) -> None:
        tag = child.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            return
        if child.get("hidden") is not None or _HIDDEN.search(child.get("style") or ""):
            self.page.hides = True
        elif tag == "br":
            self._end_line()
        elif tag == "input":
            self.add(_entered(child), bold=bold)
        elif tag == "table" or (tag == "dl" and _holds_terms_alone(child)):
            self.end()
            self.rows += self.page.render(child)
        elif tag in _BLOCKS:
            self._in_block(child, bold=bold or tag in _BOLD)
        else:
            self.walk(child, bold=bold or tag in _BOLD)

    def _in_block(self, child: Any, *, bold: bool) -> None:
        self.end()
        outer, self._block = self._block, child
        if child.tag == "li":
            self.add(self.page.bullet(child), bold=bold)
        self.walk(child, bold=bold)
        self.end()
        self._block = outer

    def _end_line(self) -> None:
        text = _WIDE.sub(GAP, "".join(self._text))
        text = GAP.join(" ".join(part.split()) for part in text.split(GAP)).strip()
        self._lines.append((text, self._bold and bool(text)))
        self._text, self._bold = [], True

    def end(self) -> None:
        """End the paragraph."""
        self._end_line()
        while self._lines and not self._lines[-1][0]:
            self._lines.pop()
        while self._lines and not self._lines[0][0]:
            self._lines.pop(0)
        place = self.page.place(self._block) if self._lines else ""
        for text, styled in self._lines:
            paragraph = Paragraph(text=text, place=place, styled=styled, element=self._block)
            self.rows.append(line(paragraph))
        self._lines = []


def _own_rows(table: Any) -> Iterator[Any]:
    """Yield the rows of a table, not those of tables within it."""
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in {"tbody", "thead", "tfoot", "caption"}:
            yield from _own_rows(child)


def _cells(tr: Any, spans: dict[int, int]) -> Iterator[tuple[Any, int, int]]:
    """Yield the cells of a row with their columns; `spans`: rows that cells above still reach."""
    column = 0
    for td in tr:
        if td.tag not in {"td", "th"}:
            continue
        while spans.get(column, 0) > 0:
            spans[column] -= 1
            column += 1
        within = column < _MAX_SPAN
        width = _span(td.get("colspan")) if within else 1
        for at in range(column, column + width) if within else ():
            spans[at] = _span(td.get("rowspan")) - 1
        yield td, column, column + width
        column += width
    for at in [at for at, left in spans.items() if at >= column and left > 0]:
        spans[at] -= 1


def _holds_terms_alone(listed: Any) -> bool:
    """Whether all that a list of terms holds stands in its terms and beside them."""
    loose = [listed.text, *(child.tail for child in listed)]
    return not any((text or "").strip() for text in loose) and all(
        child.tag in {"dt", "dd"} for child in listed
    )


def _terms(listed: Any) -> Iterator[list[tuple[Any, int, int]]]:
    """Yield each term of a list with what stands beside it, as the cells of a row."""
    pair: list[tuple[Any, int, int]] = []
    for child in listed:
        if child.tag == "dt" or len(pair) > 1:
            yield pair
            pair = []
        at = 0 if child.tag == "dt" else 1
        pair.append((child, at, at + 1))
    yield pair


def _span(text: str | None) -> int:
    text = (text or "").strip()
    return min(max(int(text), 1), _MAX_SPAN) if re.fullmatch(r"[0-9]{1,6}", text) else 1


def _as_cells(rows: list[Row]) -> list[Row]:
    """Return what a cell of a table holds: its text as one row, or the rows of its tables."""
    if not rows or any(row.table for row in rows):
        return rows
    paragraphs = tuple(one for row in rows for cell in row.cells for one in cell.paragraphs)
    return [Row(cells=(Cell(paragraphs=paragraphs),))]


def _side_by_side(cells: Sequence[tuple[list[Row], int, int]], number: int) -> Iterator[Row]:
    """Yield the rows of neighbouring cells that have the same number of rows."""
    for at in range(max(1, len(cells[0][0]))):
        joined: list[Cell] = []
        for rows, left, right in cells:
            inner = rows[at].cells if rows else (Cell(paragraphs=()),)
            width = (right - left) / len(inner)
            joined += [
                replace(cell, left=left + width * i, right=left + width * (i + 1))
                for i, cell in enumerate(inner)
            ]
        yield Row(cells=tuple(joined), table=number)


def _entered(field: Any) -> str:
    """Return what a person sees in a field of a form."""
    kind = (field.get("type") or "text").lower()
    if kind in {"checkbox", "radio"}:
        return " \u2612 " if field.get("checked") is not None else " \u2610 "
    return f" {field.get('value') or ''} " if kind in {"text", "date", "number"} else ""

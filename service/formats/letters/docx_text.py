"""The text of WordprocessingML (ECMA-376 part 1, chapter 17), laid out as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.formats.letters.layout import GAP, Cell, Paragraph, Row, line

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT: Final = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_OFF: Final = frozenset({"0", "false", "off", "none"})
_GONE: Final = frozenset({"del", "moveFrom", "rPr", "pPr", "instrText", "delText", "Fallback"})
_SPACES: Final = "   "  # so many blanks were meant as a gap
NOTHING: Final = "what was deleted while changes were tracked was left out"
_HIDDEN: Final = "hidden text was left out"
_SYMBOL: Final = "a symbol of a symbol font has no text of its own: it stands as a question mark"
_MAX_SPAN: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Styles:
    """What the styles say: which are headings, which are bold; and which lists are numbered."""

    headings: frozenset[str] = frozenset()
    bold: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()  # styles that make a list
    numbered: frozenset[tuple[str, str]] = frozenset()  # (numId, level)

    @classmethod
    def of(cls, styles: Any, numbering: Any) -> Styles:
        """Read them from their parts, either of which may be missing."""
        named = (
            {} if styles is None else {_val(one, "styleId"): one for one in _all(styles, "style")}
        )
        return cls(
            headings=frozenset(key for key, one in named.items() if _is_heading(one)),
            bold=frozenset(key for key, one in named.items() if _inherits_bold(one, named)),
            listed=frozenset(key for key, one in named.items() if _first(one, "numPr") is not None),
            numbered=frozenset(() if numbering is None else _numbered(numbering)),
        )


class Body:
    """One part of a document that holds text."""

    def __init__(self, styles: Styles, *, region: int, name: str) -> None:
        self.left_out: set[str] = set()
        self._styles = styles
        self._region = region
        self._name = f"{name}, " if name else ""
        self._paragraphs = 0
        self._tables = 0
        self._counts: dict[tuple[str, str], int] = {}

    def rows(self, root: Any) -> list[Row]:
        """Return the rows of the part."""
        body = next(_all(root, "body"), root)
        return [row for row in self._flow(body, "") if row.text]

    def _flow(self, holder: Any, place: str) -> Iterator[Row]:
        """Yield the rows of paragraphs and tables, wherever controls and changes wrap them."""
        for child in holder:
            tag = _tag(child)
            if tag == "p":
                yield from self._paragraph(child, place)
            elif tag == "tbl":
                yield from self._table(child)
            elif tag in _GONE:
                self._note_deleted(tag)
            elif tag not in {"sectPr", "tcPr", "tblPr", "trPr"}:
                yield from self._flow(child, place)

    def _note_deleted(self, tag: str) -> None:
        if tag in {"del", "moveFrom"}:
            self.left_out.add(NOTHING)

    def _paragraph(self, element: Any, place: str) -> Iterator[Row]:
        """Yield a paragraph's lines, and what stands in its text boxes."""
        if not place:
            self._paragraphs += 1
        where = place or f"{self._name}paragraph {self._paragraphs}"
        text, bold = self._text_of(element)
        styled = bool(text.strip()) and (bold or self._style(element) in self._styles.headings)
        text = self._bullet(element) + text if text.strip() else text
        parts = text.split("\n")
        for part in parts if any(parts) else ():
            yield line(
                Paragraph(text=_normal(part), place=where, styled=styled), region=self._region
            )
        for box in _boxes(element):
            yield from self._flow(box, "")

    def _text_of(self, paragraph: Any) -> tuple[str, bool]:
        """Return the text, and whether all of it is bold."""
        texts: list[str] = []
        bold = True
        by_style = self._style(paragraph) in self._styles.bold
        for run in _runs(paragraph):
            if isinstance(run, str):
                self._note_deleted(run)
                continue
            text = self._run(run)
            texts.append(text)
            if text.strip():
                bold = bold and _is_on(run, "b", default=by_style)
        return "".join(texts), bold

    def _run(self, run: Any) -> str:
        if _is_on(run, "vanish", default=False):
            self.left_out.add(_HIDDEN)
            return ""
        text = ""
        for child in run:
            tag = _tag(child)
            if tag == "t":
                text += (child.text or "").replace("\n", " ")
            elif tag == "sym":
                self.left_out.add(_SYMBOL)
                text += "?"
            else:
                text += _SIGNS.get(tag, "")
        return text

    def _style(self, paragraph: Any) -> str:
        return _of(paragraph, "pStyle")

    def _bullet(self, paragraph: Any) -> str:
        """Return the sign or number before an item of a list."""
        number = _first(paragraph, "numPr")
        if number is None:
            return "- " if self._style(paragraph) in self._styles.listed else ""
        key = (_of(number, "numId") or "0", _of(number, "ilvl") or "0")
        if key[0] == "0":
            return ""
        if key not in self._styles.numbered:
            return "- "
        self._counts[key] = self._counts.get(key, 0) + 1
        return f"{self._counts[key]}. "

    def _table(self, table: Any) -> Iterator[Row]:
        self._tables += 1
        number = self._tables
        for at, tr in enumerate(_inner(table, "tr"), 1):
            place = f"{self._name}table {number}, row {at}"
            yield from self._table_row(tr, place, number)

    def _table_row(self, tr: Any, place: str, number: int) -> Iterator[Row]:
        """Yield a row; tables within its cells follow it."""
        cells, nested, column = [], list[Row](), 0
        for which, tc in enumerate(_inner(tr, "tc"), 1):
            rows = list(self._flow(tc, f"{place}, cell {which}"))
            nested += [row for row in rows if row.table]
            plain = [row.cells[0] for row in rows if not row.table]
            paragraphs = tuple(one for cell in plain for one in cell.paragraphs)
            width, goes_on = _extent(tc)
            if paragraphs or not goes_on:
                cells.append(Cell(paragraphs=paragraphs, left=column, right=column + width))
            column += width
        yield Row(cells=tuple(cells), table=number + 1000 * self._region, region=self._region)
        yield from nested


_SIGNS: Final = {
    "tab": GAP, "ptab": GAP, "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "",
}  # fmt: skip


def _tag(element: Any) -> str:
    """Return the name of an element without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _all(element: Any, name: str) -> Iterator[Any]:
    yield from element.iter(f"{_W}{name}", f"{_STRICT}{name}")


def _first(element: Any, name: str) -> Any:
    """Return the first element of this name; None if there is none."""
    return next(_all(element, name), None)


def _val(element: Any, name: str = "val") -> str:
    found: str = element.get(f"{_W}{name}") or element.get(f"{_STRICT}{name}") or ""
    return found


def _of(element: Any, name: str) -> str:
    """Return the value of the first element of this name; "" if there is none."""
    found = _first(element, name)
    return "" if found is None else _val(found)


def _inner(holder: Any, name: str) -> Iterator[Any]:
    """Yield the rows of a table, or cells of a row, through controls and changes round them."""
    for child in holder:
        tag = _tag(child)
        if tag == name:
            yield child
        elif tag in {"sdt", "sdtContent", "ins", "customXml", "moveTo", "smartTag"}:
            yield from _inner(child, name)


def _runs(holder: Any) -> Iterator[Any]:
    """Yield the runs of a paragraph in their order, and the names of what is gone."""
    for child in holder:
        tag = _tag(child)
        if tag == "r":
            yield child
        elif tag in {"del", "moveFrom"}:
            yield tag
        elif tag not in _GONE:
            yield from _runs(child)


def _boxes(paragraph: Any) -> Iterator[Any]:
    """Yield the text boxes of a paragraph; of one in two forms, the first."""
    for child in paragraph:
        tag = _tag(child)
        if tag == "txbxContent":
            yield child
        elif tag not in _GONE:
            yield from _boxes(child)


def _is_on(run: Any, name: str, *, default: bool) -> bool:
    """Whether a run has a property such as bold."""
    for child in run:
        if _tag(child) == "rPr":
            for one in child:
                if _tag(one) == name:
                    return _val(one).lower() not in _OFF
    return default


def _is_heading(style: Any) -> bool:
    name = _of(style, "name").lower()
    return name.startswith("heading") or name in {"title", "subtitle"}


def _inherits_bold(style: Any, named: dict[str, Any]) -> bool:
    for _ in range(10):
        for one in style:
            if _tag(one) == "rPr":
                for sign in one:
                    if _tag(sign) == "b":
                        return _val(sign).lower() not in _OFF
        style = named.get(_of(style, "basedOn"))
        if style is None:
            return False
    return False


def _numbered(numbering: Any) -> Iterator[tuple[str, str]]:
    """Yield the lists, and their levels, whose items have numbers or letters."""
    kinds: dict[str, list[str]] = {}
    for abstract in _all(numbering, "abstractNum"):
        levels = [
            _val(level, "ilvl")
            for level in _all(abstract, "lvl")
            if next((_val(one) for one in _all(level, "numFmt")), "bullet")
            not in {"bullet", "none"}
        ]
        kinds[_val(abstract, "abstractNumId")] = levels
    for number in _all(numbering, "num"):
        of = _of(number, "abstractNumId")
        yield from ((_val(number, "numId"), level) for level in kinds.get(of, ()))


def _extent(tc: Any) -> tuple[int, bool]:
    """Return how many columns a cell spans, and whether it goes on with the one above it."""
    for properties in tc:
        if _tag(properties) == "tcPr":
            text, merged = _of(properties, "gridSpan") or "1", _first(properties, "vMerge")
            width = int(text) if text.isascii() and text.isdigit() else 1
            goes_on = merged is not None and _val(merged) != "restart"
            return min(max(width, 1), _MAX_SPAN), goes_on
    return 1, False


def _normal(text: str) -> str:
    """Return a line with single blanks; many in a row, and tabs, are a gap."""
    text = text.replace("\u00a0", " ")
    while _SPACES + " " in text:
        text = text.replace(_SPACES + " ", _SPACES)
    parts = text.replace(_SPACES, GAP).split(GAP)
    return GAP.join(part for part in (" ".join(part.split()) for part in parts) if part)

"""Steps at work: each takes a part of a letter and returns the parts that it finds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from service.formats.letters import labels, sections, tables
from service.formats.letters.css import compile_selector
from service.formats.letters.known import Known
from service.formats.letters.language import StepSpec
from service.formats.letters.layout import Row, line, paragraphs_of
from service.formats.letters.letter import Extent
from service.formats.letters.words import Wildcard, plain

Step = Callable[[Extent], Sequence[Extent]]  # what it finds in one part of a letter
SAME_MARGIN: Final = 3.0  # points


def make(spec: StepSpec, known: Known, *, has_elements: bool) -> Step:
    """Return the step; the labels and headings that it names become known.

    Raises ValueError if it is not for this format.
    """
    if spec.name == "css":
        if not has_elements:
            raise ValueError("css('…') is for html only")
        return _css(spec.texts[0], known)
    if spec.name in {"label", "under"}:
        known.labels |= {plain(text) for text in spec.texts}
    if spec.name == "section":
        for text in spec.texts:
            known.add_heading(text)
    return _MAKERS[spec.name](spec.texts, known)


def _label(texts: Sequence[str], known: Known) -> Step:
    names = frozenset(map(plain, texts))
    return lambda extent: list(labels.beside(extent, names, known))


def _under(texts: Sequence[str], known: Known) -> Step:
    names = frozenset(map(plain, texts))
    return lambda extent: list(labels.under(extent, names, known))


def _section(texts: Sequence[str], known: Known) -> Step:
    return lambda extent: list(sections.named(extent, texts, known))


def _sections(texts: Sequence[str], known: Known) -> Step:
    return lambda extent: [one for one in sections.sections(extent, known) if one.text]


def _heading(texts: Sequence[str], known: Known) -> Step:
    def heading(extent: Extent) -> list[Extent]:
        title = extent.title
        return [extent.part([line(title)])] if title else []

    return heading


def _beginning(texts: Sequence[str], known: Known) -> Step:
    return lambda extent: [sections.beginning(extent, known)]


def _line(texts: Sequence[str], known: Known) -> Step:
    patterns = [Wildcard.of(text) for text in texts]

    def lines(extent: Extent) -> list[Extent]:
        found = []
        for at, row in enumerate(extent.rows):
            for cell in row.full:
                for paragraph in cell.paragraphs:
                    text = paragraph.text.replace("\t", " ")
                    if any(pattern.fits(text) for pattern in patterns):
                        own = Row(
                            cells=(labels.replace_cell(cell, [paragraph]),), region=row.region
                        )
                        found.append(extent.part([own, *_same_paragraph(extent, at, known)]))
        return found

    return lines


def _same_paragraph(extent: Extent, at: int, known: Known) -> list[Row]:
    """Return the lines below that belong to the same paragraph of running text."""
    row, found = extent.rows[at], []
    if row.table or len(row.full) != 1:
        return []
    for below in extent.rows[at + 1 :]:
        alone = len(below.full) == 1 and not below.table and not below.apart
        if not alone or abs(below.full[0].left - row.full[0].left) > SAME_MARGIN:
            break
        if any(labels.names_something(one, known) for one in below.full[0].paragraphs):
            break
        found.append(below)
    return found


def _rows(texts: Sequence[str], known: Known) -> Step:
    return lambda extent: list(tables.rows(extent, texts, known))


def _column(texts: Sequence[str], known: Known) -> Step:
    names = frozenset(map(plain, texts))
    return lambda extent: list(tables.column(extent, names))


def _note(texts: Sequence[str], known: Known) -> Step:
    return lambda extent: list(tables.note(extent))


def _letter(texts: Sequence[str], known: Known) -> Step:
    return lambda extent: [extent.letter.seen_by(known)]


def _css(text: str, known: Known) -> Step:
    select = compile_selector(text)

    def elements(extent: Extent) -> list[Extent]:
        letter = extent.letter
        found = select(extent.letter.tree if extent.element is None else extent.element)
        if extent.element is None:  # a part of the page
            blocks = {paragraph.element for paragraph in paragraphs_of(extent.rows)}
            found = [element for element in found if _is_inside(element, blocks)]
        rendered = (letter.as_known(letter.render(element), known) for element in found)
        return [
            Extent(letter=letter, rows=rows, element=element)
            for element, rows in zip(found, rendered, strict=True)
        ]

    return elements


def _is_inside(element: Any, blocks: set[Any]) -> bool:
    while element is not None:
        if element in blocks:
            return True
        element = element.getparent()
    return False


_MAKERS: Final[dict[str, Callable[[Sequence[str], Known], Step]]] = {
    "label": _label,
    "under": _under,
    "section": _section,
    "sections": _sections,
    "heading": _heading,
    "beginning": _beginning,
    "line": _line,
    "rows": _rows,
    "column": _column,
    "note": _note,
    "letter": _letter,
}

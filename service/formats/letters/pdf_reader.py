"""PDF letters: the lines and tables of their pages, as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from service.errors import Issue, TooLarge, UnreadableMessage
from service.formats.letters import reading_apart
from service.formats.letters.layout import Cell, Paragraph, Row
from service.formats.letters.letter import Letter

MAX_BYTES: Final = 20 * 1024 * 1024  # of one file
SEVERAL: Final = 2
APART: Final = 1.75  # of a font's size from line to line: a new paragraph
LARGER: Final = 1.15  # than most of the text: a heading
UNKNOWN_GLYPH: Final = "(cid:"
_MIDDLE: Final = 0.5  # of a page
_SIGN: Final = b"%PDF-"
_SIGN_WITHIN: Final = 1024  # bytes


def matches(body: bytes) -> bool:
    """Whether `body` begins as a PDF does."""
    return _SIGN in body[:_SIGN_WITHIN]


def read(body: bytes) -> Letter:
    """Return the letter. Raises UnreadableMessage, TooLarge."""
    if len(body) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")
    if not matches(body):
        raise _refusal("this is no PDF")
    told = json.loads(reading_apart.read("P", body))
    pages = told["pages"]
    rows = _without_repeats([list(_rows(page, at)) for at, page in enumerate(pages, 1)])
    if not rows:
        raise _refusal("the PDF holds no text: a scan, perhaps, and nothing is guessed of pictures")
    return Letter(format="pdf", raw=body, rows=tuple(rows), issues=tuple(_doubts(told)))


def _rows(page: dict[str, Any], number: int) -> Iterator[tuple[Row, float]]:
    """Yield the rows of a page, each with where it stands: its top, from 0 to 1."""
    before: dict[str, Any] = {}
    for at, told in enumerate(page["rows"], 1):
        place = f"page {number}, line {at}"
        several = len(told["cells"]) > 1
        cells = tuple(
            Cell(
                paragraphs=tuple(
                    _paragraph(line, f"{place}, part {part}" if several else place, page["size"])
                    for line in cell["lines"]
                ),
                left=cell["left"],
                right=cell["right"],
            )
            for part, cell in enumerate(told["cells"], 1)
        )
        apart = not before or _is_apart(told, before)
        table = 1000 * number + told["table"] if told["table"] else 0
        yield Row(cells=cells, table=table, apart=apart), told["top"] / (page["height"] or 1)
        before = told


def _paragraph(line: dict[str, Any], place: str, usual: float) -> Paragraph:
    styled = line["bold"] or line["size"] > usual * LARGER
    return Paragraph(text=line["text"], place=place, styled=styled)


def _is_apart(row: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether there is more space above a line than between the lines of a paragraph."""
    if row["table"] or before["table"]:
        return True
    return bool(row["top"] - before["top"] > APART * max(row["size"], before["size"]))


def _without_repeats(pages: Sequence[list[tuple[Row, float]]]) -> list[Row]:
    """Leave out what stands word for word at the same place of every page, but for one of them.

    What is in the upper half stays on the first page, what is in the lower half on the last, so
    that it does not stand between a text's lines.
    """
    if len(pages) < SEVERAL:
        return [row for page in pages for row, _ in page]
    keys = [{_key(cell, top) for row, top in page for cell in row.cells} for page in pages]
    repeated = set.intersection(*keys)
    found = []
    for at, page in enumerate(pages):
        for row, top in page:
            stays = at == (0 if top < _MIDDLE else len(pages) - 1)
            kept = tuple(cell for cell in row.cells if stays or _key(cell, top) not in repeated)
            if any(cell.text for cell in kept):
                found.append(row if len(kept) == len(row.cells) else replace(row, cells=kept))
    return found


def _key(cell: Cell, top: float) -> tuple[str, int, int]:
    return cell.text, round(top * 200), round(cell.left)


def _doubts(told: dict[str, Any]) -> Iterator[Issue]:
    if told["form"]:
        yield _doubt("the PDF has form fields; what was filled in may not be in its text", "")
    for number, page in enumerate(told["pages"], 1):
        place = f"page {number}"
        if not page["rows"]:
            yield _doubt("this page has no text: a picture, perhaps", place)
        if page["turned"]:
            yield _doubt("turned text was left out", place)
        if any(UNKNOWN_GLYPH in text for text in _texts(page)):
            yield _doubt("some characters of this page are not known", place)


def _texts(page: dict[str, Any]) -> Iterator[str]:
    for row in page["rows"]:
        for cell in row["cells"]:
            yield from (line["text"] for line in cell["lines"])


def _doubt(text: str, place: str) -> Issue:
    return Issue(severity="warning", code="incomplete", text=text, source=place)


def _refusal(reason: str) -> UnreadableMessage:
    issue = Issue(severity="fatal", code="structure", text=reason)
    return UnreadableMessage(reason, [issue])

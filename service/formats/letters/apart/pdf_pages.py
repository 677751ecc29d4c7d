"""The pages of a PDF: lines and tables of words, with where they stand, in which font and size."""

from __future__ import annotations

import io
import json
import re
from itertools import pairwise
from typing import Any, Final

import pdfplumber
from pdfplumber.page import Page
from pdfplumber.utils.exceptions import PdfminerException

MAX_PAGES: Final = 50
MAX_MARKS: Final = 200_000  # characters, lines and boxes of a file
MAX_RULED: Final = 2_000  # lines and boxes of a page that may be tables
GAP: Final = 1.2  # of a font's size: wider than any blank between words
_BOLD: Final = re.compile(r"(?i)bold|black|heavy|-bd")
Words = list[dict[str, Any]]


def read(body: bytes) -> bytes:
    """Return the pages as JSON. Raises ValueError that says why not."""
    return json.dumps(_pages_of(body)).encode()


def _pages_of(body: bytes) -> dict[str, Any]:
    """Return the rows of every page and what was left out."""
    try:
        with pdfplumber.open(io.BytesIO(body)) as pdf:
            if len(pdf.pages) > MAX_PAGES:
                raise ValueError(f"The PDF has more than {MAX_PAGES} pages.")
            told, marks = [], 0
            for page in pdf.pages:
                marks += sum(len(held) for held in page.objects.values())
                if marks > MAX_MARKS:
                    raise ValueError("The PDF has more characters and lines than are read here.")
                told.append(_page(page))
                page.close()
            return {"pages": told, "form": bool(pdf.doc.catalog.get("AcroForm"))}
    except PdfminerException as error:
        raise ValueError(_reason(error)) from None


def _reason(error: PdfminerException) -> str:
    kind = type(error.args[0]).__name__ if error.args else ""
    if kind in {"PDFPasswordIncorrect", "PDFEncryptionError"}:
        return "The PDF is encrypted."
    return "The PDF cannot be read: it is damaged."


def _page(page: Page) -> dict[str, Any]:
    words = page.extract_words(extra_attrs=["fontname", "size", "upright"])
    free = [word for word in words if word["upright"]]
    turned, rows = len(words) > len(free), []
    tables = page.find_tables() if 0 < len(page.edges) <= MAX_RULED else []
    for number, table in enumerate(tables, 1):
        found, free = _table_rows(table, number, free)
        rows += found
    rows += [_row(line) for line in _lines(free)]
    return {
        "rows": sorted(rows, key=lambda row: (row["top"], row["left"])),
        "size": _usual_size(words),
        "images": len(page.images),
        "turned": turned,
        "height": float(page.height),
    }


def _table_rows(table: Any, number: int, words: Words) -> tuple[list[dict[str, Any]], Words]:
    """Return the rows of a ruled table, and the words that stand outside it.

    A box round some lines is no table: its words stay in the text.
    """
    rows, free = [], words
    for row in table.rows:
        cells = []
        for box in filter(None, row.cells):
            inside = [word for word in free if _is_in(word, box)]
            free = [word for word in free if not _is_in(word, box)] if inside else free
            lines = [_text(line) for line in _lines(inside)]
            cells.append({"left": box[0], "right": box[2], "lines": lines})
        if any(cell["lines"] for cell in cells):
            place = {"top": row.bbox[1], "bottom": row.bbox[3], "left": row.bbox[0]}
            rows.append({"cells": cells, "table": number, "size": 0, **place})
    return (rows, free) if any(len(row["cells"]) > 1 for row in rows) else ([], words)


def _is_in(word: dict[str, Any], box: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box
    middle = (word["top"] + word["bottom"]) / 2
    return bool(left <= (word["x0"] + word["x1"]) / 2 <= right and top <= middle <= bottom)


def _lines(words: Words) -> list[Words]:
    """Return words that stand side by side, line by line, each from left to right."""
    lines: list[Words] = []
    for word in sorted(words, key=lambda word: (word["top"] + word["bottom"], word["x0"])):
        middle = (word["top"] + word["bottom"]) / 2
        if lines and lines[-1][0]["top"] <= middle <= lines[-1][0]["bottom"]:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word["x0"]) for line in lines]


def _row(line: Words) -> dict[str, Any]:
    """Return a line of running text, in cells where wide gaps part it."""
    parts: list[Words] = [[line[0]]]
    for before, word in pairwise(line):
        if word["x0"] - before["x1"] > GAP * max(before["size"], word["size"]):
            parts.append([])
        parts[-1].append(word)
    return {
        "cells": [
            {"left": part[0]["x0"], "right": part[-1]["x1"], "lines": [_text(part)]}
            for part in parts
        ],
        "table": 0,
        "top": min(word["top"] for word in line),
        "bottom": max(word["bottom"] for word in line),
        "left": line[0]["x0"],
        "size": max(word["size"] for word in line),
    }


def _text(line: Words) -> dict[str, Any]:
    """Return the text of a line; a wide gap within it is a tab."""
    text = line[0]["text"]
    for before, word in pairwise(line):
        wide = word["x0"] - before["x1"] > GAP * max(before["size"], word["size"])
        text += ("\t" if wide else " ") + word["text"]
    bold = all(_BOLD.search(word["fontname"]) for word in line)
    return {"text": text, "bold": bold, "size": min(word["size"] for word in line)}


def _usual_size(words: Words) -> float:
    """Return the font size of most of the text."""
    sizes: dict[float, int] = {}
    for word in words:
        size = round(word["size"], 1)
        sizes[size] = sizes.get(size, 0) + len(word["text"])
    return max(sizes, key=lambda size: sizes[size]) if sizes else 0

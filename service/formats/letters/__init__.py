"""Letters and rows of a trust's own design: read by labels, selectors and names in its mapping."""

from __future__ import annotations

from typing import Final

from service.formats.letters import (
    csv_rows,
    docx_reader,
    html_reader,
    json_records,
    pdf_reader,
    xml_records,
)
from service.formats.letters.letter_format import LetterFormat
from service.formats.source import Format

HTML: Final = LetterFormat("html", html_reader.matches, html_reader.read)
PDF: Final = LetterFormat(
    "pdf", lambda media_type, body: pdf_reader.matches(body), lambda body, _: pdf_reader.read(body)
)
DOCX: Final = LetterFormat("docx", docx_reader.matches, lambda body, _: docx_reader.read(body))
FORMATS: Final[tuple[Format, ...]] = (
    PDF,
    DOCX,
    HTML,
    xml_records.FORMAT,
    json_records.FORMAT,
    csv_rows.FORMAT,
)

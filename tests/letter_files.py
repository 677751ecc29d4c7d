"""Makes the files of letters: a PDF by hand, a DOCX with python-docx, a package by its parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence

from docx import Document

Text = tuple[float, float, str]  # left, top (points from the upper left corner), text
Box = tuple[float, float, float, float]  # left, top, right, bottom
HEIGHT = 842
FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica{} /Encoding /WinAnsiEncoding >>"


def pdf(pages: Sequence[Sequence[Text]], *, boxes: Sequence[Box] = (), extra: str = "") -> bytes:
    """Return a PDF in Helvetica 10; a text that begins with * is bold. `boxes`: on every page."""
    streams = [_page(texts, boxes) for texts in pages]
    objects = [f"<< /Type /Catalog /Pages 2 0 R {extra} >>".encode()]
    kids = " ".join(f"{5 + 2 * at} 0 R" for at in range(len(streams)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>".encode())
    objects += [FONT.format("").encode(), FONT.format("-Bold").encode()]
    for at, stream in enumerate(streams):
        fonts = "<< /Font << /F1 3 0 R /F2 4 0 R >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 {HEIGHT}] /Resources {fonts} "
        objects.append(f"{page}/Contents {6 + 2 * at} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    return pdf_of(objects)


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """Return a PDF of these objects, numbered from 1; the first is its catalog."""
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        % (
            size,
            table,
            size,
        )
        + b"startxref\n%d\n%%%%EOF\n" % len(body)
    )


def _page(texts: Sequence[Text], boxes: Sequence[Box]) -> bytes:
    drawn = [f"{a} {HEIGHT - d} {c - a} {d - b} re S" for a, b, c, d in boxes]
    for left, top, text in texts:
        font = "F2" if text.startswith("*") else "F1"
        shown = text.removeprefix("*").replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        drawn.append(f"BT /{font} 10 Tf {left} {HEIGHT - top - 10} Td ({shown}) Tj ET")
    return "\n".join(drawn).encode("cp1252")


def docx(*parts: str | Sequence[Sequence[str]]) -> bytes:
    """Return a DOCX of paragraphs and tables; `# text` is a heading, `*text` bold, `- text` listed.

    In a cell every line is a paragraph.
    """
    document = Document()
    for part in parts:
        if isinstance(part, str):
            _paragraph(document, part)
        else:
            _table(document, part)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _paragraph(holder, text: str) -> None:
    if text.startswith("# "):
        holder.add_paragraph(text[2:], style="Heading 1")
    elif text.startswith("- "):
        holder.add_paragraph(text[2:], style="List Bullet")
    else:
        run = holder.add_paragraph().add_run(text.removeprefix("*"))
        run.bold = text.startswith("*")


def _table(document, rows: Sequence[Sequence[str]]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    for at, row in enumerate(rows):
        for column, text in enumerate(row):
            cell = table.cell(at, column)
            first, *others = text.split("\n")
            run = cell.paragraphs[0].add_run(first.removeprefix("*"))
            run.bold = first.startswith("*")
            for line in others:
                _paragraph(cell, line)


def package(parts: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """Return a ZIP of these parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in dict(parts).items():
            archive.writestr(name, content)
    return stream.getvalue()


def word(body: str) -> bytes:
    """Return a DOCX whose body is this WordprocessingML."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    text = f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'
    return package({"word/document.xml": text.encode()})

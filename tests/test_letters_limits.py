"""What no letter may do: cost more than its time or memory, or be read where it holds no text."""

from __future__ import annotations

import io
import time
import zipfile
import zlib

import pytest

from service.errors import ServiceError, TooLarge
from service.formats import FORMATS
from service.formats.letters import reading_apart
from tests.letter_files import FONT, docx, package, pdf, pdf_of, word
from tests.test_letters_labels import found, read

SECONDS = 9.0  # by the clock, on a machine with other things to do; by the processor it is two
MEGABYTE = 1024 * 1024


def page_of(content: bytes, packing: str = "/FlateDecode") -> bytes:
    """Return a PDF whose only page has this packed content."""
    stream = b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream"
    page = b"/MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>"
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R " + page,
            stream % (len(content), packing.encode(), content),
            FONT.format("").encode(),
        ]
    )


def _with_more_parts(body: bytes, count: int) -> bytes:
    """Return a package with so many parts more."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return package({**parts, **{f"word/{at}": b"" for at in range(count)}})


SPACES = zlib.compress(b" " * 300 * MEGABYTE)
COSTLY = {
    "pdf-unpacks-to-much": ("pdf", lambda: page_of(SPACES)),
    "pdf-packed-twice": (
        "pdf",
        lambda: page_of(zlib.compress(SPACES), "[/FlateDecode /FlateDecode]"),
    ),
    "pdf-many-texts": (
        "pdf",
        lambda: page_of(zlib.compress(b"BT /F1 10 Tf 50 50 Td (abc) Tj ET\n" * 300_000)),
    ),
    "pdf-many-pages": ("pdf", lambda: pdf([[(40, 40, "x")]] * 60)),
    "html-many-attributes": (
        "html",
        lambda: b"<html><p " + b" ".join(b"a%d" % at for at in range(200_000)) + b">x",
    ),
    "html-deep": ("html", lambda: b"<html>" + b"<b>" * 20_000 + b"x"),
    "html-many-elements": ("html", lambda: b"<html>" + b"<p>x" * 100_000),
    "html-spaces": ("html", lambda: b"<html>" + b" " * 19 * MEGABYTE),
    "docx-unpacks-to-much": ("docx", lambda: package({"word/document.xml": b" " * 50 * MEGABYTE})),
    "docx-many-parts": ("docx", lambda: _with_more_parts(docx("Ward: 7"), 2_000)),
    "docx-many-paragraphs": (
        "docx",
        lambda: word("<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 30_000),
    ),
    "docx-entities": (
        "docx",
        lambda: package({"word/document.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}),
    ),
    "csv-many-rows": ("csv", lambda: b"a,b,c\n" + b"1,2,3\n" * 1_000_000),
    "csv-many-columns": ("csv", lambda: b",".join(b"c%d" % at for at in range(1_000)) + b"\n1"),
    "json-deep": ("json", lambda: b"[" * 100_000),
    "json-many": ("json", lambda: b"[" + b"{}," * 6_000 + b"{}]"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_costs_too_much_is_refused_in_time(name):
    form, make = COSTLY[name]
    body = make()
    begun = time.monotonic()
    with pytest.raises(ServiceError) as refused:
        FORMATS[form].read(body)

    assert time.monotonic() - begun < SECONDS
    assert refused.value.issues[0].severity in {"error", "fatal"}


@pytest.mark.parametrize("name", ["pdf", "docx", "html", "json", "csv", "xml"])
def test_more_than_20_mb_is_refused_unread(name):
    with pytest.raises(TooLarge):
        FORMATS[name].read(b" " * (20 * MEGABYTE + 1))


def test_the_next_letter_is_read_after_one_that_cost_too_much():
    with pytest.raises(ServiceError):
        FORMATS["pdf"].read(page_of(zlib.compress(b"1 1 50 50 re S\n" * 200_000)))

    assert found(read("pdf", pdf([[(40, 40, "Ward: 7")]])), "label('Ward')") == ["7"]


def test_a_program_that_ended_while_nobody_asked_is_started_again():
    letter = pdf([[(40, 40, "Ward: 7")]])
    assert found(read("pdf", letter), "label('Ward')") == ["7"]
    program = reading_apart._APART._program
    assert program is not None
    program.kill()
    program.wait()

    assert found(read("pdf", letter), "label('Ward')") == ["7"]


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("pdf", pdf([[]]), "holds no text"),
        ("pdf", b"%PDF-1.4\n garbage", "damaged"),
        ("pdf", b"no PDF", "this is no PDF"),
        ("docx", word("<w:p/>"), "holds no text"),
        ("docx", package({"word/other.xml": b"<a/>"}), "no Word document"),
        ("docx", b"PK\x03\x04 word/ garbage", "damaged"),
        ("docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Word file"),
        ("docx", docx("Ward: 7")[:3000], "damaged"),
        ("html", b"<html><body><script>text()</script>", "holds no text"),
    ],
)  # fmt: skip
def test_what_holds_no_letter_is_refused_for_a_true_reason(name, body, said):
    with pytest.raises(ServiceError, match=said):
        FORMATS[name].read(body)


def test_what_a_person_would_see_and_the_text_does_not_say_is_doubtful():
    letter = read("pdf", pdf([[(40, 40, "Ward: 7")], []], extra="/AcroForm << /Fields [1 0 R] >>"))

    assert [(issue.severity, issue.source) for issue in letter.issues] == [
        ("warning", ""),
        ("warning", "page 2"),
    ]

"""The language of paths into letters, and what a mapping says of their layout: checked at load."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.formats import FORMATS
from service.mapping import MappingFaults, Mappings
from service.mapping.times import date_converter
from tests.letter_files import docx
from tests.test_letters_labels import found, html

MAPPING = """mapping: rx5-letter
version: "1.0.0"
source:
  format: {format}
  sender: RX5
  timezone: Europe/London
  letter: {letter}
fields:
  kind: {{const: document}}
  patient.name: {{from: "{path}"}}
  patient.birth_date: {{from: "label('Born')", as: {{date: "{order}"}}}}
examples: [examples/rx5]
"""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "character 1: expected a step"),
        ("NHS Number", "character 1: expected a step"),
        ("label(NHS)", "character 7: expected a text in single quotes"),
        ("label('NHS'", "expected , or )"),
        ("label('a' 'b')", "expected , or )"),
        ("label()", "takes at least one text"),
        ("label(' ')", "names nothing"),
        ("lable('NHS')", "there is no lable()"),
        ("sections('Plan')", "takes no text"),
        ("section('Plan') label('x')", "expected . or the end"),
        ("section('Plan').", "expected a step"),
        ("section('Plan').letter()", "letter() stands at the beginning"),
        ("line('*')", "needs more than *"),
        ("css('p[')", "not a CSS selector"),
    ],
)
def test_a_wrong_path_is_refused_with_its_place(path, said):
    with pytest.raises(
        ValueError, match=said.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")
    ):
        FORMATS["html"].compile_path(path)


@pytest.mark.parametrize("name", ["pdf", "docx"])
def test_css_is_for_pages_only(name):
    with pytest.raises(ValueError, match="for html only"):
        FORMATS[name].compile_path("css('p')")


def test_a_quote_within_a_text_is_doubled():
    assert found(html("<p>Patient's name: Rosa"), "label('Patient''s name')") == ["Rosa"]
    assert found(html("<p>Patient&rsquo;s name: Rosa"), "label('Patient''s name')") == ["Rosa"]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("Page # of #", True), ("page * OF *", True), ("*of 2", True), ("Page*", True),
        ("Page # of ##", False), ("age*", False), ("*Page", False), ("P*2*2", False),
    ],
)  # fmt: skip
def test_a_line_is_found_by_a_pattern(pattern, fits):
    assert (found(html("<p>Page 1 of 2"), f"line('{pattern}')") == ["Page 1 of 2"]) is fits


def faults(folder: Path, **parts: str) -> list[str]:
    """Return what is wrong with a mapping made of these parts."""
    values = {
        "format": "docx",
        "letter": "{labels: [Ward]}",
        "path": "label('Name')",
        "order": "DD/MM/YYYY",
        **parts,
    }
    (folder / "rx5-letter.yaml").write_text(MAPPING.format(**values))
    (folder / "examples").mkdir(exist_ok=True)
    (folder / "examples" / "rx5.docx").write_bytes(docx("Name: Rosa"))
    try:
        Mappings.load(folder, formats=FORMATS)
    except MappingFaults as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"path": "lable('Name')"}, "rx5-letter.yaml:10:18: path lable('Name'): character 1"),
        ({"letter": "{headings: [\"css('p')\"]}"}, "source.letter: css('…') is for html only"),
        ({"letter": "{leave_out: ['*']}"}, "source.letter: a pattern needs more than *"),
        ({"letter": "{titles: [Plan]}"}, "titles"),
        ({"format": "csv", "path": "Name"}, "source.letter is for letters (html, pdf, docx)"),
    ],
)
def test_a_mapping_of_letters_is_checked_when_it_is_loaded(tmp_path, parts, said):
    assert any(said in fault for fault in faults(tmp_path, **parts)), faults(tmp_path, **parts)


ORDERS = "DD/MM/YYYY | D MMM YYYY | DD-MMM-YY"


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("12/05/2024", "2024-05-12"), ("12 May 2024", "2024-05-12"), ("12-May-24", "2024-05-12"),
        ("12 may 2024", "2024-05-12"), ("05/12/24", None), ("2024-05-12", None),
        ("31/02/2024", None),
        ("12.05.2024", None),
    ],
)  # fmt: skip
def test_dates_are_read_in_the_orders_that_are_named_and_in_no_other(text, date):
    convert = date_converter(ORDERS)
    if date:
        assert convert(text, []) == date
    else:
        with pytest.raises(ValueError, match=r"orders|no such date"):
            convert(text, [])


def test_two_digits_of_a_year_do_not_say_when_somebody_was_born(tmp_path):
    assert not any("year of two" in fault for fault in faults(tmp_path, order="DD/MM/YYYY"))
    assert any("year of two" in fault for fault in faults(tmp_path, order="DD-MMM-YY"))


def test_mappings_of_letters_extend_one_another(tmp_path):
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "rx5.docx").write_bytes(docx("Name: Rosa"))
    (folder / "page.html").write_text("<html><body><p>Name: Rosa")
    (tmp_path / "rx5-letter.yaml").write_text(
        MAPPING.format(
            format="docx", letter="{labels: [Ward]}", path="label('Name')", order="D/M/YYYY"
        )
    )
    (tmp_path / "rx5-page.yaml").write_text(
        'mapping: rx5-page\nversion: "1.0.0"\nextends: rx5-letter\nsource: {format: html}\n'
        "examples: [examples/page]\n"
    )
    with pytest.raises(MappingFaults) as fault:
        Mappings.load(tmp_path, formats=FORMATS)

    assert {str(one).partition(": ")[2] for one in fault.value.faults} == {
        "examples/rx5.expected.json is missing: check-mappings --accept writes it",
        "examples/page.expected.json is missing: check-mappings --accept writes it",
    }


def test_what_a_rule_read_of_a_section_counts_as_read_with_its_heading(tmp_path):
    reader = FORMATS["docx"].knowing((), (), ())
    path = reader.compile_path("section('Plan')")
    (letter,) = reader.read(docx("# Plan", "one", "two", "# Other", "three"))

    assert list(path.places(letter.root)) == ["paragraph 2"]
    assert path.covers is not None
    assert list(path.covers(letter.root)) == ["paragraph 1", "paragraph 2", "paragraph 3"]
    assert list(letter.leaves()) == [f"paragraph {at}" for at in range(1, 6)]

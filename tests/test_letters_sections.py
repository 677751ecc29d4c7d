"""Sections and tables of letters: a heading and all until the next, rows by their columns."""

from __future__ import annotations

import pytest

from tests.letter_files import docx, pdf, word
from tests.test_letters_labels import found, html, read

TEXTS = (
    "# Diagnoses",
    "UTI",
    "Falls",
    "# Plan",
    "- Stop aspirin",
    "- Repeat bloods",
    "# Other",
    "x",
)
PAGE = [
    (40, 40, "*Diagnoses"), (40, 55, "UTI"), (40, 68, "Falls"), (40, 90, "*Plan"),
    (40, 105, "- Stop aspirin"), (40, 118, "- Repeat bloods"), (40, 140, "*Other"), (40, 155, "x"),
]  # fmt: skip
LISTED = "<h2>Diagnoses</h2><p>UTI<p>Falls<h2>Plan</h2><ul><li>Stop aspirin<li>Repeat bloods</ul>"
FILES = {
    "docx": lambda: read("docx", docx(*TEXTS)),
    "pdf": lambda: read("pdf", pdf([PAGE])),
    "html": lambda: html(f"{LISTED}<h2>Other</h2><p>x"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_section_is_everything_until_the_next_heading(name):
    letter = FILES[name]()

    assert found(letter, "section('Diagnoses')") == ["UTI\nFalls"]
    assert found(letter, "section('plan')") == ["- Stop aspirin\n- Repeat bloods"]
    assert found(letter, "sections().heading()") == ["Diagnoses", "Plan", "Other"]
    assert found(letter, "section('Medication')") == []


@pytest.mark.parametrize("name", FILES)
def test_a_heading_that_the_mapping_does_not_name_belongs_to_the_text_if_looks_do_not_count(name):
    letter = FILES[name]()

    text = found(letter, "section('Diagnoses')", headings=["Other"])
    assert text == ["UTI\nFalls\nPlan\n- Stop aspirin\n- Repeat bloods"]
    assert found(letter, "section('Diagnoses')", headings=["P*n"]) == ["UTI\nFalls"]
    assert found(letter, "sections().heading()", headings=["styled()"]) == [
        "Diagnoses", "Plan", "Other",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>Diagnosis: UTI</p><p>and falls</p><h2>Plan</h2>", "UTI\nand falls"),
        ("<table><tr><td>Diagnosis<td>UTI<tr><td><td>falls<tr><td>Ward<td>7</table>", "UTI\nfalls"),
        ("<table><tr><td>Diagnosis:<br>UTI<td>Weight:<td>61</table>", "UTI"),
        ("<table><tr><td>Diagnosis:<td>Weight:<td>61</table>", None),
        ("<table><tr><td>Diagnosis:<br>UTI<td>Plan:<br>none</table>", "UTI"),
        ("<table><tr><td>Diagnosis<tr><td>Mode: <td>Elective</table>", "Mode: Elective"),
        ("<p>Diagnosis</p><p>one<br><br><br>two</p>", "one\n\ntwo"),
    ],
)
def test_what_belongs_to_a_heading_in_a_table_or_a_line(body, text):
    assert found(html(body), "section('Diagnosis')", headings=["Plan"]) == ([text] if text else [])


def test_headings_are_chosen_by_css_and_a_text_above_them_is_the_beginning():
    body = "<p>Date: 1<p class=h>Plan<p><b>Not a heading</b><p class=h>Notes<p>x"
    headings = ["css('p.h')"]

    assert found(html(body), "section('Plan')", headings=headings) == ["Not a heading"]
    assert found(html(body), "beginning()", headings=headings) == ["Date: 1"]


def test_a_text_goes_on_over_pages_without_their_headers_and_footers():
    first = [(40, 60, "*Plan"), (40, 80, "Stop aspirin."), (40, 800, "Sample Trust"),
             (500, 800, "Page 1 of 2")]  # fmt: skip
    second = [(40, 20, "Rosa Sample"), (40, 60, "Repeat bloods."), (40, 800, "Sample Trust"),
              (500, 800, "Page 2 of 2")]  # fmt: skip
    letter = read("pdf", pdf([[(40, 20, "Rosa Sample"), *first], second]))
    reader_rule = "Page # of #"

    (text,) = _without(letter, reader_rule, "section('Plan')")
    assert text == "Stop aspirin.\nRepeat bloods.\nSample Trust"
    (whole,) = found(letter, "letter()")
    assert whole.count("Rosa Sample") == whole.count("Sample Trust") == 1


def _without(letter, rule, path):
    from service.formats import FORMATS

    reader = FORMATS[letter.format].knowing((), (), (rule,))
    return list(reader.compile_path(path).values(letter.root))


DRUGS = [["Drug", "Dose", "When"], ["Morphine", "10 mg", "twice a day"], ["", "", "with food"],
         ["Senna", "15 mg", "at night"]]  # fmt: skip
LINES = [
    (40, 40, "Drug"), (200, 40, "Dose"), (300, 40, "When"),
    (40, 55, "Morphine"), (198, 55, "10 mg"), (300, 55, "twice a day"), (300, 68, "with food"),
    (40, 81, "Senna"), (200, 81, "15 mg"), (300, 81, "at night"),
    (40, 110, "All of these were explained to the patient and her daughter."),
]  # fmt: skip
TABLES = {
    "docx": lambda: read("docx", docx(DRUGS, "All of these were explained.")),
    "pdf": lambda: read("pdf", pdf([LINES])),
    "html": lambda: html(
        "<table>" + "".join(f"<tr><td>{'<td>'.join(row)}" for row in DRUGS) + "</table><p>All"
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_found_by_the_names_of_their_columns(name):
    letter = TABLES[name]()

    assert found(letter, "rows('Drug', 'Dose').column('Drug')") == ["Morphine", "Senna"]
    assert found(letter, "rows('Drug').column('When')") == ["twice a day\nwith food", "at night"]
    assert found(letter, "rows('Drug').column('Route')") == []
    assert found(letter, "rows('Drug', 'Route')") == []


def test_a_cell_across_the_columns_is_a_note_on_the_row_above_it():
    rows = "<tr><td>A<td>1<tr><td colspan=2>with food<tr><td>B<td>2"
    letter = html(f"<table><tr><td>Drug<td>Dose{rows}</table>")

    assert found(letter, "rows('Drug', 'Dose').column('Drug')") == ["A", "B"]
    assert found(letter, "rows('Drug', 'Dose').note()") == ["with food"]
    assert found(letter, "rows('Drug', 'Dose')") == ["A | 1\nwith food", "B | 2"]


def test_what_word_puts_into_controls_changes_and_boxes_is_read_and_what_is_gone_is_not():
    run = "<w:r><w:t>{}</w:t></w:r>"
    letter = read(
        "docx",
        word(
            f"<w:sdt><w:sdtContent><w:p>{run.format('NHS No: 999')}</w:p></w:sdtContent></w:sdt>"
            f"<w:p>{run.format('Ward: ')}<w:ins>{run.format('7')}</w:ins>"
            f"<w:del><w:r><w:delText>8</w:delText></w:r></w:del></w:p>"
            f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r></w:p>"
            f"<w:p><w:r><w:txbxContent><w:p>{run.format('Box: in')}</w:p></w:txbxContent>"
            f"</w:r></w:p>"
        ),
    )

    assert found(letter, "letter()") == ["NHS No: 999\nWard: 7\nBox: in"]
    assert {issue.text.partition(" ")[0] for issue in letter.issues} == {"what", "hidden"}

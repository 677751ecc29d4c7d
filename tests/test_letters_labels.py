"""Labels and headings of letters: the same words find the same values in HTML, PDF and DOCX."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from service.formats import FORMATS
from service.formats.letters.letter import Letter
from tests.letter_files import docx, pdf


def html(body: str) -> Letter:
    """Return a page with this body."""
    page = f"<html><head><meta charset=utf-8></head><body>{body}</body></html>"
    return read("html", page.encode())


def read(name: str, body: bytes) -> Letter:
    """Return the letter in a file."""
    (letter,) = FORMATS[name].read(body)
    assert isinstance(letter, Letter)
    return letter


def found(
    letter: Letter, path: str, also: Sequence[str] = (), headings: Sequence[str] = ()
) -> list:
    """Return the values of a path of a mapping that knows the labels `also`, and these headings."""
    reader = FORMATS[letter.format].knowing(headings, also, ())
    return list(reader.compile_path(path).values(letter.root))


ROWS = [["NHS Number:", "999 000 1251", "DOB:", "09/03/1951"], ["Ward:", "", "Consultant:", "Dr S"]]
PAGE = [
    (40, 40, "NHS Number:"), (140, 40, "999 000 1251"), (300, 40, "DOB:"), (360, 40, "09/03/1951"),
    (40, 60, "Ward:"), (300, 60, "Consultant:"), (360, 60, "Dr S"),
]  # fmt: skip
TABLE = "".join(f"<tr>{''.join(f'<td>{cell}' for cell in row)}" for row in ROWS)
FILES = {
    "docx": lambda: read("docx", docx(ROWS)),
    "pdf": lambda: read("pdf", pdf([PAGE])),
    "html": lambda: html(f"<table>{TABLE}</table>"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_value_is_what_stands_beside_its_label(name):
    letter = FILES[name]()

    assert found(letter, "label('NHS Number')") == ["999 000 1251"]
    assert found(letter, "label('nhs  number:')") == ["999 000 1251"]
    assert found(letter, "label('D.O.B', 'DOB')") == ["09/03/1951"]
    assert found(letter, "label('Consultant')") == ["Dr S"]


@pytest.mark.parametrize("name", FILES)
def test_a_label_with_nothing_beside_it_takes_nothing_from_another(name):
    assert found(FILES[name](), "label('Ward')") == []


@pytest.mark.parametrize("name", FILES)
def test_a_part_of_a_label_is_no_label(name):
    assert found(FILES[name](), "label('Number')") == []


@pytest.mark.parametrize(
    ("text", "label", "also", "values"),
    [
        ("NHS No: 999 000 1251", "NHS No", (), ["999 000 1251"]),
        ("NHS No.: 999 000 1251 DOB: 09/03/1951", "NHS No", ("DOB",), ["999 000 1251"]),
        ("NHS No.: 999 000 1251 DOB: 09/03/1951", "DOB", ("NHS No",), ["09/03/1951"]),
        ("Seen at 09:37", "Seen at 09", (), []),
        ("Time: 09:37", "Time", (), ["09:37"]),
        ("Admission Date: 01/02/2025", "Date", (), []),
        ("Admission Date: 01/02/2025", "Date", ("Admission Date",), []),
        ("Name: Rosa Sample Admission Date: 01/02/2025", "Date", ("Name",), []),
        ("Name: Rosa; Ward: 7", "Name", ("Ward",), ["Rosa"]),
        ("Plan: see the note: none", "Plan", ("note",), ["see the note: none"]),
        ("Date :01/02/2025", "Date", (), ["01/02/2025"]),
        ("Date:", "Date", (), []),
    ],
)  # fmt: skip
def test_labels_within_a_line_are_told_apart(text, label, also, values):
    assert found(html(f"<p>{text}</p>"), f"label('{label}')", also) == values


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("<table><tr><td>NHS No<td>Ward<tr><td>9990001251<td>7</table>", []),
        ("<table><tr><td>NHS No<td>Ward:<tr><td>9990001251<td>7</table>", []),
        ("<table><tr><td>NHS No<br>Ward<td>9990001251<br>7</table>", ["9990001251"]),
        ("<table><tr><td>NHS No<br>Ward<td>9990001251</table>", []),
        ("<table><tr><td><table><tr><td>NHS No:<tr><td>Ward:</table>"
         "<td><table><tr><td>9990001251<tr><td>7</table></table>", ["9990001251"]),
        ("<table><tr><td><table><tr><td>NHS No:<tr><td>Ward:</table>"
         "<td><table><tr><td>7</table></table>", []),
        ("<p>NHS No:&nbsp;&nbsp;&nbsp;&nbsp;9990001251</p>", ["9990001251"]),
        ("<p>NHS No:</p><p>Ward: 7</p>", []),
        ("<div style='display:none'>NHS No: 9990001251</div><p>Ward: 7</p>", []),
    ],
)  # fmt: skip
def test_cells_and_lines_beside_each_other_are_paired_only_where_it_is_plain_which_are(
    body, values
):
    assert found(html(body), "label('NHS No')", ["Ward"]) == values


def test_a_value_under_its_label_is_asked_for_as_such():
    letter = html("<table><tr><td>NHS No<td>Ward<tr><td>9990001251<td>7</table>")
    page = read(
        "pdf",
        pdf([[(40, 40, "NHS No"), (200, 40, "Ward"), (42, 55, "9990001251"), (201, 55, "7")]]),
    )

    for one in (letter, page):
        assert found(one, "under('NHS No')", ["Ward"]) == ["9990001251"]
        assert found(one, "under('Ward')", ["NHS No"]) == ["7"]


def test_what_is_set_further_in_below_a_label_goes_on_with_its_value():
    texts = [(40, 40, "Address:"), (120, 40, "1 Sample Street"), (300, 40, "Ward:"), (360, 40, "7")]
    below = [(120, 53, "DEAL"), (300, 53, "Bed:"), (360, 53, "2"), (120, 66, "CT14 9ZZ")]
    letter = read("pdf", pdf([[*texts, *below, (40, 80, "Dear Dr Example")]]))

    assert found(letter, "label('Address')", ["Ward", "Bed"]) == ["1 Sample Street\nDEAL\nCT14 9ZZ"]
    assert found(letter, "label('Ward')", ["Bed", "Address"]) == ["7"]


def test_a_ruled_table_is_read_cell_by_cell():
    boxes = [(40, 40, 140, 80), (140, 40, 300, 80), (40, 80, 140, 110), (140, 80, 300, 110)]
    texts = [(45, 45, "Address:"), (145, 45, "1 Sample Street"), (145, 60, "DEAL")]
    letter = read("pdf", pdf([[*texts, (45, 85, "Ward:"), (145, 85, "7")]], boxes=boxes))

    assert found(letter, "label('Address')") == ["1 Sample Street\nDEAL"]
    assert found(letter, "label('Ward')") == ["7"]


def test_several_values_of_a_label_are_all_there_and_one_can_be_chosen():
    letter = html("<p>Date: 01/02/2025</p><h2>Medicines</h2><p>Date: 02/02/2025</p>")

    assert found(letter, "label('Date')") == ["01/02/2025", "02/02/2025"]
    assert found(letter, "label('Date').last()") == ["02/02/2025"]
    assert found(letter, "beginning().label('Date')") == ["01/02/2025"]
    assert found(letter, "section('Medicines').label('Date')") == ["02/02/2025"]


def test_a_value_knows_the_label_that_it_has():
    letter = html("<table><tr><td>Next appointment: <td>1 week</table>")

    assert found(letter, "label('Next Appointment', 'Review')") == ["1 week"]
    assert found(letter, "label('Next Appointment', 'Review').heading()") == ["Next appointment"]


def test_css_selects_elements_of_a_page():
    letter = html('<p>NHS <span class="no">9990001251</span></p><p>Ward 7</p>')

    assert found(letter, "css('span.no')") == ["9990001251"]
    assert found(letter, "css('p').last()") == ["Ward 7"]
    assert found(letter, "line('Ward *').css('span')") == []

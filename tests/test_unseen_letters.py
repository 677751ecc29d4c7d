"""What letters and files say in ways that the examples do not have."""

from __future__ import annotations

import time

import pytest
from mapping_samples import converted, fact

from service import formats
from service.errors import UnknownFormat, UnreadableMessage

LETTER = """<html><body><h1>Discharge summary</h1><table>
<tr><th>Patient Name</th><td>ANN XXTEST</td><th>NHS Number</th><td>999 408 6316</td></tr>
<tr><th>Date of Birth</th><td>03/04/1941</td><th>Admitted</th><td>01/03/2025</td></tr>
<tr><th>GP Practice</th><td>{practice}</td><th>Discharged</th><td>10/03/2025 14:30</td></tr>
</table><h2>Actions for GP</h2><p>Review</p></body></html>"""


def test_rich_text_is_not_taken_for_json() -> None:
    with pytest.raises(UnknownFormat):
        formats.detect("", rb"{\rtf1\ansi Dear Doctor}")


@pytest.mark.parametrize(
    ("practice", "code"),
    [
        ("Sample Surgery (G99901)", "G99901"),
        ("(G99901) Sample Surgery", "G99901"),
        ("Sample Surgery (Unit 12345)", None),
        ("Sample Surgery", None),
    ],
)
def test_the_code_of_a_practice_in_brackets_behind_its_name_is_read(
    practice: str, code: str | None
) -> None:
    _, transfer = converted("RX5", LETTER.format(practice=practice).encode())

    assert fact(transfer, "patient.gp_practice.ods") == code
    assert fact(transfer, "recipients[].ods") == (code,)


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe\n\0", b"\x0b\x1c\r"])
@pytest.mark.parametrize("media_type", ["", "application/hl7-v2", "application/fhir+json"])
def test_what_is_empty_is_called_empty_whatever_it_is_said_to_be(
    media_type: str, body: bytes
) -> None:
    with pytest.raises(UnreadableMessage, match="the message is empty"):
        formats.detect(media_type, body)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_mapping_s_format_is_asked_nothing_of_an_empty_file(name: str) -> None:
    with pytest.raises(UnreadableMessage, match="the message is empty"):
        formats.reader(name, b"\n")


TERMS = """<html><body><dl><dt>Patient</dt><dd>Ann XXTEST</dd><dt>NHS No.</dt><dd>999 408 6316</dd>
<dt>D.O.B.</dt><dd>3 Apr 1941</dd><dt>Date of discharge</dt><dd>12/06/2025</dd></dl>
<dl><dt>Clinical summary</dt><dd><p>One.</p></dd><dd>Two.</dd><dt>Actions for GP</dt>
<dd>Review</dd></dl></body></html>"""


def test_terms_of_a_list_and_what_stands_beside_them_are_labels_and_values() -> None:
    _, transfer = converted("RX5", TERMS.encode())

    assert (transfer.patient.nhs_number, transfer.patient.name) == ("9994086316", "Ann XXTEST")
    assert str(fact(transfer, "encounter.discharged_at")) == "2025-06-12"
    assert dict(
        zip(fact(transfer, "sections[].title"), fact(transfer, "sections[].narrative"), strict=True)
    ) == {"Clinical summary": "One.\nTwo.", "Actions for GP": "Review"}


def test_a_list_that_holds_more_than_its_terms_loses_nothing() -> None:
    page = TERMS.replace("<dl><dt>Clinical", "<dl><p>before</p>loose<dt>Clinical")
    (source,) = formats.FORMATS["html"].read(page.encode())

    words = {text for row in source.rows for text in row.text.split()}  # type: ignore[attr-defined]
    assert {"before", "loose", "One.", "Two.", "Review"} <= words


def test_a_header_that_ends_in_very_many_separators_is_read_at_once() -> None:
    body = b"NHS Number,Name" + b"," * 100_000 + b"\n1,2\n"
    start = time.process_time()
    (row,) = formats.FORMATS["csv"].read(body)

    assert time.process_time() - start < 1
    assert row.format == "csv"

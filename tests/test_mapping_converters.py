"""What converters make of texts, and what they say of texts that they do not understand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.mapping.converters import make
from service.model import Telecom

LONDON = ZoneInfo("Europe/London")


def convert(name: str, text: str, argument: str | None = None) -> object:
    return make(name, argument, LONDON).convert(text, [])


@pytest.mark.parametrize(
    ("name", "text", "made"),
    [
        ("nhs_number", "999 012-3454", "9990123454"),
        ("ods", " y06601 ", "Y06601"),
        ("gender", "1", "male"),
        ("gender", "f", "female"),
        ("gender", "A", "other"),
        ("gender", "9", "unknown"),
        ("gender", " X ", "unknown"),
        ("gender", "Female", "female"),
        ("integer", " 007 ", 7),
        ("integer", "-3", -3),
        ("boolean", "Y", True),
        ("boolean", "no", False),
        ("boolean", "0", False),
        ("base64", "SGVs\r\n bG8=", b"Hello"),
        ("base64", "", b""),
        ("hex", "48 65", b"He"),
        ("utf8", "é", "é".encode()),
        ("text", " a \n b ", "a b"),
        ("text", " ", None),
        ("strip", " a  b ", "a  b"),
        ("strip", "\t", None),
        ("upper", "aß", "ASS"),
        ("lower", "É", "é"),
        ("lines", "a\r\n\r\n  b\nc", ("a", "b", "c")),
        ("lines", " \n ", None),
        ("telecom", "01632 960 001", Telecom(value="01632 960 001", system="phone")),
        ("telecom", "07700 900001", Telecom(value="07700 900001", system="phone", use="mobile")),
        (
            "telecom",
            "+44 (7700) 900-001",
            Telecom(value="+44 (7700) 900-001", system="phone", use="mobile"),
        ),
        ("telecom", "mailto:a@example.com", Telecom(value="a@example.com", system="email")),
        ("telecom", "FAX:01632960002", Telecom(value="01632960002", system="fax")),
        ("telecom", "tel: ", None),
        ("xhtml_text", "<div>a<br/>b &amp; c<ul><li>d</li></ul></div>", "a\nb & c\nd"),
        ("xhtml_text", "<tr><td>a</td><td>b&nbsp;c</td></tr>", "a b c"),
        ("base64_or_text", "SGVsbG8=", b"SGVsbG8="),  # base64 of no file that is known
        ("base64_or_text", "JVBERi0xLjQK", b"%PDF-1.4\n"),
        ("base64_or_text", "not base64", b"not base64"),
        ("xhtml_text", "<div> <!-- nothing --> </div>", None),
        ("xhtml_text", "<div>a<![CDATA[ <b> ]]>c</div>", "a <b> c"),
        ("uri", "2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("uri", " 1.2.3.4 ", "urn:oid:1.2.3.4"),
        (
            "uri",
            "6F1BD58B-C58F-40B7-B314-CAF1294ED98B",
            "urn:uuid:6f1bd58b-c58f-40b7-b314-caf1294ed98b",
        ),
        ("uri", "https://fhir.nhs.uk/Id/nhs-number", "https://fhir.nhs.uk/Id/nhs-number"),
    ],
)
def test_a_converter_makes_what_is_documented(name, text, made):
    assert convert(name, text) == made


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nhs_number", "9990123450"),
        ("nhs_number", "9999999999"),
        ("nhs_number", "999012345"),
        ("ods", "R J Z"),
        ("gender", "W"),
        ("integer", "1.0"),
        ("integer", "٣"),
        ("boolean", "maybe"),
        ("base64", "SGVsbG8"),
        ("base64", "SGVs*G8="),
        ("hex", "4"),
        ("uri", "LOINC"),
        ("uri", "1.02.3"),
        ("xhtml_text", "<div>" * 400 + "deep"),
    ],
)
def test_what_is_not_understood_is_refused_without_quoting_it(name, text):
    with pytest.raises(ValueError, match=r"\w") as refused:
        convert(name, text)
    assert text not in str(refused.value)


def test_a_text_that_is_no_number_is_kept_with_a_doubt():
    doubts: list[tuple[str, str]] = []

    made = make("telecom", None, LONDON).convert("none", doubts)

    assert made == Telecom(value="none", system="phone")
    assert [severity for severity, _ in doubts] == ["warning"]


@pytest.mark.parametrize(
    ("name", "argument", "said"),
    [
        ("upper", "x", "upper takes no argument"),
        ("capitals", None, "there is no converter capitals"),
        ("match", None, "match needs a pattern"),
        ("match", "(a+)+", "what repeats freely"),
        ("date", "DD", "DD has a day and no month"),
    ],
)
def test_a_wrong_converter_says_what_is_wrong(name, argument, said):
    with pytest.raises(ValueError, match=said):
        make(name, argument, LONDON)


@settings(max_examples=300)
@given(
    st.sampled_from(
        ["gender", "integer", "boolean", "base64", "hex", "telecom", "xhtml_text", "ods", "uri"]
    ),
    st.text(max_size=60),
)
def test_no_text_crashes_a_converter(name, text):
    made: object = None
    try:
        made = convert(name, text)
    except ValueError as error:
        made = error
    assert made is None or isinstance(made, (str, int, bytes, Telecom, ValueError))

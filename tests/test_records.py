"""JSON, CSV and XML of a trust's own design: every value by its name, every fault by its place."""

from __future__ import annotations

import pytest

from service.errors import UnreadableMessage
from service.formats import FORMATS, detect

JSON = b"""{"ED No": "E1", "nhs": 9990001251, "dead": false, "none": null, "blank": " ",
 "ids": [{"type": "NHS", "value": "1"}, {"type": "O'R", "value": "2"}], "name": {"last": "S"},
 "lines": ["a", "b"], "nested": [[{"x": 1}], [{"x": 2}]]}"""
XML = b"""<r:Msg xmlns:r="urn:a" xmlns="urn:b"><Id Type="x">1</Id><Id>2</Id>
 <r:Who><Name> Rosa <b>S</b></Name><Empty/></r:Who></r:Msg>"""


def found(name: str, body: bytes, path: str) -> list[str]:
    """Return the values of a path in the first message of `body`."""
    reader = FORMATS[name]
    return list(reader.compile_path(path).values(reader.read(body)[0].root))


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("['ED No']", ["E1"]), ("'ED No'", ["E1"]), ("$['ED No']", ["E1"]), ("nhs", ["9990001251"]),
        ("dead", ["false"]), ("none", []), ("blank", []), ("missing", []), ("name", []),
        ("ids.value", ["1", "2"]), ("ids[0].value", ["1"]), ("ids[-1].value", ["2"]),
        ("ids[7].value", []), ("ids[type='NHS'].value", ["1"]), ("ids[type!='NHS'].value", ["2"]),
        ("ids[type='O''R'].value", ["2"]), ("name.last", ["S"]), ("name.*", ["S"]),
        ("lines", ["a", "b"]), ("lines[1]", ["b"]), ("name[0].last", ["S"]),
        ("nested.x", ["1", "2"]),
        ("name.last.%name", ["last"]),
    ],
)  # fmt: skip
def test_json_is_read_by_dotted_paths(path, values):
    assert found("json", JSON, path) == values


@pytest.mark.parametrize(
    "path", ["", "a..b", ".a", "a.", "a[", "a[x]", "a[1", "a b[?]", "a['", "a[b>'1']", "*a"]
)
def test_a_wrong_json_path_is_refused(path):
    with pytest.raises(ValueError, match=r"character|empty"):
        FORMATS["json"].compile_path(path)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("Id", ["1", "2"]), ("/Msg/Id[1]", ["1"]), ("//Id[@Type='x']", ["1"]), ("Id/@Type", ["x"]),
        ("Who/Name", [" Rosa S"]), ("Who/Empty", []), ("count(Id)", ["2"]),
        ("Who/Name/text()", [" Rosa "]),
        ("string(Who/None)", []), ("Id[2] = '2'", ["true"]),
    ],
)  # fmt: skip
def test_xml_is_read_by_xpath_without_prefixes(path, values):
    assert found("xml", XML, path) == values


@pytest.mark.parametrize("path", ["r:Id", "Id[", "no-such()", "$x"])
def test_a_wrong_xpath_is_refused_when_it_is_compiled(path):
    with pytest.raises(ValueError, match="not an XPath"):
        FORMATS["xml"].compile_path(path)


@pytest.mark.parametrize(
    ("body", "delimiter"),
    [
        ("\ufeffNHS Number,Ward,Note\r\n1,7,a\r\n".encode(), ","),
        (b'NHS Number;Ward;Note\n1;7;"a, b; c"\n', ";"),
        (b"sep=;\nNHS Number;Ward;Note\n1;7;a\n", ";"),
        (b"NHS Number\tWard\tNote\n1\t7\ta\n", "\t"),
        ("NHS Number,Ward,Note\n1,7,caf\u00e9\n".encode("cp1252"), ","),
        ("NHS Number,Ward,Note\n1,7,caf\u00e9\n".encode("utf-16"), ","),
        (b'\n"NHS Number",Ward,"No te"\n\n1,7,"two\nlines"\n\n', ","),
    ],
)
def test_csv_is_read_whatever_parts_and_writes_it(body, delimiter):
    assert found("csv", body, "NHS Number") == ["1"]
    assert found("csv", body, "nhs  number") == ["1"]
    assert found("csv", body, "Ward") == ["7"]
    assert found("csv", body, "header('ward')") == ["Ward"]
    assert found("csv", body, "header('Bed')") == []
    assert detect("text/csv", body).name == "csv"


def test_each_row_of_a_csv_is_a_message_with_bytes_of_its_own():
    body = b'A;B;C\r\n1;"x\r\ny";2\r\n;;\r\n3;z;4\r\n'
    first, second = FORMATS["csv"].read(body)

    assert (first.raw, second.raw) == (b'A;B;C\r\n1;"x\r\ny";2', b"A;B;C\r\n3;z;4")
    assert list(second.leaves()) == ["line 5, column A", "line 5, column B", "line 5, column C"]
    assert FORMATS["csv"].read(second.raw)[0].message_id == second.message_id != first.message_id


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (
            b"A,B\n1,2\n1\n1,2,3\n",
            ["line 3: 1 values for 2 columns", "line 4: 3 values for 2 columns"],
        ),
        (b"A,a\n1,2\n", ["line 1"]), (b"A,,B\n1,2,3\n", ["line 1"]), (b"A,B\n", ["line 1"]),
        (b'A,B\n1,"2\n', ["line 2"]), (b'A,B\n1,"2"x\n', ["line 2"]), (b"", ["line 1"]),
    ],
)  # fmt: skip
def test_faults_of_rows_are_told_with_their_lines(body, places):
    with pytest.raises(UnreadableMessage) as refused:
        FORMATS["csv"].read(body)

    assert [issue.source for issue in refused.value.issues] == places


def test_a_guessed_character_set_is_told_and_the_mappings_own_is_used():
    body = "A,B,C\n\u00a3,2,3\n".encode("cp1252")
    (guessed,) = FORMATS["csv"].read(body)
    (told,) = FORMATS["csv"].read(body, "iso8859-15")

    assert guessed.charset_guessed
    assert [issue.severity for issue in guessed.issues] == ["warning"]
    assert not told.charset_guessed
    assert not told.issues


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "1 to 5000"), (b"[1, {}]", "is a JSON object"), (b'"a"', "is a JSON object"),
        (b'{"a": 1, "a": 2}', "twice"), (b'{"a": NaN}', "NaN"), (b'{"a":\n', "line 2, column 1"),
        (b'{"a": "\xe9"}', "UTF-8"),
    ],
)  # fmt: skip
def test_json_that_is_none_is_refused_with_its_place(body, said):
    with pytest.raises(UnreadableMessage, match=said):
        FORMATS["json"].read(body)


@pytest.mark.parametrize(
    ("media_type", "body", "name"),
    [
        ("", b"%PDF-1.4 \n", "pdf"), ("", b"\n\n%PDF-1.4", "pdf"), ("text/html", b"<p>x", "html"),
        ("", b"<!DOCTYPE html><p>x", "html"), ("", b"\xef\xbb\xbf<!-- x --><HTML>", "html"),
        ("", b"<Msg/>", "xml"), ("application/xml", b"<?xml version='1.0'?><a/>", "xml"),
        ("", b' {"a": 1}', "json"), ("", b"[{}]", "json"), ("text/csv", b"a,b\n1,2", "csv"),
        ("", b"NHS,Name,Ward\n1,2,3\n", "csv"), ("", b"PK\x03\x04....word/document.xml", "docx"),
        ("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "docx"),
        ("", b'{"resourceType": "Bundle"}', "fhir-r4"), ("", b"MSH|^~\\&|", "hl7v2"),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_media_type_and_content(media_type, body, name):
    assert detect(media_type, body).name == name

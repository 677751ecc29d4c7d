"""Reading FHIR XML: the same as its JSON, narrative byte for byte, no entity ever opened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from fhir_r4_fixtures import ABSENT, MESSAGE, resources, write_xml
from hypothesis import given, settings

from service.errors import UnreadableMessage
from service.formats.fhir_r4 import FORMAT, parse

FHIR = 'xmlns="http://hl7.org/fhir"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
SECRET = "Testpatient"


def patient(inner: str, before: str = "") -> bytes:
    return f"{before}<Patient {FHIR}>{inner}</Patient>".encode()


def test_a_message_is_the_same_in_xml_and_json() -> None:
    parsed = parse(write_xml(MESSAGE))

    assert parsed.resource == MESSAGE
    assert parsed.issues == ()


@settings(max_examples=300, deadline=None)
@given(resource=resources())
def test_any_resource_is_the_same_in_xml_and_json(resource: dict[str, Any]) -> None:
    parsed = parse(write_xml(resource))

    assert parsed.resource == resource
    assert parsed.issues == ()


def test_ids_and_extensions_of_primitives_stand_beside_them() -> None:
    masked = f'<extension url="{ABSENT}"><valueCode value="masked"/></extension>'
    name = f'<name><given value="A"/><given>{masked}</given><given id="g" value="C"/></name>'
    extension = [{"url": ABSENT, "valueCode": "masked"}]

    resource = parse(patient(f"{name}<birthDate>{masked}</birthDate>")).resource

    assert resource == {
        "resourceType": "Patient",
        "name": [
            {
                "given": ["A", None, "C"],
                "_given": [None, {"extension": extension}, {"id": "g"}],
            }
        ],
        "_birthDate": {"extension": extension},
    }


NARRATIVES = [
    f"<div {XHTML}>plain</div>",
    f"<div {XHTML}>\r\n  <p class='a' >x &#160; &lt; é<br /><a></a></p>\n</div>",
    f"<div {XHTML}><div>in<div/>ner</div><!-- </div> --><![CDATA[</div>]]></div >",
    f'<div {XHTML} title="a > b"><span title="\'/>"/></div>',
    f"<div\n {XHTML}/>",
]


@pytest.mark.parametrize("div", NARRATIVES)
@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_narrative_is_kept_byte_for_byte(div: str, encoding: str) -> None:
    text = f"<status value='generated'/>{div}"
    body = (
        f"<?xml version='1.0' encoding='{encoding}'?><!-- <div> --><Composition {FHIR}>"
        f"<section><text>{text}</text></section><!-- <div> --><text>{text}</text>"
        f"<section><text>{text.replace('plain', 'other')}</text></section></Composition>"
    )

    resource = parse(body.encode(encoding)).resource

    assert resource["text"]["div"] == div
    assert [one["text"]["div"] for one in resource["section"]] == [
        div,
        div.replace("plain", "other"),
    ]


@pytest.mark.parametrize("inner", ["a <h:b>b</h:b>", f"<div {XHTML}>a</div>"])
def test_narrative_under_a_prefix_is_written_out_with_its_namespace(inner: str) -> None:
    body = (
        f'<Patient {FHIR} xmlns:h="http://www.w3.org/1999/xhtml"><text>'
        f"<h:div>{inner}</h:div></text></Patient>"
    )

    div = parse(body.encode()).resource["text"]["div"]

    assert div.startswith("<h:div ")
    assert 'xmlns:h="http://www.w3.org/1999/xhtml"' in div
    assert div.endswith(f">{inner}</h:div>")


ODD = [
    (patient("<family value='x'/>"), {"family": "x"}, []),
    (patient("<PatientNote value='x'/>"), {"PatientNote": "x"}, []),
    (patient("<Active value='true'/>"), {"Active": True}, []),
    (patient("<active value='yes'/>"), {"active": "yes"}, []),
    (patient("<gender value='male'/><gender value='other'/>"), {"gender": ["male", "other"]}, []),
    (patient("<gender/>"), {}, ["neither value nor content: gender was not read"]),
    (patient(f"<gender>{SECRET}</gender>"), {}, ["text between the elements of gender", "neither"]),
    (patient("<gender value='male' x='1'/>"), {"gender": "male"}, ["attribute that R4 does not"]),
    (patient("<o:name xmlns:o='urn:o'/>"), {}, ["another namespace name was not read"]),
    (patient("<unknown><a value='1'/><b><c value='2'/></b></unknown>"), None, []),
]


@pytest.mark.parametrize(("body", "expected", "told"), ODD, ids=[str(o[0][36:70]) for o in ODD])
def test_what_r4_does_not_know_is_kept_or_told(
    body: bytes, expected: dict[str, Any] | None, told: list[str]
) -> None:
    parsed = parse(body)
    inner = {"unknown": {"a": "1", "b": {"c": "2"}}} if expected is None else expected

    assert parsed.resource == {"resourceType": "Patient", **inner}
    assert len(parsed.issues) == len(told)
    for issue, text in zip(parsed.issues, told, strict=True):
        assert text in issue.text
        assert SECRET not in issue.text
        assert issue.source == "line 1"


BOMB = (
    '<!DOCTYPE Patient [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)
REFUSED = [
    (patient("<gender value='&i;'/>", BOMB), "document type"),
    (patient("<gender value='&i;'/>", f"<?xml version='1.0'?>\n<!-- x -->{BOMB}"), "document type"),
    (patient("", '<!DOCTYPE Patient SYSTEM "http://192.0.2.1/x.dtd">'), "document type"),
    (patient("", '\ufeff<!DOCTYPE Patient SYSTEM "file:///etc/passwd">'), "document type"),
    (patient("", f"<?xml version='1.0'?>{BOMB}").decode().encode("utf-16-le"), "document type"),
    (patient("<gender value='&i;'/>", BOMB).decode().encode("utf-16"), "document type"),
    (patient("<gender value='&nbsp;'/>"), "not well-formed"),
    (patient(f"<{SECRET}>"), "not well-formed"),
    (patient("<gender value=male/>"), "not well-formed"),
    (b"<Patient xmlns='urn:other'/>", "namespace"),
    (b"<Patient/>", "namespace"),
    (b"   ", "Expecting value"),
    (b"<", "not well-formed"),
    (patient("<contained/>"), "one resource is due in contained, not 0"),
    (patient("<contained><Basic/><Basic/></contained>"), "one resource is due in contained, not 2"),
    (patient("<extension url='x'>" * 120 + "</extension>" * 120), "100 levels"),
    (patient("<extension url='x'>" * 100_000 + "</extension>" * 100_000), "100 levels"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_dangerous_or_broken_xml_is_refused_at_once_with_its_place(
    body: bytes, reason: str
) -> None:
    start = time.perf_counter()

    with pytest.raises(UnreadableMessage) as refusal:
        parse(body)

    assert time.perf_counter() - start < 1  # second
    (issue,) = refusal.value.issues
    assert reason in issue.text
    assert issue.source.startswith("line ")
    assert SECRET not in str(refusal.value)


UNKNOWN = {
    "unknown elements": (f"<Patient {FHIR}>{'<x/>' * 390_000}</Patient>", "tags"),
    "fewer of them": (f"<Patient {FHIR}>{'<x/>' * 19_000}</Patient>", "R4 does not have"),
    "more in one": (f"<Patient {FHIR}>{'<active/>' * 30_000}</Patient>", "20000 children"),
    "texts": (f"<Patient {FHIR}>{'<name>x</name>' * 15_000}</Patient>", "R4 does not have"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_mostly_no_fhir_is_refused_within_a_second(kind: str) -> None:
    body, reason = UNKNOWN[kind]
    start = time.process_time()
    with pytest.raises(UnreadableMessage, match=reason):
        FORMAT.read(body.encode())

    assert time.process_time() - start < 1


def test_of_very_many_parts_that_are_not_read_the_first_are_told_and_how_many_more() -> None:
    told = parse(patient("<o:name xmlns:o='urn:o'/>" * 9_000)).issues

    assert len(told) == 101
    assert told[-1].text == "8900 more parts were not read"


def test_no_file_is_opened_for_an_external_entity(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    dtd = f'<!DOCTYPE Patient [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'

    with pytest.raises(UnreadableMessage, match="document type"):
        parse(patient("<gender><extension url='x'>&x;</extension></gender>", dtd))


def test_the_deepest_xml_that_is_allowed_is_read() -> None:
    extensions = "<extension url='x'>" * 100 + "</extension>" * 100

    (found,) = FORMAT.read(patient(extensions))

    assert len(list(found.leaves())) == 100


@pytest.mark.parametrize(
    ("body", "is_fhir"),
    [
        (b'<Bundle xmlns="http://hl7.org/fhir">', True),
        (b"<?xml version='1.0'?>\n<!-- a -->\n<Bundle\n  xmlns='http://hl7.org/fhir' >", True),
        (b'<f:Bundle xmlns:f="http://hl7.org/fhir">', True),
        (b'\xef\xbb\xbf<Bundle xmlns="http://hl7.org/fhir">', True),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3">', False),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'>http://hl7.org/fhir</html>", False),
        (b'{"resourceType":"Bundle"}', True),
        (b'  {"entry":[],\n"resourceType":"Bundle"}', True),
        (b'{"hello":1}', False),
        (b"MSH|^~\\&|", False),
        (b"", False),
    ],
)
def test_fhir_is_known_by_its_beginning(body: bytes, is_fhir: bool) -> None:
    assert FORMAT.matches("application/octet-stream", body) is is_fhir


@pytest.mark.parametrize(
    ("media_type", "is_r4"),
    [
        ("application/fhir+json", True),
        ("application/fhir+json; fhirVersion=4.0", True),
        ("application/fhir+json; fhirVersion=3.0", False),
        ('application/fhir+json; fhirVersion="5.0"', False),
    ],
)
def test_another_fhir_version_is_not_claimed(media_type: str, is_r4: bool) -> None:
    assert FORMAT.matches(media_type, b'{"resourceType":"Patient"}') is is_r4

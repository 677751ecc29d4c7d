"""Paths into clinical documents: XPath 1.0 with plain names, null values absent, faults early."""

from __future__ import annotations

import re

import pytest
from cda_letters import document, enveloped
from hypothesis import given
from hypothesis import strategies as st

from service.formats.cda import FORMAT

SECTIONS = (
    "<section><code code='A' displayName='Alpha'/><title>First</title>"
    "<text><content ID='c1'>said <b>so</b></content></text>"
    "<entry><observation classCode='OBS' moodCode='EVN'><value xsi:type='CD' code='1'>"
    "<originalText><reference value='#c1'/></originalText></value></observation></entry></section>"
    "<section><code code='B'/><title nullFlavor='NI'>none</title><text nullFlavor='NI'>no</text>"
    "<entry><observation><value code='2' nullFlavor='OTH'><translation code='3'/></value>"
    "<id root='1.2' nullFlavor='UNK'/></observation></entry></section>"
)
(MESSAGE,) = FORMAT.read(enveloped(document(sections=SECTIONS)))

FOUND = {
    "/ClinicalDocument/id/@root": ["1.2.3"],
    "//section/title": ["First"],
    "//section[code/@code='A']/title": ["First"],
    "//section[code/@code='A' or code/@code='B']/code/@code": ["A", "B"],
    "//hl7:section/hl7:code/@code": ["A", "B"],
    "//section[1]/code/@displayName | //section/code/@code": ["A", "Alpha", "B"],
    "(//section)[last()]/code/@code": ["B"],
    "//observation/value[@xsi:type='CD']/@code": ["1"],
    "//observation/value/@code": ["1"],  # the other is null
    "//value/translation/@code": ["3"],
    "//value/@nullFlavor": ["OTH"],
    "//observation/id/@root": [],
    "//value/originalText": ["said so"],  # the words that it refers to
    "//section[2]/text": [],
    "//section/text/content": ["said so"],
    "/itk:DistributionEnvelope/itk:header/@trackingid": ["T1"],
    "/itk:DistributionEnvelope/itk:header/itk:addresslist/itk:address/@uri": [
        "urn:nhs-uk:addressing:ods:8HX03"
    ],
    "concat('urn:oid:', /ClinicalDocument/id/@root)": ["urn:oid:1.2.3"],
    "count(//section) * 2 + 1": ["5"],
    "not(//nothing)": ["true"],
    "//title[not(@nullFlavor) and ../code]": ["First", "Summary"],
    "//observation/ancestor::section/code/@code": ["A", "B"],
    "//name/family/../given": ["Ann"],
    "//patient/*/family": ["XXTEST"],
    "//name": ["Ann XXTEST"],
    "substring-after('tel:1', ':')": ["1"],
}


@pytest.mark.parametrize("path", FOUND)
def test_a_path_finds_what_it_says(path: str) -> None:
    assert sorted(FORMAT.compile_path(path).values(MESSAGE.root)) == sorted(FOUND[path])


def test_paths_go_on_from_the_place_that_each_found() -> None:
    sections = FORMAT.compile_path("//section").nodes(MESSAGE.root)

    codes = [FORMAT.compile_path("code/@code").values(one) for one in sections]
    roots = [FORMAT.compile_path("/ClinicalDocument/id/@root").values(one) for one in sections]
    assert codes == [["A"], ["B"]]
    assert roots == [["1.2.3"], ["1.2.3"]]


def test_the_document_and_its_envelope_are_reached_from_each_other() -> None:
    (address,) = FORMAT.compile_path("/itk:DistributionEnvelope//itk:address").nodes(MESSAGE.root)
    (title,) = FORMAT.compile_path("/ClinicalDocument/title").nodes(MESSAGE.root)

    tracking = FORMAT.compile_path("/itk:DistributionEnvelope/itk:header/@trackingid")
    assert FORMAT.compile_path("/ClinicalDocument/id/@root").values(address) == ["1.2.3"]
    assert tracking.values(title) == ["T1"]
    assert FORMAT.compile_path("@uri").values(address) == ["urn:nhs-uk:addressing:ods:8HX03"]


def test_the_document_itself_can_be_had_as_xml() -> None:
    (text,) = FORMAT.compile_path("document()").values(MESSAGE.root)

    assert text.startswith("<ClinicalDocument ")
    assert text.endswith("</ClinicalDocument>")
    assert "DistributionEnvelope" not in text


def test_the_place_of_every_value_is_a_path_to_it() -> None:
    leaves = list(MESSAGE.leaves())

    assert "/ClinicalDocument/recordTarget[1]/patientRole[1]/id[1]/@extension" in leaves
    assert "/itk:DistributionEnvelope/itk:header[1]/@trackingid" in leaves
    assert len(leaves) == len(set(leaves))
    for leaf in leaves:
        assert len(FORMAT.compile_path(leaf).values(MESSAGE.root)) == 1, leaf


FAULTS = {
    "": "empty",
    "//section[": "no XPath",
    "//section]": "no XPath",
    "fhir:Patient": "there is no prefix fhir",
    "document('file:///etc/passwd')": "there is no function document",
    "id('x')": "there is no function id",
    "//section[code xor title]": "there is no operator xor",
    "children::section": "there is no axis children",
    "//section[@code=$x]": "character 17",
    "a b": "there is no operator b",
    "1|1": "no XPath",
    "nowhere[section/(1)/title | 1]": "no XPath",
    "x" * 2001: "at most 2000 characters",
}


@pytest.mark.parametrize("path", FAULTS)
def test_a_wrong_path_is_a_fault_before_any_message_comes(path: str) -> None:
    with pytest.raises(ValueError, match=re.escape(FAULTS[path])):
        FORMAT.compile_path(path)


@given(st.text(alphabet="/@[]().*=' abdivor:-|+1<>!,", max_size=40))
def test_any_text_is_a_path_or_a_fault(text: str) -> None:
    try:
        path = FORMAT.compile_path(text)
    except ValueError:
        return
    assert len(path.values(MESSAGE.root)) == len(path.places(MESSAGE.root))

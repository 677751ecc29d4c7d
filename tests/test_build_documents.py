"""Documents, sections, provenance and labels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build_fixtures import HOSPICE, NOW, ORIGIN, TRANSACTION, discharge, made
from build_resource import ABSENT, one

from service.fhir.validate import check
from service.model import (
    Document,
    Encounter,
    Patient,
    Request,
    Section,
)


def test_a_document_is_kept_with_its_size_and_digest():
    built = made(discharge(), HOSPICE)

    reference = next(each for each in built.resources if "masterIdentifier" in each)
    attachment = reference["content"][0]["attachment"]
    assert attachment["url"] == f"Binary/{built.contents[0].id}"
    assert (attachment["size"], attachment["hash"]) == (17, "o2tThR4M2VtpcddMwpjkFVETnac=")
    assert built.contents[0].data == b"Discharge summary"


def test_a_document_without_content_says_so():
    built = made(discharge(documents=(Document(id="D"),)), HOSPICE)

    reference = next(each for each in built.resources if "masterIdentifier" in each)
    assert reference["content"][0]["attachment"] == {
        "contentType": "application/octet-stream",
        "_url": ABSENT,
    }
    assert built.contents == ()
    assert [issue.target for issue in built.issues] == ["documents[0]"]


@pytest.mark.parametrize(
    ("said", "content", "told", "doubtful"),
    [
        ("application/pdf", b"%PDF-1.4", "application/pdf", False),
        ("application/pdf", b"JVBERi0xLjQK", "application/pdf", True),
        ("text/plain", b"%PDF-1.4", "application/pdf", True),
        (None, b"%PDF-1.4", "application/pdf", True),
        (None, b"text", "application/octet-stream", False),
        ("text/rtf", b"{\\rtf1", "application/rtf", False),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         False),
    ],
)  # fmt: skip
def test_the_type_of_a_document_is_that_of_its_first_bytes(said, content, told, doubtful):
    given = Document(id="D", content_type=said, content=content)
    built = made(discharge(documents=(given,)), HOSPICE)

    reference = next(each for each in built.resources if "masterIdentifier" in each)
    assert reference["content"][0]["attachment"]["contentType"] == told
    assert built.contents[0].content_type == told
    assert [i.target for i in built.issues] == ["documents[0].content_type"] * doubtful


def test_a_document_tells_what_it_replaces_and_how_confidential_it_is():
    documents = (Document(id="2", replaces="1", appends="0", confidentiality="V"),)
    reference = next(
        each
        for each in made(discharge(documents=documents), HOSPICE).resources
        if "relatesTo" in each
    )

    assert [
        (each["code"], each["target"]["identifier"]["value"]) for each in reference["relatesTo"]
    ] == [
        ("replaces", "1"),
        ("appends", "0"),
    ]
    assert reference["securityLabel"][0]["coding"][0]["code"] == "V"


def test_the_message_itself_is_a_document():
    original = next(
        each
        for each in made(discharge(), HOSPICE).resources
        if each.get("type") == {"text": "Message as received"}
    )

    attachment = original["content"][0]["attachment"]
    assert attachment["url"] == f"Binary/{ORIGIN.message_id}"
    assert (attachment["size"], attachment["hash"]) == (ORIGIN.size, ORIGIN.sha1)


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize(
    ("content_type", "narrative", "div"),
    [
        ("text/plain", "a <b> & c\n d", f"{DIV}<pre>a &lt;b&gt; &amp; c\n d</pre></div>"),
        ("application/xhtml+xml", f"{DIV}<p  >as  is</p></div>", f"{DIV}<p  >as  is</p></div>"),
        ("application/xhtml+xml", "<p>part</p>", f"{DIV}<p>part</p></div>"),
        (
            "application/xhtml+xml",
            "<script>x</script>",
            f"{DIV}<pre>&lt;script&gt;x&lt;/script&gt;</pre></div>",
        ),
        ("application/xhtml+xml", "<p>not closed", f"{DIV}<pre>&lt;p&gt;not closed</pre></div>"),
        ("text/plain", " \n", f"{DIV}Nothing was sent under this heading.</div>"),
    ],
)
def test_a_section_is_kept_byte_for_byte_or_shown_as_it_stands(content_type, narrative, div):
    section = Section(title="Plan", narrative=narrative, content_type=content_type)

    composition = one("Composition", sections=(section,))

    assert composition["section"][0]["text"] == {"status": "additional", "div": div}
    assert check(composition) == []


def test_without_sections_there_is_no_composition():
    kinds = {each["resourceType"] for each in made(discharge(sections=()), HOSPICE).resources}

    assert "Composition" not in kinds


def test_provenance_names_sender_mapping_message_and_everything_made_of_it():
    built = made(discharge(), HOSPICE)
    *others, provenance = built.resources

    assert [each["reference"] for each in provenance["target"]] == [
        f"{each['resourceType']}/{each['id']}" for each in others
    ]
    assert provenance["policy"][0].endswith("/mapping/rjz-adt-discharge|1.0.0")
    assert provenance["recorded"] == NOW.isoformat(timespec="milliseconds")
    assert [each["type"]["coding"][0]["code"] for each in provenance["agent"]] == [
        "author",
        "assembler",
    ]


def test_a_restricted_record_is_labelled_wherever_it_goes():
    restricted = replace(discharge().patient, restricted=True)
    built = made(discharge(patient=restricted), HOSPICE)

    every = [*built.resources, *(each for _, *pair in built.communications for each in pair)]
    assert {each["meta"]["security"][0]["code"] for each in every} == {"R"}


def test_a_training_message_is_labelled_as_a_test():
    message = replace(discharge().message, processing="T")

    codes = [each["code"] for each in one("Patient", message=message)["meta"]["security"]]

    assert codes == ["HTEST"]


def test_control_characters_are_replaced_and_told():
    built = made(
        discharge(patient=Patient(family="Test\x00patient\x0b")),
        replace(HOSPICE, name="Hospice\x1f"),
    )

    assert built.resources[0]["name"][0]["family"] == "Test\ufffdpatient\ufffd"
    _, communication, _ = built.communications[0]
    assert communication["recipient"][0]["display"] == "Hospice\ufffd"
    assert "control characters" in communication["note"][-1]["text"]
    assert check(communication) == []


def test_what_the_sender_posted_is_referred_to_and_not_built():
    given = discharge(
        patient=Patient(reference="Patient/p"),
        encounter=Encounter(reference="Encounter/e"),
        requests=(Request(reference="ServiceRequest/s"),),
        documents=(Document(reference="DocumentReference/d"),),
    )
    built = made(given, HOSPICE, origin=TRANSACTION)

    assert [each["resourceType"] for each in built.resources] == ["Provenance"]
    _, communication, _ = built.communications[0]
    assert communication["subject"]["reference"] == "Patient/p"
    assert communication["encounter"]["reference"] == "Encounter/e"
    assert communication["basedOn"] == [{"reference": "ServiceRequest/s"}]
    assert communication["about"] == [{"reference": "DocumentReference/d"}]

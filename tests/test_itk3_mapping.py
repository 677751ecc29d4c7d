"""What ITK3 and other STU3 messages say, part by part: as their base mappings read them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from mapping_samples import read, shipped

from service.errors import UnmappableMessage
from service.formats.fhir_r4 import parse
from service.formats.fhir_r4.json_reader import as_written
from service.model import OdsCode, TransferOfCare, stu3
from tests.itk3_messages import discharge, example, replaced

SENDER = OdsCode("RVV")
PATIENT = '<identifier>\n<extension url="https://fhir.hl7.org.uk'
NUMBER = 'value="999 001 0005"'


def becomes(body: bytes) -> TransferOfCare:
    source = read(body)
    return shipped().for_source(SENDER, source).apply(source, SENDER)


def outpatient(**parts: Any) -> bytes:
    """Return the outpatient letter, with elements of its Composition changed or (None) left out."""
    bundle = json.loads(example("base-itk3-outpatient.json"))
    composition = bundle["entry"][0]["resource"]
    composition |= {name: value for name, value in parts.items() if value is not None}
    for name in [name for name, value in parts.items() if value is None]:
        del composition[name]
    return json.dumps(bundle).encode()


def texts(transfer: TransferOfCare) -> list[str]:
    return [issue.text for issue in transfer.issues]


def told(transfer: TransferOfCare) -> list[tuple[str | None, str, str]]:
    return [(each.ods, each.role, each.party) for each in transfer.recipients]


def as_json(body: bytes) -> bytes:
    return orjson.dumps(parse(body, stu3.DEFINITIONS).resource, default=as_written)


@pytest.mark.parametrize(
    "name", ["base-itk3-discharge.xml", "base-stu3-referral.xml", "base-nems-death.xml"]
)
def test_xml_and_json_say_the_same(name: str) -> None:
    xml = example(name)

    assert becomes(as_json(xml)) == becomes(xml)


def test_the_narrative_of_a_section_is_what_stands_in_the_bytes() -> None:
    body = discharge()
    odd = (
        '<p  class = "a">\n\tTake <b>10&#160;mg</b> &lt; 4 times<br />\r\n</p><!-- as dictated -->'
    )
    body = replaced(body, "<p>Penicillin: rash</p>", odd)

    narratives = [section.narrative for section in becomes(body).sections]

    assert f'<div xmlns="http://www.w3.org/1999/xhtml">{odd}</div>' in narratives
    assert all(narrative.encode() in body for narrative in narratives)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("", "", "discharge"),
        ('code value="373942005"', 'code value="999"', "discharge"),  # its message says so
        ('<status value="final"/>', '<status value="entered-in-error"/>', "document"),
        (
            '<birthDate value="1948-03-02"/>',
            '<birthDate value="1948-03-02"/><deceasedBoolean value="true"/>',
            "death",
        ),
        (
            'DischargeDestination-1"/>\n<code value="19"/>',
            'DischargeDestination-1"/>\n<code value="79"/>',
            "death",
        ),
        (
            'DischargeMethod-1"/>\n<code value="1"/>',
            'DischargeMethod-1"/>\n<code value="4"/>',
            "death",
        ),
    ],
)
def test_what_kind_of_message_it_is(before: str, after: str, kind: str) -> None:
    body = replaced(discharge(), before, after) if before else discharge()

    assert becomes(body).kind == kind


def test_an_outpatient_letter_is_a_document_with_its_headings_in_the_new_code_system() -> None:
    transfer = becomes(outpatient())

    assert transfer.kind == "document"
    assert [section.code for section in transfer.sections] == [
        "attendance-details", "clinical-summary", "gp-practice",
    ]  # fmt: skip
    assert transfer.patient.gp_practice is not None
    assert transfer.patient.gp_practice.ods == "V81999"
    assert transfer.patient.nhs_number_status == "02"


def test_recipients_are_whom_the_message_and_its_distribution_list_name() -> None:
    transfer = becomes(discharge())

    assert told(transfer) == [
        ("8HX01", "action", "organisation"),  # the message's receiver
        ("8HX01", "action", "organisation"),  # a nurse on the list, by the role she has
        ("G99901", "action", "organisation"),
        (None, "action", "patient"),
    ]


def test_for_information_is_for_information() -> None:
    body = replaced(discharge(), '<code value="FA"/>', '<code value="FI"/>')
    body = replaced(
        body,
        '<receiver>\n<reference value="urn:uuid:5a7c0006',
        '<author>\n<reference value="urn:uuid:5a7c0006',
    )
    body = replaced(body, "</receiver>", "</author>")

    assert {role for _, role, _ in told(becomes(body))} == {"information"}


def test_the_older_extension_names_a_recipient() -> None:
    assert told(becomes(outpatient())) == [("8HX01", "information", "organisation")]


def test_a_practitioner_with_two_organisations_is_sent_to_neither() -> None:
    bundle = json.loads(outpatient())
    role = json.loads(json.dumps(bundle["entry"][-4]))
    assert role["resource"]["resourceType"] == "PractitionerRole"
    role["fullUrl"] = "urn:uuid:5a7c0099-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
    role["resource"] |= {
        "id": "other",
        "organization": bundle["entry"][-5]["resource"]["organization"],
    }
    bundle["entry"].append(role)

    transfer = becomes(json.dumps(bundle).encode())

    assert told(transfer) == [(None, "information", "organisation")]
    assert "multiple-matches" in [issue.code for issue in transfer.issues]


@pytest.mark.parametrize(
    ("number", "kept", "doubt"),
    [
        ("999 001 0005", "9990010005", "spaces or hyphens"),
        ("999-001-0005", "9990010005", "spaces or hyphens"),
        ("9990010006", None, "check digit"),
    ],
)
def test_an_nhs_number_is_read_and_its_oddities_are_flagged(
    number: str, kept: str | None, doubt: str
) -> None:
    transfer = becomes(replaced(discharge(), NUMBER, f'value="{number}"'))

    assert transfer.patient.nhs_number == kept
    assert any(doubt in text for text in texts(transfer))


def test_the_ward_is_the_one_that_was_left_at_the_end() -> None:
    assert becomes(discharge()).encounter.ward == "Sample Ward"


def test_of_several_wards_none_is_guessed() -> None:
    body = replaced(
        discharge(),
        '<end value="2025-07-14T15:30:00+01:00"/></period></location>',
        "</period></location>",
    )

    transfer = becomes(body)

    assert transfer.encounter.ward is None
    assert "multiple-matches" in [issue.code for issue in transfer.issues]


def test_a_stopped_medicine_is_not_on_the_list_and_that_is_told() -> None:
    transfer = becomes(discharge())

    assert [medicine.text for medicine in transfer.medications] == ["Morphine MR 10mg tablets"]
    assert any("left out of the list of medicines" in text for text in texts(transfer))
    stopped = [each for each in transfer.sections if each.title == "Medicine stopped or not taken"]
    assert [each.narrative for each in stopped] == ["Codeine 30mg tablets"]


def test_codes_of_care_connect_become_the_national_ones() -> None:
    stay = becomes(discharge()).encounter

    assert stay.discharge_destination.system.endswith("/UKCore-DischargeDestinationEngland")
    assert (stay.discharge_destination.code, stay.discharge_method.code) == ("19", "1")
    assert (stay.admission_method.code, stay.admission_source.code) == ("21", "19")
    assert str(stay.discharged_at) == "2025-07-14T15:30:00+01:00"


def test_the_document_that_is_replaced_is_named_and_attachments_are_kept() -> None:
    transfer = becomes(discharge())

    assert transfer.message.replaces == "5a7c0009-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
    (attached,) = transfer.documents
    assert (attached.content_type, attached.content) == (
        "text/plain",
        b"Syringe driver chart (synthetic)",
    )


@pytest.mark.parametrize(
    ("confidentiality", "restricted"), [("N", False), ("R", True), ("V", True), ("X", True)]
)
def test_a_confidential_document_is_restricted(confidentiality: str, *, restricted: bool) -> None:
    assert becomes(outpatient(confidentiality=confidentiality)).patient.restricted is restricted


def test_a_list_in_words_tells_nobody_and_says_so() -> None:
    bundle = json.loads(outpatient(extension=[]))
    words = {
        "title": "Distribution list",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "887261000000109"}]},
        "text": {"div": '<div xmlns="http://www.w3.org/1999/xhtml">District nurses</div>'},
    }
    bundle["entry"][0]["resource"]["section"].append(words)

    transfer = becomes(json.dumps(bundle).encode())

    assert transfer.recipients == ()
    assert any("in words only" in text for text in texts(transfer))


def test_two_patients_or_two_documents_in_one_message_are_refused() -> None:
    bundle = json.loads(outpatient())
    second = json.loads(outpatient())["entry"][0]
    second["fullUrl"] = "urn:uuid:5a7c0098-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
    second["resource"]["id"] = "5a7c0098-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
    bundle["entry"].append(second)

    with pytest.raises(UnmappableMessage) as refused:
        becomes(json.dumps(bundle).encode())

    assert any("several documents" in issue.text for issue in refused.value.issues)

"""Whom a clinical document names, what it asks for, what is attached to it, and its doubts."""

from __future__ import annotations

from typing import Any

import pytest
from cda_letters import ODS, US, coded, disposition, document, enveloped
from mapping_samples import converted, doubts, fact

from service.errors import ServiceError

PLAN = "<section><code code='887201000000105'/><title>Plan</title><text>visit</text></section>"


def becomes(body: bytes, path: str) -> Any:
    """Return a value of the record, several as a list."""
    _, transfer = converted("RX5", body)
    found = fact(transfer, path)
    return list(found) if isinstance(found, tuple) else found


def organisation(code: str, name: str) -> str:
    return (
        "<intendedRecipient><receivedOrganization>"
        f"<id root='{ODS}' extension='{code}'/><name>{name}</name>"
        "</receivedOrganization></intendedRecipient>"
    )


NAMED = (
    f"<informationRecipient>{organisation('8HX03', 'Hospice')}</informationRecipient>"
    f"<informationRecipient typeCode='TRC'>{organisation('G99901', 'GP')}</informationRecipient>"
    "<informationRecipient><intendedRecipient><informationRecipient><name><prefix>Dr</prefix>"
    "<family>EXAMPLE</family></name></informationRecipient></intendedRecipient>"
    "</informationRecipient>"
)


def test_primary_recipients_act_and_copies_inform() -> None:
    _, transfer = converted("RX5", document(header=NAMED))

    assert [(r.ods, r.name, r.role, r.party) for r in transfer.recipients] == [
        ("8HX03", "Hospice", "action", "organisation"),
        ("G99901", "GP", "information", "organisation"),
        (None, "Dr EXAMPLE", "action", "practitioner"),
    ]


ENVELOPES = [
    (enveloped(document()), [("8HX03", "action")]),
    (enveloped(document(), interaction="urn:x:copyRecipient-v1"), [("8HX03", "information")]),
    (
        enveloped(document(), addresses=("urn:nhs-uk:addressing:ods:8HX03:UNIT",)),
        [("8HX03", "action")],
    ),
    (enveloped(document(), addresses=("urn:nhs-uk:addressing:mesh:X",)), []),
    # The document itself says who is to act: the envelope adds who is told.
    (
        enveloped(document(header=NAMED), addresses=("urn:nhs-uk:addressing:ods:G99901",)),
        [
            ("8HX03", "action"),
            ("G99901", "information"),
            (None, "action"),
            ("G99901", "information"),
        ],
    ),
]


@pytest.mark.parametrize(("body", "expected"), ENVELOPES)
def test_whom_the_envelope_is_addressed_to_is_told(
    body: bytes, expected: list[tuple[str | None, str]]
) -> None:
    _, transfer = converted("RX5", body)

    assert [(r.ods, r.role) for r in transfer.recipients] == expected
    assert ("recipients" in doubts(transfer)) is (not expected)


HOW_SOON = [
    ("Dx0115", "Emergency Ambulance Response for Potential Cardiac Arrest", "stat"),
    ("Dx12", "Speak to a Primary Care Service within 1 hour", "stat"),
    ("Dx06", "To contact a local service within 6 hours", "asap"),
    ("Dx07", "To contact a local service within 12 hours", "urgent"),
    ("Dx86", "Repeat Prescription required within 24 hours", "urgent"),
    ("Dx10", "MUST contact a local service for a Non-Urgent Appointment", "routine"),
    ("Dx50", "Speak to Midwife", None),
]


@pytest.mark.parametrize(("code", "words", "priority"), HOW_SOON)
def test_how_soon_a_111_report_asks_for_is_read_from_its_words(
    code: str, words: str, priority: str | None
) -> None:
    body = document(disposition=disposition(code, words), **coded("819551000000100"))

    assert becomes(body, "requests[].priority") == [priority]
    assert becomes(body, "requests[].priority_text") == [words]
    assert becomes(body, "encounter.discharge_destination") is None


def test_a_discharge_asks_for_its_plan_and_a_death_for_nothing() -> None:
    died = document(sections=PLAN, person="<sdtc:deceasedInd value='true'/>")

    assert becomes(document(sections=PLAN), "requests[].notes") == [("visit",)]
    assert becomes(died, "requests") == []


def test_what_is_said_not_to_be_so_is_no_diagnosis_allergy_or_medicine() -> None:
    sections = "".join(
        f"<section><code code='{code}'/><title>T</title><text>none known</text>"
        "<entry><observation negationInd='true'><value code='1' displayName='x'/>"
        "<participant typeCode='CSM'/></observation></entry>"
        "<entry><substanceAdministration negationInd='true'><consumable/>"
        "</substanceAdministration></entry></section>"
        for code in ("11450-4", "48765-2", "10160-0")
    )
    _, transfer = converted("RX5", document(ids=US, sections=sections))

    assert (transfer.diagnoses, transfer.allergies, transfer.medications) == ((), (), ())
    assert len(transfer.sections) == 3


ATTACHED = [
    ('<text mediaType="application/pdf" representation="B64">JVBERi0=</text>', b"%PDF-"),
    ("<text>Dear team</text>", b"Dear team"),
]


@pytest.mark.parametrize(("text", "content"), ATTACHED)
def test_a_body_that_is_no_xml_is_a_document(text: str, content: bytes) -> None:
    body = document(body=f"<nonXMLBody>{text}</nonXMLBody>")

    assert becomes(body, "documents[].content")[1:] == [content]


DOUBTED = {
    "only pointed at": document(
        body="<nonXMLBody><text><reference value='http://x.example/1.pdf'/></text></nonXMLBody>"
    ),
    "neither words nor an attachment": document(sections="<section><title>T</title></section>"),
    "does not say which document it replaces": document(version="<versionNumber value='2'/>"),
    "has no time": document(stay="<low value='20250503'/>"),
    "consent was refused": document(
        header="<authorization><consent><code displayName='Consent refused'/></consent>"
        "</authorization>"
    ),
}


@pytest.mark.parametrize("words", DOUBTED)
def test_what_is_doubtful_is_told(words: str) -> None:
    _, transfer = converted("RX5", DOUBTED[words])

    assert any(words in issue.text for issue in transfer.issues)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (document(ids="", name="", born=""), "says nothing of its patient"),
        (
            document().replace(
                b"<componentOf>",
                b"<recordTarget><patientRole><id root='1.2'/></patientRole></recordTarget>"
                b"<componentOf>",
            ),
            "about several patients",
        ),
    ],
)
def test_a_document_of_nobody_or_of_several_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        converted("RX5", body)

    assert any(reason in issue.text for issue in refusal.value.issues)

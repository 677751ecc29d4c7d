"""What the base mappings for CDA make of what senders write, part by part."""

from __future__ import annotations

from typing import Any

import pytest
from cda_letters import DX, NUMBER, ODS, UNVERIFIED, VERIFIED, document, enveloped
from mapping_samples import converted, doubts, fact

from service.errors import ServiceError

LOINC = "codeSystem='2.16.840.1.113883.6.1'"
US = '<id root="1.2.840.1" extension="7"/>'
PLAN = "<section><code code='887201000000105'/><title>Plan</title><text>visit</text></section>"


def becomes(body: bytes, path: str) -> Any:
    """Return a value of the record, several as a list."""
    _, transfer = converted("RX5", body)
    found = fact(transfer, path)
    return list(found) if isinstance(found, tuple) else found


def disposition(code: str, name: str = "", system: str = DX) -> str:
    return f"<dischargeDispositionCode code='{code}' codeSystem='{system}' displayName='{name}'/>"


def coded(code: str, name: str = "", title: str = "") -> dict[str, str]:
    return {
        "code": f"<code code='{code}' displayName='{name}'/>",
        "title": f"<title>{title}</title>",
    }


KINDS: dict[str, tuple[bytes, str, bool]] = {
    "SNOMED CT": (document(), "discharge", False),
    "LOINC": (document(ids=US, **coded("18842-5")), "discharge", False),
    "a discharge letter": (document(**coded("824331000000106")), "discharge", False),
    "called one": (document(**coded("X", title="Discharge Summary")), "discharge", True),
    "named one": (document(ids=US, **coded("X", "Discharge letter")), "discharge", True),
    "a referral": (document(ids=US, **coded("57133-1")), "referral", False),
    "called a referral": (document(ids=US, **coded("X", title="Referral note")), "referral", True),
    "a letter": (document(**coded("823681000000100", title="Clinic letter")), "document", False),
    "an unknown one": (document(**coded("X", title="Discharge of duties")), "document", False),
    "a 111 report": (enveloped(document(**coded("819551000000100"))), "referral", False),
    "its later version": (
        document(version="<versionNumber value='2'/>", **coded("819551000000100")),
        "referral-update",
        False,
    ),
    "a copy of it": (
        enveloped(document(**coded("819551000000100")), interaction="urn:x:copyRecipient"),
        "document",
        False,
    ),
    "died at home": (
        document(person="<sdtc:deceasedInd value='true'/>"),
        "death",
        False,
    ),
    "died, with the time": (
        document(ids=US, person="<sdtc:deceasedTime value='202505141200+0100'/>"),
        "death",
        False,
    ),
    "destination died": (document(disposition=disposition("79", system="1.2")), "death", False),
    "expired": (
        document(ids=US, disposition=disposition("20", system="2.16.840.1.113883.12.112")),
        "death",
        False,
    ),
    "died in words": (document(disposition=disposition("X", "Patient died")), "death", False),
}


@pytest.mark.parametrize("what", KINDS)
def test_what_a_document_is_told_by_its_code_and_doubted_where_only_its_name_tells(
    what: str,
) -> None:
    body, kind, is_doubted = KINDS[what]

    _, transfer = converted("RX5", body)

    assert transfer.kind == kind
    assert ("kind" in {issue.target for issue in transfer.issues}) is is_doubted


BASES = {
    "base/cda-itk2": document(),
    "base/cda-ccda": document(ids=US).replace(
        b"<recordTarget>", b"<templateId root='2.16.840.1.113883.10.20.22.1.8'/><recordTarget>"
    ),
    "base/cda": document(ids=US),
}


@pytest.mark.parametrize("base", BASES)
def test_each_country_s_documents_have_their_own_base(base: str) -> None:
    mapping, _ = converted("RX5", BASES[base])

    assert mapping.id == base


PATIENTS: list[tuple[dict[str, str], str, Any]] = [
    ({}, "patient.nhs_number", NUMBER),
    ({}, "patient.nhs_number_status", "01"),
    ({"ids": f'<id root="{UNVERIFIED}" extension="999 012 3454"/>'}, "patient.nhs_number", NUMBER),
    (
        {"ids": f'<id root="{UNVERIFIED}" extension="{NUMBER}"/>'},
        "patient.nhs_number_status",
        "02",
    ),
    ({"ids": f'<id root="{VERIFIED}" extension="9990123450"/>'}, "patient.nhs_number", None),
    (
        {"ids": f'<id root="{VERIFIED}" extension="9990123450"/>'},
        "patient.identifiers[].value",
        ["9990123450"],
    ),
    (
        {"ids": f'<id root="{VERIFIED}" nullFlavor="UNK" extension="9"/>'},
        "patient.nhs_number",
        None,
    ),
    ({"name": "<name>Dr Ann XXTEST</name>"}, "patient.name", "Dr Ann XXTEST"),
    ({"name": "<name nullFlavor='UNK'>Unknown</name>"}, "patient.name", None),
    (
        {
            "name": "<name use='A'><family>ALIAS</family></name>"
            "<name use='L'><family>XX</family></name>"
        },
        "patient.family",
        "XX",
    ),
    (
        {"name": "<name use='SRCH'><family>S</family></name><name><family>XX</family></name>"},
        "patient.family",
        "XX",
    ),
    ({"name": "<name><family>\n  Van\n  XX </family></name>"}, "patient.family", "Van XX"),
    ({"gender": "<administrativeGenderCode nullFlavor='UNK'/>"}, "patient.gender", None),
    ({"gender": "<administrativeGenderCode code='UN'/>"}, "patient.gender", "other"),
    ({"gender": "<administrativeGenderCode code='9'/>"}, "patient.gender", "unknown"),
    ({"born": "<birthTime value='1951'/>"}, "patient.birth_date", "1951"),
    ({"born": "<birthTime value='195103091200+0000'/>"}, "patient.birth_date", "1951-03-09"),
    ({"born": "<birthTime nullFlavor='UNK' value='19510309'/>"}, "patient.birth_date", None),
    ({"role": "<addr>1 Sample St</addr>"}, "patient.addresses[].text", ["1 Sample St"]),
    (
        {"role": "<addr use='HP'><streetAddressLine/><city>Deal</city></addr>"},
        "patient.addresses[].use",
        ["home"],
    ),
    ({"role": "<addr nullFlavor='NI'/>"}, "patient.addresses", []),
    ({"role": "<telecom use='HP' value='tel:01632 1'/>"}, "patient.telecoms[].value", ["01632 1"]),
    ({"role": "<telecom value='mailto:a@b.example'/>"}, "patient.telecoms[].system", ["email"]),
    ({"role": "<telecom use='WP' value='tel:07700900001'/>"}, "patient.telecoms[].use", ["mobile"]),
    ({"role": "<telecom value='tel:'/>"}, "patient.telecoms", []),
    ({"confidentiality": "N"}, "patient.restricted", False),
    ({"confidentiality": "R"}, "patient.restricted", True),
    ({"confidentiality": "V"}, "patient.confidentiality", "V"),
    ({"confidentiality": "TABOO"}, "patient.restricted", True),
]


@pytest.mark.parametrize(("parts", "path", "expected"), PATIENTS)
def test_a_patient_is_read_as_the_standard_means_it(
    parts: dict[str, str], path: str, expected: Any
) -> None:
    assert becomes(document(**parts), path) == expected


TIMES = [
    ("20250514163012+0100", "2025-05-14T16:30:12+01:00"),
    ("20250514163012+01", "2025-05-14T16:30:12+01:00"),
    ("20250514163012.123-0500", "2025-05-14T16:30:12-05:00"),
    ("202505141630", "2025-05-14T16:30:00+01:00"),
    ("20251214163012", "2025-12-14T16:30:12+00:00"),
    ("20250514", "2025-05-14"),
    ("202505", "2025-05"),
    ("200130311", None),
]


@pytest.mark.parametrize(("sent", "made"), TIMES)
def test_a_time_keeps_its_precision_and_its_zone(sent: str, made: str | None) -> None:
    assert becomes(document(made=sent), "message.sent_at") == made


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

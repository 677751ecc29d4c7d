"""What the base mappings for CDA make of what senders write, part by part."""

from __future__ import annotations

from typing import Any

import pytest
from cda_letters import NUMBER, UNVERIFIED, US, VERIFIED, coded, disposition, document, enveloped
from mapping_samples import converted, fact


def becomes(body: bytes, path: str) -> Any:
    """Return a value of the record, several as a list."""
    _, transfer = converted("RX5", body)
    found = fact(transfer, path)
    return list(found) if isinstance(found, tuple) else found


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

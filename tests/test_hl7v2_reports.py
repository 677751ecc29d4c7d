"""Reports and results (ORU): attachments in one piece or several, RTF, lines of text, numbers."""

from __future__ import annotations

from base64 import b64encode

import pytest

from service.errors import UnmappableMessage
from service.model import TransferOfCare
from tests.hl7v2_orders import attachment, line, message, segment
from tests.mapping_samples import converted, doubts, fact

PDF = b"%PDF-1.4\n" + bytes(range(32, 127)) * 5 + b"\n%%EOF"
RTF = "{\\E\\rtf1 Seen and \\E\\b treated\\E\\b0.}"
ENCODED = b64encode(PDF).decode()
HALVES = (ENCODED[:200], ENCODED[200:])
PADDED = (b64encode(PDF[:100]).decode(), b64encode(PDF[100:]).decode())


def report(status: str = "F", **more: str) -> str:
    told = {"f1": "1", "f3": "REP1^LAB", "f4": "LTR^Clinic letter^L", "f22": "20250603090000"}
    return segment("OBR", **(told | {"f25": status} | more))


def becomes(*segments: str) -> TransferOfCare:
    return converted("RXX", message("ORU^R01^ORU_R01", *segments))[1]


IN_PARTS = {
    "in one piece": [attachment(1, ENCODED)],
    "with the head in every part": [attachment(n, part) for n, part in enumerate(HALVES, 1)],
    "with the head in the first": [
        attachment(1, HALVES[0]),
        attachment(2, HALVES[1], head="^^^"),
    ],
    "each part padded": [attachment(n, part) for n, part in enumerate(PADDED, 1)],
    "after a result that was withdrawn": [
        attachment(1, ENCODED[:80], f11="W"),
        attachment(2, ENCODED),
    ],
}


@pytest.mark.parametrize("segments", IN_PARTS.values(), ids=IN_PARTS)
def test_an_attachment_is_one_document_in_however_many_parts_it_came(segments: list[str]) -> None:
    transfer = becomes(report(), *segments)

    assert transfer.kind == "document"
    assert fact(transfer, "documents[].content") == (PDF,)
    assert fact(transfer, "documents[].id") == ("REP1",)
    assert fact(transfer, "documents[].content_type") == ("application/pdf",)
    assert fact(transfer, "documents[].title") == ("Clinic letter",)
    assert fact(transfer, "documents[].created_at") == ("2025-06-03T09:00:00+01:00",)


def test_two_whole_attachments_are_two_documents() -> None:
    transfer = becomes(report(), attachment(1, ENCODED), attachment(2, ENCODED))

    assert fact(transfer, "documents[].content") == (PDF, PDF)


def test_an_attachment_that_begins_unlike_its_type_is_still_the_document() -> None:
    transfer = becomes(report(), attachment(1, b64encode(b"\n%PDF-1.4 late").decode()))

    assert fact(transfer, "documents[].content") == (b"\n%PDF-1.4 late",)


def test_lines_under_one_name_are_one_text_and_the_document() -> None:
    lines = [line(1, "Seen today."), line(2, "", name=""), line(3, "Review in May.", name="")]
    transfer = becomes(report(), *lines)

    assert fact(transfer, "documents[].content") == (b"Seen today.\nReview in May.",)
    assert fact(transfer, "documents[].content_type") == ("text/plain",)
    assert transfer.sections == ()


def test_lines_under_several_names_keep_their_headings() -> None:
    transfer = becomes(
        report(),
        line(1, "Small effusion.", name="F^Findings^L"),
        line(2, "No collapse.", name="F^Findings^L"),
        line(3, "Repeat in May.", name="I^Impression^L"),
    )

    told = [(section.title, section.narrative) for section in transfer.sections]
    assert told == [
        ("Findings", "Small effusion.\nNo collapse."),
        ("Impression", "Repeat in May."),
    ]
    assert transfer.documents == ()


@pytest.mark.parametrize("kind", ["TX", "FT", "ST"])
def test_rtf_in_a_text_is_a_document_of_its_type(kind: str) -> None:
    transfer = becomes(report(), line(1, RTF, kind=kind))

    assert fact(transfer, "documents[].content") == (b"{\\rtf1 Seen and \\b treated\\b0.}",)
    assert fact(transfer, "documents[].content_type") == ("application/rtf",)
    assert transfer.sections == ()


def test_results_are_sections_with_unit_flag_and_range() -> None:
    number = {"f2": "NM", "f3": "NA^Sodium^L", "f5": "131", "f6": "mmol/L", "f7": "133-146"}
    transfer = becomes(
        report(),
        segment("OBX", f1="1", f8="L", f11="F", **number),
        segment("OBX", f1="2", f2="SN", f3="CRP^CRP^L", f5=">^250", f6="mg/L", f11="F"),
        segment("OBX", f1="3", f2="CE", f3="ORG^Organism^L", f5="EC^E. coli^L", f11="F"),
        segment("OBX", f1="4", f2="NM", f3="K^Potassium^L", f5="9.9", f11="W"),
    )

    told = [(section.title, section.narrative) for section in transfer.sections]
    assert told == [
        ("Organism", "E. coli EC"),
        ("Sodium", "131 mmol/L L 133-146"),
        ("CRP", "> 250 mg/L"),
    ]
    assert "sections" in doubts(transfer)  # one was posted as wrong


STATUSES = {"F": "final", "C": "amended", "P": "preliminary", "X": "entered-in-error"}


@pytest.mark.parametrize(("status", "stands"), STATUSES.items())
def test_the_status_of_a_report_is_that_of_its_document(status: str, stands: str) -> None:
    transfer = becomes(report(status), attachment(1, ENCODED))

    assert fact(transfer, "documents[].doc_status") == (stands,)
    assert fact(transfer, "documents[].status") == (
        "entered-in-error" if status == "X" else "current",
    )
    assert ("documents" in doubts(transfer)) == (status == "P")


def test_copies_go_to_the_organisations_named() -> None:
    transfer = becomes(report(f28="G99907^^^^^^^^ODS~8HX01"), line(1, "Seen."))

    assert fact(transfer, "recipients[].ods") == ("G99907", "8HX01")


def test_a_message_without_anything_to_read_is_refused_with_the_reason() -> None:
    with pytest.raises(UnmappableMessage) as refused:
        becomes(report())

    assert any("nothing to read" in issue.text for issue in refused.value.issues)

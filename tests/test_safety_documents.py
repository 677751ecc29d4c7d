"""Documents in HL7 v2: the right content under the right name, in one piece, to whom it is for."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest
from safety_fixtures import PID, PRACTICE, TXA, Outcome, document, outcome

PDF = b"%PDF-1.4\n%fake\n%%EOF"
SECOND = b"%PDF-1.4\n%second\n%%EOF"


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def ed(
    number: int, content: str, *, kind: str = "^APPLICATION^PDF^Base64", status: str = "F"
) -> str:
    return f"OBX|{number}|ED|D||{kind}^{content}||||||{status}"


def tx(number: int, text: str, *, kind: str = "TX", status: str = "F") -> str:
    return f"OBX|{number}|{kind}|D||{text}||||||{status}"


def documents(told: Outcome) -> list[dict[str, Any]]:
    """What was sent as documents: type, number and bytes, in order."""
    contents = {each["id"]: each for each in told.resources.get("Binary", [])}
    found = []
    for each in told.resources["DocumentReference"]:
        if each.get("description", "").endswith("as received"):
            continue
        attachment = each["content"][0]["attachment"]
        binary = contents.get(attachment.get("url", "").removeprefix("Binary/"))
        number = each.get("masterIdentifier", {}).get("value")
        content = b64decode(binary["data"]) if binary else None
        found.append({"number": number, "type": attachment["contentType"], "content": content})
    return found


def one(*segments: str, sender: str = "RWF") -> tuple[Outcome, dict[str, Any]]:
    told = outcome(document(TXA, *segments, sender=sender), sender)
    (found,) = documents(told)
    return told, found


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_an_attachment_posted_as_wrong_is_never_the_document(status: str) -> None:
    _, found = one(ed(1, base64(PDF), status=status), ed(2, base64(SECOND)))

    assert found == {"number": "DOC1", "type": "application/pdf", "content": SECOND}


def test_an_attachment_posted_as_wrong_and_nothing_else_is_no_document() -> None:
    told, found = one(ed(1, base64(PDF), status="W"))

    assert found["content"] is None
    assert "there is none in it that is valid" in told.warnings


@pytest.mark.parametrize("cut", [12, 13, 20])
def test_an_attachment_in_pieces_is_one_document(cut: int) -> None:
    whole = base64(PDF)

    _, found = one(ed(1, whole[:cut]), f"OBX|2|ED|D||^^^^{whole[cut:]}||||||F")

    assert found["content"] == PDF


def test_pieces_go_with_the_attachment_they_follow() -> None:
    first, second = base64(PDF), base64(SECOND)
    pieces = (
        ed(1, first[:12]),
        f"OBX|2|ED|D||^^^^{first[12:]}||||||F",
        ed(3, second[:12]),
        f"OBX|4|ED|D||^^^^{second[12:]}||||||F",
    )

    found = documents(outcome(document(TXA, *pieces)))

    assert [(each["number"], each["content"]) for each in found] == [("DOC1", PDF), (None, SECOND)]


def test_every_attachment_of_a_message_is_a_document() -> None:
    told = outcome(document(TXA, *(ed(n, base64(PDF + b"%d" % n)) for n in range(1, 8))))

    assert [each["content"][-1:] for each in documents(told)] == [b"%d" % n for n in range(1, 8)]


@pytest.mark.parametrize(
    ("segment", "flagged"),
    [
        (ed(1, base64(PDF), kind="^APPLICATION^PDF^"), True),
        (ed(1, base64(PDF), kind="^AP^^A"), True),
        (ed(1, base64(PDF), kind="^APPLICATION^PDF^base-64"), False),
        (ed(1, PDF.hex(), kind="^APPLICATION^PDF^Hex"), False),
        (tx(1, base64(PDF), kind="ST"), True),
        (f"OBX|1|ED|D||^^^^{base64(PDF)}||||||F", True),
    ],
)
def test_base64_is_decoded_however_it_is_labelled(segment: str, flagged: bool) -> None:
    told, found = one(segment)

    assert (found["content"], found["type"]) == (PDF, "application/pdf")
    assert ("not said to be base64" in told.warnings) == flagged


def test_what_is_no_file_of_its_type_is_flagged() -> None:
    told, _ = one(ed(1, base64(b"hello, this is no pdf")))

    assert "does not begin like a file of its type" in told.warnings


@pytest.mark.parametrize("sender", ["RWF", "RRV"])
@pytest.mark.parametrize(
    ("segments", "kind", "content"),
    [
        ((tx(1, "Take it", kind="TX"),), "text/plain", b"Take it"),
        ((tx(1, "Take it", kind="FT"), tx(2, "twice", kind="ST")), "text/plain", b"Take it\ntwice"),
        ((tx(1, r"{\E\rtf1 Dear Dr}", kind="FT"),), "application/rtf", rb"{\rtf1 Dear Dr}"),
        ((ed(1, base64(PDF)),), "application/pdf", PDF),
        ((tx(1, "Plain", kind=""),), "text/plain", b"Plain"),
        ((tx(1, "old", status="W"), tx(2, "new", status="C")), "text/plain", b"new"),
    ],
)  # fmt: skip
def test_whatever_type_of_text_or_attachment_is_sent_by_anybody_it_is_read(
    sender: str, segments: tuple[str, ...], kind: str, content: bytes
) -> None:
    told, found = one(*segments, sender=sender)

    assert (found["type"], found["content"]) == (kind, content)
    assert ("has no type" in told.warnings) == ("|||D" in segments[0] or "|1||D" in segments[0])


def test_each_document_of_a_message_has_its_own_content() -> None:
    second = "TXA|2|CN^Clinic letter|TX|20250314||||||||DOC2|||||AU||AV"

    told = outcome(document(TXA, tx(1, "first"), second, tx(1, "second")))

    found = [(each["number"], each["content"]) for each in documents(told)]
    assert found == [("DOC1", b"first"), ("DOC2", b"second")]


COPIES = {
    "8HX02^Heart of Kent Hospice^^^^^^^ODS": "8HX02",
    "8HX02": "8HX02",
    "8HX02^^^^^^^^8HX02": "8HX02",
    "8HX02^Heart of Kent Hospice": "8HX02",
    "Heart of Kent Hospice": "8HX02",
    "^Heart of Kent Hospice": "8HX02",
}


@pytest.mark.parametrize("copy", COPIES)
def test_whoever_is_named_for_a_copy_gets_one(copy: str) -> None:
    told = outcome(document(f"{TXA}||||{copy}", tx(1, "Discharged home")))

    assert COPIES[copy] in told.notices


@pytest.mark.parametrize("copy", ["^NURSE^NINA", "C9999901^NURSE^NINA^^^^^^GMC", "A hospice"])
def test_whoever_is_named_and_not_found_is_flagged(copy: str) -> None:
    told = outcome(document(f"{TXA}||||{copy}", tx(1, "Discharged home")))

    assert "nobody of this name" in told.warnings
    assert set(told.notices) == {"G99901"}


@pytest.mark.parametrize(
    ("word", "is_open"),
    [("U", True), ("", True), ("R", False), ("V", False), ("RESTRICTED", False), ("r", False)],
)
def test_a_confidentiality_that_is_not_known_restricts(word: str, is_open: bool) -> None:
    body = document(TXA.replace("|AU||AV", f"|AU|{word}|AV"), tx(1, "Discharged home"))
    told = outcome(body.replace("PV1|", "DG1|1||Z51.5^Palliative care^I10\rPV1|"))

    labels = [each["code"] for each in told.one("Patient")["meta"].get("security", [])]
    assert (labels == []) == is_open
    assert ("8HX03" in told.notices) == is_open
    assert ("not one that is known" in told.warnings) == (word in ("RESTRICTED", "r"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("CA", "has withdrawn a document"),
        ("OB", "A document is marked as obsolete"),
    ],
)
def test_a_document_that_is_over_is_not_told_as_news(status: str, words: str) -> None:
    told = outcome(document(TXA.replace("||AV", f"||{status}"), tx(1, "Discharged home")))

    assert all(words in line for line in told.lines)
    assert "marks as cancelled or obsolete" in told.warnings


def test_a_document_that_is_not_final_is_told_to_be_so() -> None:
    told = outcome(document(TXA.replace("|AU||", "|DI||"), tx(1, "Discharged home")))

    assert all("What was sent is not final yet." in line for line in told.lines)


def test_a_withdrawn_summary_of_a_dead_patient_is_a_withdrawal() -> None:
    body = document(TXA, event="T11").replace("GBR^H", "GBR^H" + "|" * 19 + "Y")

    assert all("has withdrawn a document" in line for line in outcome(body).lines)


def test_an_observation_of_any_type_is_told() -> None:
    told = outcome(
        document(
            TXA,
            tx(1, "text"),
            "OBX|2|SN|BP^Pressure||>^120|mm||||F",
            "OBX|3|XPN|N^Nurse||NURSE^NINA|||||F",
        )
    )

    (composition,) = told.resources["Composition"]
    words = "".join(section["text"]["div"] for section in composition["section"])
    assert "&gt; 120 mm" in words
    assert "NURSE NINA" in words


def test_a_discharges_attachments_are_read_as_a_documents() -> None:
    whole = base64(PDF)
    body = "\r".join([
        r"MSH|^~\&|PAS|RWF|R|R|20250314163012||ADT^A03^ADT_A03|S1|P|2.4",
        "EVN|A03|20250314163000", PID, PRACTICE,
        "PV1|1|I|RWF^W1||||||||||||||||V1|||||||||||||||||1|19|||||||202503030915|202503141615",
        ed(1, base64(SECOND), status="W"),
        ed(2, whole[:12]), f"OBX|3|ED|D||^^^^{whole[12:]}||||||F",
        ed(4, base64(SECOND), kind="^APPLICATION^PDF^"),
    ])  # fmt: skip

    assert [each["content"] for each in documents(outcome(body))] == [PDF, SECOND]


@pytest.mark.parametrize(("numbers", "flagged"), [((1, 2), False), ((2, 1), True), ((1, 1), False)])
def test_texts_that_are_not_in_the_order_of_their_numbers_are_flagged(
    numbers: tuple[int, int], flagged: bool
) -> None:
    told = outcome(document(TXA, *(tx(number, f"text {number}") for number in numbers)))

    assert ("not in the order of their numbers" in told.warnings) == flagged

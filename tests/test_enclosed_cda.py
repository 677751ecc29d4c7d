"""A clinical document (CDA) within an HL7 v2 or FHIR message is read as well."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from cda_letters import NUMBER, coded, document, enveloped
from mapping_samples import fact, read, shipped

from service.errors import UnmappableMessage
from service.mapping.enclosed import with_enclosed
from service.model import OdsCode, TransferOfCare
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures", "tests.kent_fixtures"]

LETTER = document(
    sections="<section><title>Plan</title><text>home <content>soon</content></text></section>",
    **coded("18842-5"),
)


def mdm(
    content: bytes,
    *,
    event: str = "T02",
    number: str = NUMBER,
    family: str = "XXTEST",
    born: str = "19510309",
    admitted: str = "",
) -> str:
    """A letter of a sender without a mapping, with a file in it."""
    return "\r".join(
        (
            f"MSH|^~\\&|EPR|RX5|X|X|20250514170000+0100||MDM^{event}|M1|P|2.4",
            f"EVN|{event}|20250514170000+0100",
            f"PID|1||{number}^^^NHS^NH||{family}^ANN||{born}|F",
            f"PV1|1|I|W1{'|' * 41}{admitted}",
            "TXA|1|CN|XML|20250514170000+0100||||||||DOC1|||||LA||AV",
            f"OBX|1|ED|CDA^Document||EPR^XML^^Base64^{b64encode(content).decode()}||||||F",
        )
    )


def becomes(message: str) -> TransferOfCare:
    source, sender = read(message.encode()), OdsCode("RX5")
    told = shipped().for_source(sender, source).apply(source, sender)
    return with_enclosed(told, shipped(), source)


def test_what_the_document_says_is_joined_with_what_the_message_says() -> None:
    transfer = becomes(mdm(LETTER))

    assert transfer.kind == "discharge"
    assert fact(transfer, "encounter.admitted_at") is not None
    assert fact(transfer, "sections[].title") == ("Plan",)
    assert "home <span>soon</span>" in fact(transfer, "sections[].narrative")[0]
    assert fact(transfer, "documents[].content") == (LETTER,)
    assert fact(transfer, "documents[].id") == ("DOC1",)


def test_what_only_the_document_says_of_the_stay_is_added_and_another_stay_is_told() -> None:
    same, another = (
        becomes(mdm(LETTER, admitted="202505031015")),
        becomes(mdm(LETTER, admitted="20250101")),
    )

    assert fact(same, "encounter.ward") == "W1"
    assert str(fact(same, "encounter.admitted_at")).startswith("2025-05-03T10:15")
    assert str(fact(same, "encounter.discharged_at")) == "2025-05-14"
    assert fact(another, "encounter.discharged_at") is None
    assert "tells of another stay" in " ".join(issue.text for issue in another.issues)
    assert "tells of another stay" not in " ".join(issue.text for issue in same.issues)


@pytest.mark.parametrize("born", ["1951", "195103"])
def test_a_date_of_birth_that_says_less_is_no_other(born: str) -> None:
    assert becomes(mdm(LETTER, number="", born=born)).patient.nhs_number == NUMBER


def test_a_file_in_the_document_is_a_document_of_the_message() -> None:
    value = b64encode(b"%PDF-1.4 words").decode()
    body = (
        "<nonXMLBody><text mediaType='application/pdf' representation='B64'>"
        f"{value}</text></nonXMLBody>"
    )
    transfer = becomes(mdm(document(body=body)))

    assert fact(transfer, "documents[].content")[1:] == (b"%PDF-1.4 words",)


@pytest.mark.parametrize(
    "who",
    [{"number": "9990010005"}, {"number": "", "family": "XXOTHER"}, {"number": "", "born": "1950"}],
    ids=["number", "name", "birth"],
)
def test_a_document_about_somebody_else_is_refused(who: dict[str, Any]) -> None:
    with pytest.raises(UnmappableMessage, match=r"."):
        becomes(mdm(LETTER, **who))


def test_a_letter_that_was_withdrawn_is_not_read_again() -> None:
    transfer = becomes(mdm(LETTER, event="T11"))

    assert transfer.kind == "document"
    assert transfer.sections == ()


def test_a_document_is_not_within_itself() -> None:
    source = read(LETTER)
    told = shipped().for_source(OdsCode("RX5"), source).apply(source, OdsCode("RX5"))

    assert with_enclosed(told, shipped(), source) == told


def test_an_envelope_with_two_documents_is_one_message_and_answered_as_one(kent: Team) -> None:
    other = LETTER.replace(b"'D1'", b"'D2'")
    body = enveloped(LETTER + b"</payload><payload id='p2'>" + other, addresses=())

    response = kent.post("/cda", body, "application/xml")

    assert response.status_code == 200, response.text
    assert "OK:T1" in response.text
    assert kent.get("/fhir/Composition?_summary=count").get_json()["total"] == 2

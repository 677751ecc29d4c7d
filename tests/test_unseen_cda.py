"""What CDA documents say in ways that the examples do not have."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
from cda_letters import NUMBER, US, VERIFIED, coded, disposition, document, enveloped
from mapping_samples import converted, fact

from service import formats
from service.errors import TooLarge, UnreadableMessage

UB_04 = "2.16.840.1.113883.12.112"
ENTRY = "<section><title>Stays</title><text>x</text><entry>{}</entry></section>"


def becomes(body: bytes, path: str) -> Any:
    """Return a value of the record."""
    return fact(converted("RX5", body)[1], path)


def extended(text: str) -> str:
    return text.replace("dischargeDispositionCode", "sdtc:dischargeDispositionCode")


DEATHS: dict[str, dict[str, str]] = {
    "expired, as an extension of the stay": {"disposition": extended(disposition("20", "", UB_04))},
    "expired, in C-CDA's value set": {
        "disposition": disposition("20", "", "2.16.840.1.113883.3.88.12.80.33")
    },
    "expired, of an encounter among the entries": {
        "sections": ENTRY.format(f"<encounter>{extended(disposition('41', '', UB_04))}</encounter>")
    },
    "expired, in the words of who wrote it": {
        "disposition": "<dischargeDispositionCode nullFlavor='OTH'><originalText>Patient expired"
        "</originalText></dischargeDispositionCode>"
    },
    "an observation that says so": {
        "sections": ENTRY.format(
            "<observation><templateId root='2.16.840.1.113883.10.20.22.4.79'/>"
            "<value code='419099009' codeSystem='2.16.840.1.113883.6.96'/></observation>"
        )
    },
}


@pytest.mark.parametrize("how", DEATHS)
def test_a_death_is_a_death_wherever_c_cda_lets_it_be_said(how: str) -> None:
    body = document(ids=US, **coded("18842-5"), **DEATHS[how])

    assert becomes(body, "kind") == "death"
    assert becomes(body, "patient.deceased") is True


@pytest.mark.parametrize("code", ["01", "20"])
def test_a_code_of_another_table_is_no_death(code: str) -> None:
    body = document(ids=US, **coded("18842-5"), disposition=disposition(code, "", "1.2.3"))

    assert becomes(body, "kind") == "discharge"


def test_an_organisation_is_known_by_the_older_root_of_the_spine() -> None:
    code = "<id root='2.16.840.1.113883.2.1.4.3' extension='B86001'/>"
    practice = f"<providerOrganization>{code}</providerOrganization>"
    recipient = (
        "<informationRecipient><intendedRecipient><receivedOrganization>"
        f"{code}</receivedOrganization></intendedRecipient></informationRecipient>"
    )
    custodian = (
        "<custodian><assignedCustodian><representedCustodianOrganization>"
        f"{code}</representedCustodianOrganization></assignedCustodian></custodian>"
    )
    body = document(role=practice, header=custodian + recipient)

    assert becomes(body, "patient.gp_practice.ods") == "B86001"
    assert becomes(body, "recipients[].ods") == ("B86001",)
    assert becomes(body, "message.claimed_sender") == "B86001"


def beside(document: bytes, content: bytes) -> bytes:
    """An envelope with a PDF behind the document."""
    one = enveloped(document + b"</payload><payload id='p2'>" + base64.b64encode(content))
    listed = b"</manifest>"
    item = b'<manifestitem id="p2" mimetype="application/pdf" base64="true"/>'
    return one.replace(listed, item + listed)


@pytest.mark.parametrize("packed", [False, True])
def test_an_attachment_beside_the_document_is_a_document_of_the_message(*, packed: bool) -> None:
    content = b"%PDF-1.4 words"
    body = beside(document(), gzip.compress(content) if packed else content)
    if packed:
        body = body.replace(b'base64="true"', b'base64="true" compressed="true"')
    _, transfer = converted("RX5", body)

    assert transfer.kind == "discharge"
    letter, attached = transfer.documents
    assert (letter.content_type, attached.content_type) == ("application/xml", "application/pdf")
    assert attached.content == content


def test_an_attachment_beside_two_documents_is_told_since_whose_it_is_is_not_known() -> None:
    other = document().replace(b"'D1'", b"'D2'")
    body = beside(document() + b"</payload><payload id='p3'>" + other, b"%PDF-1.4 words")
    sources = formats.FORMATS["cda"].read(body)

    told = [issue.text for source in sources for issue in source.issues]
    assert len([text for text in told if "no clinical document (application/pdf)" in text]) == 2


def test_an_envelope_of_very_many_payloads_is_refused() -> None:
    many = b"</payload><payload>".join([b"JVBERi0="] * 30)

    with pytest.raises(UnreadableMessage, match="at most 20 payloads"):
        formats.FORMATS["cda"].read(beside(document() + b"</payload><payload>" + many, b"x"))


@pytest.mark.parametrize("number", [NUMBER, "7"])
def test_a_recipient_with_a_number_of_the_patients_is_the_patient(number: str) -> None:
    named = (
        "<informationRecipient typeCode='TRC'><intendedRecipient>"
        f"<id root='{VERIFIED}' extension='{NUMBER}'/><informationRecipient><name>"
        "<given>Ann</given><family>XXTEST</family></name></informationRecipient>"
        "</intendedRecipient></informationRecipient>"
    ).replace(f"extension='{NUMBER}'", f"extension='{number}'")
    ids = f"<id root='{VERIFIED}' extension='{NUMBER}'/>"
    _, transfer = converted("RX5", document(ids=ids, header=named))

    is_patient = number == NUMBER
    assert fact(transfer, "recipients[].party") == ("patient" if is_patient else "practitioner",)


def test_an_envelope_with_an_attachment_alone_is_refused_for_that() -> None:
    with pytest.raises(UnreadableMessage, match=r"no clinical document in CDA \(application/pdf\)"):
        formats.FORMATS["cda"].read(beside(b" ", b"%PDF-1.4 words"))


def test_an_attachment_that_swells_is_refused() -> None:
    body = beside(document(), gzip.compress(b" " * 100_000_000))
    body = body.replace(b'base64="true"', b'base64="true" compressed="true"')

    with pytest.raises(TooLarge):
        formats.FORMATS["cda"].read(body)

"""What CDA documents say in ways that the examples do not have."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
from cda_letters import US, coded, disposition, document, enveloped
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


def test_an_attachment_beside_the_document_does_not_keep_it_back_and_is_told() -> None:
    _, transfer = converted("RX5", beside(document(), b"%PDF-1.4 words"))

    assert transfer.kind == "discharge"
    told = [issue for issue in transfer.issues if "no clinical document" in issue.text]
    assert ["(application/pdf)" in issue.text for issue in told] == [True]


def test_an_envelope_with_an_attachment_alone_is_refused_for_that() -> None:
    with pytest.raises(UnreadableMessage, match=r"no clinical document in CDA \(application/pdf\)"):
        formats.FORMATS["cda"].read(beside(b" ", b"%PDF-1.4 words"))


def test_an_attachment_that_swells_is_refused() -> None:
    body = beside(document(), gzip.compress(b" " * 100_000_000))
    body = body.replace(b'base64="true"', b'base64="true" compressed="true"')

    with pytest.raises(TooLarge):
        formats.FORMATS["cda"].read(body)

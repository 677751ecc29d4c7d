"""CDA documents, from POST to the feeds of the recipients, and the answers of the ITK2."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from werkzeug.test import TestResponse

from service.app import Relay, take_in
from service.bundled import bundled_folder
from service.model import OdsCode
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

XML = "application/xml"
EXAMPLES = bundled_folder("mappings") / "examples"
NAMES = {
    "soap": "http://schemas.xmlsoap.org/soap/envelope/",
    "soap12": "http://www.w3.org/2003/05/soap-envelope",
    "itk": "urn:nhs-itk:ns:201005",
    "wsa": "http://www.w3.org/2005/08/addressing",
}
SECRET = "XXTESTSAMPLE"


def example(name: str) -> bytes:
    return Path(EXAMPLES, f"base-cda-{name}.xml").read_bytes()


def answered(response: TestResponse, path: str) -> list[str]:
    """Return the texts that an XPath finds in an XML answer."""
    found = etree.fromstring(response.data).xpath(path, namespaces=NAMES)
    assert isinstance(found, list)
    return [str(one) for one in found]


@pytest.fixture
def sample(relay: Relay) -> Team:
    """The sample hospital's integration engine."""
    return Team.of(relay, "RX5")


def test_a_discharge_in_the_nhs_envelope_reaches_its_recipients_with_its_words(
    sample: Team, hospice: Team
) -> None:
    response = sample.post("/cda", example("itk2-discharge"), XML)

    assert response.status_code == 200
    (notice,) = hospice.feed()
    composition = [
        hospice.get(f"/fhir/{each['reference']}").get_json()
        for each in notice["about"]
        if each["reference"].startswith("Composition/")
    ]
    assert composition[0]["section"][1]["title"] == "Medications and medical devices"
    assert "<caption>To take home</caption>" in composition[0]["section"][1]["text"]["div"]
    patient = hospice.get(f"/fhir/{notice['subject']['reference']}").get_json()
    assert patient["identifier"][0]["value"] == "9990123454"
    assert patient["name"][0]["family"] == SECRET


def test_the_document_is_kept_out_of_its_envelope_and_the_message_as_it_came(
    sample: Team, hospice: Team
) -> None:
    sent = example("itk2-discharge")
    sample.post("/cda", sent, XML)

    (notice,) = hospice.feed()
    documents = [
        hospice.get(f"/fhir/{each['reference']}").get_json()
        for each in notice["about"]
        if each["reference"].startswith("DocumentReference/")
    ]
    kept = [
        hospice.get(f"/fhir/{one['content'][0]['attachment']['url']}", Accept="*/*").data
        for one in documents
    ]
    assert sent in kept
    assert any(one.startswith(b"<ClinicalDocument") and SECRET.encode() in one for one in kept)


def test_an_infrastructure_acknowledgement_is_given_where_it_was_asked_for(sample: Team) -> None:
    response = sample.post("/cda", example("itk2-discharge"), XML)

    inner = "//itk:DistributionEnvelope/itk:payloads/itk:payload/itk:InfrastructureResponse"
    assert response.content_type == "text/xml; charset=utf-8"
    assert answered(response, f"{inner}/@result") == ["OK"]
    assert answered(response, f"{inner}/@trackingIdRef") == ["7C2D8A10-3A44-4C8F-8E5E-5D4E5F607182"]
    assert answered(response, "//soap:Header/wsa:RelatesTo/text()") == [
        "4D5B1A52-90C1-4B0E-9B5E-0D6B0F6B7A01"
    ]
    assert answered(response, "//itk:addresslist/itk:address/@uri") == [
        "urn:nhs-uk:addressing:ods:RX5"
    ]


def test_a_simple_answer_is_given_where_nothing_more_was_asked_for(sample: Team) -> None:
    quiet = example("itk2-discharge").replace(b'infackrequested" value="true"', b'x" value="true"')

    response = sample.post("/cda", quiet, XML)

    assert answered(response, "//soap:Body/itk:SimpleMessageResponse/text()") == [
        "OK:7C2D8A10-3A44-4C8F-8E5E-5D4E5F607182"
    ]
    assert answered(response, "//wsa:Action/text()") == [
        "urn:nhs-itk:services:201005:SendCDADocument-v2-0Response"
    ]


def test_an_envelope_without_soap_is_answered_without_soap(sample: Team, hospice: Team) -> None:
    response = sample.post("/cda", example("itk2-111"), XML)

    assert answered(response, "/itk:SimpleMessageResponse/text()") == [
        "OK:90A1B2C3-D4E5-4F60-8718-293A4B5C6D7E"
    ]
    (notice,) = hospice.feed()
    request = hospice.get(f"/fhir/{notice['basedOn'][0]['reference']}").get_json()
    assert request["priority"] == "asap"
    assert request["reasonCode"][0]["text"].startswith("<Ref 25> Syringe driver alarm.")


def test_the_same_message_again_gets_the_first_answer(sample: Team, hospice: Team) -> None:
    first = sample.post("/cda", example("itk2-discharge"), XML)
    second = sample.post("/cda", example("itk2-discharge"), XML)

    assert second.data == first.data
    assert len(hospice.feed()) == 1


NOBODY = b"<id root='1.2.3'/></ClinicalDocument>"


def emptied(envelope: bytes) -> bytes:
    """Return an envelope whose document says nothing of its patient."""
    start = envelope.index(b"<recordTarget")
    end = envelope.index(b"</recordTarget>") + len(b"</recordTarget>")
    return envelope[:start] + envelope[end:]


def test_a_refusal_is_told_in_the_acknowledgement_that_was_asked_for(sample: Team) -> None:
    response = sample.post("/cda", emptied(example("itk2-discharge")), XML)

    assert response.status_code == 422
    assert answered(response, "//itk:InfrastructureResponse/@result") == ["Failure"]
    assert any(
        "says nothing of its patient" in text
        for text in answered(response, "//itk:errorInfo/itk:ErrorText/text()")
    )


def test_a_refusal_is_a_fault_where_no_acknowledgement_was_asked_for(sample: Team) -> None:
    quiet = emptied(example("itk2-discharge")).replace(
        b'infackrequested" value="true"', b'x" value=""'
    )

    response = sample.post("/cda", quiet, XML)

    assert response.status_code == 422
    assert answered(response, "//soap:Fault/faultcode/text()") == ["soap:Client"]
    assert "says nothing of its patient" in "".join(
        answered(response, "//detail/itk:ToolkitErrorInfo/itk:ErrorDiagnosticText/text()")
    )


def test_who_calls_by_the_soap_binding_is_told_of_a_fault_with_500(sample: Team) -> None:
    response = sample.post(
        "/cda", emptied(example("itk2-discharge")), "text/xml", SOAPAction='"urn:x"'
    )

    assert response.status_code == 500


def test_soap_1_2_is_answered_in_soap_1_2(sample: Team) -> None:
    newer = emptied(example("itk2-discharge")).replace(
        NAMES["soap"].encode(), NAMES["soap12"].encode()
    )
    quiet = newer.replace(b'infackrequested" value="true"', b'x" value=""')

    response = sample.post("/cda", quiet, "application/soap+xml")

    assert response.content_type == "application/soap+xml; charset=utf-8"
    assert answered(response, "//soap12:Fault/soap12:Code/soap12:Value/text()") == ["soap:Sender"]


REFUSED = {
    "a fragment": (b"<section xmlns='urn:hl7-org:v3'><title>x</title></section>", 400, "a part of"),
    "other XML": (b"<letter/>", 400, "there is no ClinicalDocument"),
    "an answer": (
        b"<r><SimpleMessageResponse xmlns='urn:nhs-itk:ns:201005'>OK</SimpleMessageResponse></r>",
        400,
        "this is an answer",
    ),
    "no patient": (b"<ClinicalDocument xmlns='urn:hl7-org:v3'>" + NOBODY, 422, "of its patient"),
    "not XML": (b"Dear team", 400, "not well-formed"),
    "an undeclared prefix": (
        b"<ClinicalDocument xmlns='urn:hl7-org:v3'><value xsi:type='CD'/></ClinicalDocument>",
        400,
        "undefined namespace",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_document_is_refused_with_the_true_reason(kind: str, sample: Team) -> None:
    body, status, reason = REFUSED[kind]

    response = sample.post("/cda", body, XML)

    assert response.status_code == status
    assert response.get_json()["resourceType"] == "OperationOutcome"
    assert reason in response.text


def test_what_is_refused_is_kept(sample: Team, relay: Relay) -> None:
    sample.post("/cda", emptied(example("itk2-discharge")), XML)

    (letter,) = relay.store.dead_letters.list()
    assert letter.sender == "RX5"


def test_json_is_not_read_here(sample: Team) -> None:
    assert sample.post("/cda", b"{}", "application/json").status_code == 415


def test_a_document_is_answered_in_its_language_on_a_mapping_s_own_route_too(
    sample: Team, hospice: Team
) -> None:
    response = sample.post("/intake/base/cda-itk2", example("itk2-discharge"), XML)

    assert answered(response, "//itk:InfrastructureResponse/@result") == ["OK"]
    assert len(hospice.feed()) == 1


def test_a_document_is_known_by_its_content_on_wires_that_are_not_http(
    relay: Relay, hospice: Team
) -> None:
    (answer,) = take_in(relay, OdsCode("RX5"), "", example("itk2-discharge"))

    assert answer.status == 200
    assert len(hospice.feed()) == 1


def test_a_later_version_takes_the_place_of_the_one_that_it_names(
    sample: Team, hospice: Team
) -> None:
    later = example("itk2-discharge")
    earlier = (
        later.replace(
            b"5E6F7081-92A3-44B5-86C7-D8E9FA0B1C2D", b"11111111-2222-4333-8444-555555555555"
        )
        .replace(b"7C2D8A10-3A44-4C8F-8E5E-5D4E5F607182", b"7C2D8A10-3A44-4C8F-8E5E-000000000000")
        .replace(b'<relatedDocument typeCode="RPLC">', b'<relatedDocument typeCode="XFRM">')
    )
    sample.post("/cda", earlier, XML)
    sample.post("/cda", later, XML)

    first = hospice.feed()[0]
    documents = [
        hospice.get(f"/fhir/{each['reference']}").get_json()
        for each in first["about"]
        if each["reference"].startswith("DocumentReference/")
    ]
    assert "superseded" in {document["status"] for document in documents}


@pytest.mark.parametrize("name", ["ccda-discharge", "ccda-referral", "plain"])
def test_documents_of_other_countries_are_taken_as_they_are(name: str, sample: Team) -> None:
    response = sample.post("/cda", example(name), XML)

    assert response.status_code == 201
    assert response.get_json()["resourceType"] == "OperationOutcome"

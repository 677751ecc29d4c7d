"""The acknowledgements that ITK3 messages ask for: with ITK's codes, in refusals too."""

from __future__ import annotations

import json

import pytest
from fhir.resources.STU3.bundle import Bundle

from service.app import Relay, take_in
from service.model import OdsCode
from tests.itk3_messages import MESSAGE_ID, XML, discharge, example, read, replaced
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures", "tests.kent_fixtures"]

PATHS = ("/fhir", "/fhir/$process-message", "/intake/base/itk3-transfer-of-care")


@pytest.mark.parametrize("path", PATHS)
def test_a_stored_message_that_asks_for_it_is_acknowledged_as_received(
    path: str, kent: Team, pilgrims: Team
) -> None:
    response = kent.post(path, discharge(), XML)

    told = read(response)
    assert response.status_code == 200
    assert response.content_type.startswith(XML)
    assert (told.event, told.answers, told.code) == ("ITK008M", MESSAGE_ID, "ok")
    assert told.codes == ("20013",)
    assert told.reference == "toc-000417"
    assert told.asks == ("false", "false")  # an acknowledgement is not acknowledged
    assert len(pilgrims.feed()) == 1


def test_a_response_to_json_is_json_that_a_stu3_library_reads(kent: Team) -> None:
    message = json.loads(example("base-itk3-outpatient.json"))
    handling = {
        "url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2",
        "extension": [{"url": "InfAckRequested", "valueBoolean": True}],
    }
    header = {
        "resourceType": "MessageHeader",
        "id": "5a7c0090-0b1d-4e2f-8a3b-9c4d5e6f7a8b",
        "extension": [handling],
        "event": {"code": "ITK006D"},
        "source": {"endpoint": "urn:nhs-uk:addressing:ods:RVV"},
        "timestamp": "2025-01-20T10:05:00Z",
    }
    entries = [{"resource": header}, {"resource": message}]
    body = {"resourceType": "Bundle", "type": "message", "entry": entries}

    response = kent.post("/fhir/$process-message", json.dumps(body).encode(), "application/json")

    answer = response.get_json()
    told = Bundle.model_validate(answer)
    assert response.status_code == 200
    assert told.entry[0].resource.response.identifier == header["id"]
    assert told.entry[1].resource.issue[0].details.coding[0].code == "20013"


def test_nothing_is_acknowledged_that_did_not_ask(kent: Team) -> None:
    response = kent.post("/fhir", discharge(infrastructure="false"), XML)

    assert response.status_code == 200
    assert response.get_json()["resourceType"] == "OperationOutcome"


def test_the_same_message_again_gets_the_same_acknowledgement(kent: Team, pilgrims: Team) -> None:
    first = kent.post("/fhir", discharge(), XML)
    again = kent.post("/fhir", discharge(), XML)

    assert again.get_data() == first.get_data()
    assert len(pilgrims.feed()) == 1


def test_the_same_id_with_other_content_is_a_duplicate(kent: Team) -> None:
    kent.post("/fhir", discharge(), XML)

    response = kent.post("/fhir", replaced(discharge(), "Rosalind", "Rosa"), XML)

    assert response.status_code == 409
    assert (read(response).code, read(response).codes) == ("fatal-error", ("20007",))


NO_PATIENT = (
    ("<Patient>", "<Person>"),
    ("</Patient>", "</Person>"),
    ('<birthDate value="1948-03-02"/>', ""),
)


def without_patient() -> bytes:
    body = discharge()
    for before, after in NO_PATIENT:
        body = replaced(body, before, after)
    return body


def to_nobody() -> bytes:
    """A receiver, a hospice and a practice by names and codes that no directory has."""
    body = replaced(discharge(), "ods-organization-code", "local-code")
    body = replaced(replaced(body, "Pilgrims Hospices", "A house"), "Example Surgery", "surgery")
    return replaced(body, "CT14 9ZZ", "LS1 9ZZ")  # where no rule finds anybody


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(without_patient(), 422, "20009", id="no patient"),
        pytest.param(
            replaced(discharge(), "<Composition>", "<Basic>").replace(
                b"</Composition>", b"</Basic>"
            ),
            422,
            "10004",
            id="no message that is known here",
        ),
        pytest.param(to_nobody(), 422, "20002", id="nobody it names is known"),
        pytest.param(
            replaced(discharge(), '<type value="message"/>', '<type value="searchset"/>'),
            400,
            "20006",
            id="no message by its header",
        ),
        pytest.param(discharge().replace(b"</Bundle>", b"", 1), 400, "20006", id="broken XML"),
    ],
)
def test_a_refusal_says_why_in_itks_codes_and_is_kept(
    body: bytes, status: int, code: str, relay: Relay, kent: Team
) -> None:
    for path in PATHS[:2]:
        response = kent.post(path, body, XML)

        told = read(response)
        assert response.status_code == status
        assert (told.answers, told.code) == (MESSAGE_ID, "fatal-error")
        assert set(told.codes) == {code}
    assert len(relay.store.dead_letters.list()) == 1


def test_an_unknown_practice_is_no_reason_to_refuse(kent: Team) -> None:
    body = replaced(discharge(), 'value="8HX01"', 'value="V81999"')
    body = replaced(body, 'value="G99901"', 'value="V81999"')

    response = kent.post("/fhir", body, XML)

    assert (read(response).code, read(response).codes[0]) == ("ok", "20013")


def test_somebody_unknown_beside_the_known_is_told_with_the_success(kent: Team) -> None:
    body = replaced(discharge(), 'value="G99901"', 'value="ZZZ99"')

    told = read(kent.post("/fhir", body, XML))

    assert told.code == "ok"
    assert told.codes[0] == "20013"
    assert "20010" in told.codes[1:]


@pytest.mark.parametrize(
    ("flag", "code"), [("InfAckRequested", "10002"), ("BusAckRequested", "10003")]
)
def test_a_flag_that_is_not_understood_is_answered_and_named(
    flag: str, code: str, kent: Team
) -> None:
    before = f'<extension url="{flag}">\n<valueBoolean value="true"/>'

    told = read(kent.post("/fhir", replaced(discharge(), before, before.replace("true", "Y")), XML))

    assert told.code == "ok"
    assert told.codes[:2] == ("20013", code)


def test_a_wire_that_is_not_http_gets_the_same_answers(relay: Relay) -> None:
    (taken,) = take_in(relay, OdsCode("RVV"), XML, discharge())
    (refused,) = take_in(relay, OdsCode("RVV"), XML, replaced(discharge(), "Rosalind", "Rosa"))

    assert read(taken.body).codes == ("20013",)
    assert refused.status == 409
    assert read(refused.body).codes == ("20007",)


def test_an_acknowledgement_is_never_acknowledged(kent: Team) -> None:
    acknowledgement = kent.post("/fhir", discharge(), XML).get_data()
    asking = acknowledgement.replace(b'value="false"', b'value="true"')

    response = kent.post("/fhir", asking, XML)

    assert response.status_code == 422
    assert response.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_a_transaction_is_r4_and_a_message_may_be_stu3(version: str, kent: Team) -> None:
    """What a sender says of the version is checked against what is done with it."""
    media_type = f"{XML}; fhirVersion={version}"
    transaction = b'<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/></Bundle>'

    assert kent.post("/fhir", discharge(), media_type).status_code == 200
    assert kent.post("/fhir", transaction, media_type).status_code == (
        415 if version == "3.0" else 200
    )

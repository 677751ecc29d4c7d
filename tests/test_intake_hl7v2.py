"""What a trust's integration engine is told, and what has become of its message."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from service.app import Relay
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]


def segments(ack: bytes) -> dict[str, list[str]]:
    """Return an ACK's segments by name, split at the field separator."""
    return {line[:3]: line.split("|") for line in ack.decode().split("\r") if line}


def test_a_discharge_is_acknowledged_and_reaches_the_practice_and_the_hospice_by_rule(
    trust: Team, relay: Relay
) -> None:
    response = trust.post("/hl7v2", a03(practice="G99901"))

    ack = segments(response.data)
    assert response.status_code == 200
    assert ack["MSA"][1:3] == ["AA", "K0001"]
    assert ack["MSH"][2:6] == ["RELAY", "RELAY", "EPIC", "RJZ"]
    (communication,) = Team.of(relay, "G99901").feed()
    assert communication["subject"]["identifier"]["value"] == NHS_NUMBER
    assert communication["sender"]["identifier"]["value"] == "RJZ"
    assert communication["recipient"][0]["identifier"]["value"] == "G99901"


def test_the_same_message_again_gets_the_same_answer_and_changes_nothing(
    trust: Team, relay: Relay
) -> None:
    first = trust.post("/hl7v2", a03())
    second = trust.post("/hl7v2", a03())

    assert second.data == first.data
    assert second.status_code == first.status_code
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_fifty_identical_posts_at_once_make_one_event(trust: Team, relay: Relay) -> None:
    def post(_: int) -> bytes:
        return Team.of(relay, "RJZ").post("/hl7v2", a03()).data

    with ThreadPoolExecutor(10) as threads:
        answers = set(threads.map(post, range(50)))

    assert len(answers) == 1
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_the_same_id_with_other_bytes_is_a_conflict_and_both_are_kept(
    trust: Team, relay: Relay
) -> None:
    trust.post("/hl7v2", a03())
    response = trust.post("/hl7v2", a03(discharged="20261120181500"))

    ack = segments(response.data)
    assert response.status_code == 409
    assert ack["MSA"][1] == "AE"
    assert "205" in ack["ERR"][1]
    assert len(relay.store.dead_letters.list()) == 1
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_the_same_id_of_another_application_is_another_message(trust: Team, relay: Relay) -> None:
    trust.post("/hl7v2", a03())
    response = trust.post("/hl7v2", a03().replace(b"|EPIC|", b"|PAS|"))

    assert response.status_code == 200
    assert len(Team.of(relay, "G99901").feed()) == 2


REFUSED = {
    "no bytes": (b"", 400, None),
    "not HL7": (b"hello", 400, None),
    "no control id": (a03(control_id=""), 400, "AE"),
    "an event without a mapping": (a03(event="P03"), 422, "AR"),
    "training": (a03().replace(b"|K0001|P|", b"|K0001|T|"), 422, "AR"),
}


@pytest.mark.parametrize(("body", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_kept_and_told_without_a_patients_value(
    body: bytes, status: int, code: str | None, trust: Team, relay: Relay
) -> None:
    response = trust.post("/hl7v2", body)

    assert response.status_code == status
    assert code is None or segments(response.data)["MSA"][1] == code
    for value in (NHS_NUMBER, "XXTESTPATIENT", "ROSALIND", "TN2"):
        assert value.encode() not in response.data
    (letter,) = relay.store.dead_letters.list()
    kept = relay.store.dead_letters.get(letter.id)
    assert kept is not None
    assert kept.body == body
    assert letter.issues


def test_a_batch_is_answered_message_by_message(trust: Team, relay: Relay) -> None:
    batch = b"".join(
        [b"BHS|^~\\&|EPIC|RJZ\r", a03(), a03(control_id="K0002", event="P03"), b"BTS|2\r"]
    )

    response = trust.post("/hl7v2", batch)

    codes = [line.split("|")[1] for line in response.data.decode().split("\r") if "MSA" in line]
    assert codes == ["AA", "AR"]
    assert response.status_code == 422
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_enhanced_mode_gets_an_accept_acknowledgement(trust: Team) -> None:
    enhanced = a03().replace(b"|P|2.4|||||GBR", b"|P|2.4|||AL|NE|GBR")

    assert segments(trust.post("/hl7v2", enhanced).data)["MSA"][1] == "CA"


def test_a_cancelled_discharge_follows_to_everybody_who_got_it(trust: Team, relay: Relay) -> None:
    trust.post("/hl7v2", a03(practice="G99901"))
    response = trust.post("/hl7v2", a03(control_id="K0002", event="A13", practice="G99902"))

    assert response.status_code == 200
    kinds = [
        communication["topic"]["coding"][0]["code"]
        for communication in Team.of(relay, "G99901").feed()
    ]
    assert kinds == ["discharge", "discharge-cancelled"]


def test_a_later_message_updates_the_patient_and_makes_no_second_one(
    trust: Team, relay: Relay
) -> None:
    trust.post("/hl7v2", a03())
    trust.post("/hl7v2", a03(control_id="K0002", postcode="ME16 9ZZ"))

    bundle = trust.get(
        f"/fhir/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|{NHS_NUMBER}"
    ).get_json()
    (entry,) = bundle["entry"]
    assert entry["resource"]["meta"]["versionId"] == "2"
    assert entry["resource"]["address"][0]["postalCode"] == "ME16 9ZZ"


def test_a_discharge_by_death_is_a_death_and_asks_nobody_to_visit(
    trust: Team, relay: Relay
) -> None:
    trust.post("/hl7v2", a03(method="79"))

    (communication,) = Team.of(relay, "G99901").feed()
    assert communication["topic"]["coding"][0]["code"] == "death"
    assert "Do not arrange a visit" in communication["payload"][0]["contentString"]


def test_without_a_token_nothing_is_taken(trust: Team, relay: Relay) -> None:
    trust.token = "no such token"

    response = trust.post("/hl7v2", a03())

    assert response.status_code == 401
    assert response.get_json()["resourceType"] == "OperationOutcome"
    assert not relay.store.dead_letters.list()


def test_sending_needs_the_right_to_create(relay: Relay) -> None:
    reader = Team.of(relay, "RJZ", scopes="system/*.rs")

    assert reader.post("/hl7v2", a03()).status_code == 403


def test_what_a_later_message_leaves_out_of_the_patient_stays(trust: Team) -> None:
    trust.post("/hl7v2", a03())
    silent = a03(control_id="K0002").replace(b"02079460001^PRN^PH", b"")
    trust.post(
        "/hl7v2", silent.replace(b"1 TEST STREET^^TUNBRIDGE WELLS", b"2 TEST STREET^^TONBRIDGE")
    )

    (entry,) = trust.get("/fhir/Patient").get_json()["entry"]
    assert entry["resource"]["telecom"][0]["value"] == "02079460001"
    assert entry["resource"]["address"][0]["line"] == ["2 TEST STREET"]


def test_what_a_later_message_deletes_of_the_patient_goes(trust: Team) -> None:
    trust.post("/hl7v2", a03())
    trust.post("/hl7v2", a03(control_id="K0002").replace(b"02079460001^PRN^PH", b'""'))

    (entry,) = trust.get("/fhir/Patient").get_json()["entry"]
    assert "telecom" not in entry["resource"]


def test_another_name_and_birth_date_under_a_known_number_are_somebody_else(trust: Team) -> None:
    trust.post("/hl7v2", a03())
    other = a03(control_id="K0002").replace(b"XXTESTPATIENT", b"XXTESTOTHER")
    response = trust.post("/hl7v2", other.replace(b"19440203", b"19790511"))

    entries = trust.get("/fhir/Patient").get_json()["entry"]
    assert response.status_code == 200
    assert {entry["resource"]["birthDate"] for entry in entries} == {"1944-02-03", "1979-05-11"}
    assert {entry["resource"]["meta"]["versionId"] for entry in entries} == {"1"}


def test_a_corrected_birth_date_changes_the_record_and_is_told_to_the_recipients(
    trust: Team, relay: Relay
) -> None:
    trust.post("/hl7v2", a03())
    trust.post("/hl7v2", a03(control_id="K0002").replace(b"19440203", b"19440302"))

    (entry,) = trust.get("/fhir/Patient").get_json()["entry"]
    assert entry["resource"]["birthDate"] == "1944-03-02"
    second = Team.of(relay, "G99901").feed()[1]
    assert any("differs from what was sent before" in note["text"] for note in second["note"])


def test_the_sender_is_told_whom_it_reached_and_what_was_doubtful(trust: Team) -> None:
    wrong = a03(nhs_number="9990123450")

    ack = segments(trust.post("/hl7v2", wrong).data)

    assert "G99901" in ack["MSA"][3]
    assert "PID-3" in ack["MSA"][3]
    assert "9990123450" not in ack["MSA"][3]


def test_a_training_message_is_refused_by_its_processing_id(trust: Team) -> None:
    ack = segments(trust.post("/hl7v2", a03().replace(b"|K0001|P|", b"|K0001|t|")).data)

    assert ack["MSA"][1] == "AR"
    assert "202" in ack["ERR"][1]


def test_one_unreadable_message_of_a_batch_refuses_no_other(trust: Team, relay: Relay) -> None:
    bad = a03(control_id="K0002").replace(b"ADT^A03^ADT_A03", b"")
    batch = b"BHS|^~\\&|EPIC\r" + a03() + bad + a03(control_id="K0003") + b"BTS|3\r"

    answers = trust.post("/hl7v2", batch).data.split(b"MSH|")[1:]

    assert [answer.split(b"MSA|")[1][:8] for answer in answers] == [b"AA|K0001", b"AE|K0002",
                                                                    b"AA|K0003"]  # fmt: skip
    assert len(Team.of(relay, "G99901").feed()) == 2
    (letter,) = relay.store.dead_letters.list()
    kept = relay.store.dead_letters.get(letter.id)
    assert kept
    assert kept.body == bad.rstrip(b"\r")

"""Answers to what was sent: ITK acknowledgements, FHIR responses, MESH's own reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay
from service.cli.delivering import poller, worker
from service.errors import UnreadableMessage
from service.mesh.answers import is_answer, read_answer
from tests.cli_runner import relay as command
from tests.mesh_beside import Sandbox
from tests.mesh_relay import configured, discharge, eventually, running
from tests.relay_client import Team

pytest_plugins = ["tests.mesh_fixtures"]
ID = "5a7c0001-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
OLD, NEW = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-Acknowledgement-1", "ITKResponseCode"


def in_xml(identifier: str = ID, code: str = "ok", detail: str = "", system: str = NEW) -> bytes:
    """An ITK acknowledgement as STU3 XML."""
    coding = f'<coding><system value="{system}"/><code value="{detail}"/></coding>'
    outcome = (
        '<entry><resource><OperationOutcome><issue><severity value="information"/>'
        f'<code value="informational"/><details>{coding}</details></issue></OperationOutcome>'
        "</resource></entry>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Bundle xmlns="http://hl7.org/fhir">'
        '<type value="message"/><entry><resource><MessageHeader><event><code value="ITK008M"/>'
        f'</event><response><identifier value="{identifier}"/><code value="{code}"/></response>'
        f"</MessageHeader></resource></entry>{outcome if detail else ''}</Bundle>"
    ).encode()


def in_json(identifier: str = ID, code: str = "ok", detail: str = "") -> bytes:
    """The response to a FHIR R4 message."""
    header = {"resourceType": "MessageHeader", "response": {"identifier": identifier, "code": code}}
    issue = {"severity": "information", "details": {"coding": [{"code": detail}]}}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue] if detail else []}
    entries = [{"resource": header}, {"resource": outcome}]
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": entries}).encode()


@pytest.mark.parametrize("written", [in_xml, in_json])
@pytest.mark.parametrize(
    ("code", "detail", "status"),
    [
        ("ok", "", "received"),
        ("ok", "20013", "received"),
        ("ok", "30001", "accepted"),
        ("ok", "41001", "accepted"),
        ("fatal-error", "30002", "rejected"),
        ("fatal-error", "41002", "rejected"),
        ("fatal-error", "30003", "rejected"),
        ("fatal-error", "41022", "rejected"),
        ("ok", "30004", "received"),
        ("fatal-error", "20009", None),
        ("transient-error", "", None),
        ("fatal-error", "RC001", None),
    ],
)
def test_what_an_answer_says(written: Any, code: str, detail: str, status: str | None):
    answered = read_answer(written(ID, code, detail))

    assert answered.message_id == ID
    assert (answered.said.status if answered.said else None) == status
    assert (answered.said.reason is not None if answered.said else False) == (status == "rejected")


def test_a_uuid_is_known_with_its_scheme_and_in_capitals():
    assert read_answer(in_xml(f"urn:uuid:{ID.upper()}")).message_id == ID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"not a message",
        b"<Bundle xmlns='http://hl7.org/fhir'/>",
        b'{"resourceType":"Bundle","entry":{"resource":[]}}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"MessageHeader"}}]}',
        b"<!DOCTYPE x [<!ENTITY e 'e'>]><Bundle xmlns='http://hl7.org/fhir'/>",
    ],
)
def test_what_is_no_answer_is_refused(body: bytes):
    assert not is_answer(body)
    with pytest.raises(UnreadableMessage):
        read_answer(body)


@pytest.fixture
def closed_loop(meshed: Relay, tmp_path: Path, sandbox: Sandbox) -> Iterator[Relay]:
    """A relay that has sent one discharge to a team's mailbox, and polls its own."""
    mesh = configured(meshed, tmp_path, sandbox)
    discharge(meshed, 1)
    with running(worker(meshed, mesh), poller(meshed, mesh)):
        eventually(lambda: meshed.store.channels.place("8HX03", "mesh").n >= 1)
        yield meshed


def sent(relay: Relay) -> Any:
    return relay.store.channels.dispatch("8HX03", "mesh", 1)


def answer(sandbox: Sandbox, body: bytes, sender: str = "HSP0003") -> None:
    """Answer from a mailbox, and wait until that has been dealt with."""
    sandbox.post(sender, body, workflow="DISCHARGE_RELAY_ACK")
    eventually(lambda: not sandbox.inbox("RELAY01"))


def task(relay: Relay) -> dict:
    [entry] = Team.of(relay, "8HX03").get("/fhir/Task").get_json()["entry"]
    return entry["resource"]


def letters(relay: Relay) -> list[str]:
    return [letter.issues[0].text for letter in relay.store.dead_letters.list()]


@pytest.mark.peer
@pytest.mark.parametrize("written", [in_xml, in_json])
def test_a_business_acknowledgement_moves_the_task_and_closes_the_communication(
    closed_loop: Relay, sandbox: Sandbox, written: Any
):
    answer(sandbox, written(sent(closed_loop).message_id, "ok", "30001"))

    assert task(closed_loop)["status"] == "accepted"
    [communication] = Team.of(closed_loop, "8HX03").feed()
    assert (communication["status"], "received" in communication) == ("completed", True)
    assert sent(closed_loop).state == "confirmed"
    assert letters(closed_loop) == []


@pytest.mark.peer
def test_a_patient_who_is_not_known_there_is_a_rejection_with_its_reason(
    closed_loop: Relay, sandbox: Sandbox
):
    message_id = sent(closed_loop).message_id
    for _ in range(2):
        answer(sandbox, in_xml(message_id, "fatal-error", "41002", OLD))

    assert task(closed_loop)["status"] == "rejected"
    assert task(closed_loop)["statusReason"]["text"] == "Patient not known here (41002)"
    assert letters(closed_loop) == []


@pytest.mark.peer
def test_a_system_that_could_not_take_it_is_shown_and_holds_nothing_up(
    closed_loop: Relay, sandbox: Sandbox
):
    answer(sandbox, in_xml(sent(closed_loop).message_id, "fatal-error", "20009"))
    discharge(closed_loop, 2)
    eventually(lambda: closed_loop.store.channels.place("8HX03", "mesh").n == 2)

    assert (sent(closed_loop).state, sent(closed_loop).reason) == ("refused", "fatal-error 20009")
    assert task_states(closed_loop) == ["requested", "requested"]


def task_states(relay: Relay) -> list[str]:
    entries = Team.of(relay, "8HX03").get("/fhir/Task").get_json()["entry"]
    return [entry["resource"]["status"] for entry in entries]


@pytest.mark.peer
@pytest.mark.parametrize(
    ("sender", "identifier"),
    [
        ("HSP0003", "5a1d6a9e-6f0c-4c1f-9a57-3c1f5d9c0b11"),
        ("HSP0001", ""),
        ("STRANGE", ""),
        ("RJZ0001", ""),
    ],
)
def test_an_answer_from_anybody_else_or_to_nothing_is_kept_and_changes_nothing(
    closed_loop: Relay, sandbox: Sandbox, sender: str, identifier: str
):
    answer(sandbox, in_xml(identifier or sent(closed_loop).message_id, detail="30001"), sender)

    assert task(closed_loop)["status"] == "requested"
    assert letters(closed_loop) == [
        "It answers nothing that was sent to this mailbox's organisation."
    ]


@pytest.mark.peer
def test_an_answer_that_contradicts_an_earlier_one_is_kept(closed_loop: Relay, sandbox: Sandbox):
    message_id = sent(closed_loop).message_id
    answer(sandbox, in_xml(message_id, detail="30001"))
    answer(sandbox, in_xml(message_id, "fatal-error", "30002"))

    assert task(closed_loop)["status"] == "accepted"
    assert len(letters(closed_loop)) == 1


@pytest.mark.peer
def test_a_report_of_non_delivery_parks_the_channel_until_an_operator_resumes_it(
    closed_loop: Relay, sandbox: Sandbox
):
    sandbox.report("RELAY01", sent(closed_loop).handle)
    eventually(lambda: not sandbox.inbox("RELAY01"))
    url = closed_loop.settings.database
    listed = command("channels", database=url)
    discharge(closed_loop, 2)

    resumed = command("channels", "resume", "8HX03", "mesh", database=url)
    eventually(lambda: closed_loop.store.channels.place("8HX03", "mesh").n == 2)

    assert "8HX03\tmesh\tparked\t1\t1\t0\t0\tevent 1 was not delivered: 14 Message" in listed.stdout
    assert resumed.returncode == 0, resumed.stderr
    assert "after event 0" in resumed.stdout
    numbers = [json.loads(m)["identifier"]["value"] for m in sandbox.collect("HSP0003")]
    assert numbers == ["8HX03/1", "8HX03/1", "8HX03/2"]


@pytest.mark.peer
def test_a_report_about_something_else_is_kept(closed_loop: Relay, sandbox: Sandbox):
    sandbox.report("RELAY01", "20261124000000_OTHER")
    eventually(lambda: not sandbox.inbox("RELAY01"))

    assert "14 Message not collected" in letters(closed_loop)[0]
    assert closed_loop.store.channels.place("8HX03", "mesh").state == "active"


@pytest.mark.peer
def test_a_team_whose_mailbox_mesh_does_not_know_is_parked_and_the_others_are_not(
    meshed: Relay, tmp_path: Path, sandbox: Sandbox
):
    mesh = configured(meshed, tmp_path, sandbox)
    discharge(meshed, 1)
    discharge(meshed, 2, postcode="CT14 9ZZ")
    sandbox.stop()
    (sandbox.folder / "unknown.txt").write_text("HSP0001")
    sandbox.start()

    with running(worker(meshed, mesh)):
        eventually(lambda: meshed.store.channels.place("8HX01", "mesh").state == "parked")
        eventually(lambda: meshed.store.channels.place("8HX03", "mesh").n >= 1)

    place = meshed.store.channels.place("8HX01", "mesh")
    assert (place.n, place.reason) == (0, "event 1: MESH refused it: 12 Unregistered to address")

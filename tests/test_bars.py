"""Referrals by the NHS Booking and Referral Standard: new, update, cancel, the answer; headers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from service.fhir.xml import to_xml
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"
PATH = "/fhir/$process-message"
ID = "5b0e4c1a-7d2f-4a36-9c58-0f1e2d3c4b5a"
NHS_CODES = "https://fhir.nhs.uk/Codesystem/http-error-codes"
Json = dict[str, Any]


@pytest.fixture
def referrer(relay: Relay) -> Team:
    """A hospital that refers by BaRS, without mappings of its own."""
    return Team.of(relay, "RX9")


@pytest.fixture
def service(relay: Relay) -> Team:
    """The pain service that its referrals name."""
    return Team.of(relay, "8PX01")


def example(name: str) -> Json:
    message: Json = json.loads(Path(EXAMPLES, f"base-message-{name}.json").read_bytes())
    return message


def only(message: Json, kind: str) -> Json:
    resources = (entry["resource"] for entry in message["entry"])
    (found,) = (one for one in resources if one["resourceType"] == kind)
    return dict(found)


def set_(message: Json, kind: str, **parts: Any) -> Json:
    """Change a resource of a message; None takes an element away."""
    for entry in message["entry"]:
        if entry["resource"]["resourceType"] == kind:
            changed = {**entry["resource"], **parts}
            entry["resource"] = {name: one for name, one in changed.items() if one is not None}
    return message


def sent(team: Team, message: Json, **headers: str) -> Any:
    return team.post(PATH, json.dumps(message).encode(), FHIR, **headers)


def kinds(team: Team) -> list[str]:
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]


def new(**request: Any) -> Json:
    """A new referral: BaRS knows it by ServiceRequest.id, and gives the MessageHeader none."""
    told = {"id": ID, "identifier": None, **request}
    return set_(set_(example("bars"), "ServiceRequest", **told), "MessageHeader", id=None)


def later(message: Json, time: str, **request: Any) -> Json:
    """The same Bundle sent again, as BaRS updates are: same Bundle.id, same entries."""
    reason = {"coding": [{**only(message, "MessageHeader")["reason"]["coding"][0]}]}
    reason["coding"][0]["code"] = "update"
    changed = set_(set_(message, "ServiceRequest", **request), "MessageHeader", reason=reason)
    return {**changed, "timestamp": time}


def request_of(team: Team) -> Json:
    (entry,) = team.get("/fhir/ServiceRequest").get_json()["entry"]
    return dict(entry["resource"])


def test_a_referral_is_answered_by_a_response_that_names_its_bundle(
    referrer: Team, service: Team
) -> None:
    answer = sent(referrer, new())

    header = answer.get_json()["entry"][0]["resource"]
    assert answer.status_code == 200
    assert header["eventCoding"]["code"] == "servicerequest-response"
    assert header["response"] == {
        "identifier": example("bars")["id"],
        "code": "ok",
        "details": header["response"]["details"],
    }
    assert kinds(service) == ["referral"]


def test_an_update_in_the_same_bundle_changes_the_referral_and_reaches_who_holds_it(
    referrer: Team, service: Team
) -> None:
    sent(referrer, new())
    note = [{"text": "Now lives with her daughter."}]
    answer = sent(referrer, later(new(), "2025-04-08T08:00:00+01:00", note=note))

    assert answer.status_code == 200
    assert kinds(service) == ["referral", "referral-update"]
    request = request_of(service)
    assert (request["meta"]["versionId"], request["status"]) == ("2", "active")
    assert note[0]["text"] in [each["text"] for each in request["note"]]


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
def test_a_cancellation_stripped_back_withdraws_the_referral_and_keeps_what_it_said(
    status: str, referrer: Team, service: Team
) -> None:
    sent(referrer, new())
    before = request_of(service)
    answer = sent(referrer, set_(example("bars-cancelled"), "ServiceRequest", status=status))

    assert answer.status_code == 200
    assert kinds(service) == ["referral", "referral-cancelled"]
    assert service.feed()[0]["status"] == "stopped"
    after = request_of(service)
    assert (after["id"], after["status"]) == (before["id"], status)
    assert after["reasonCode"] == before["reasonCode"]
    assert after["note"] == before["note"]


def test_a_cancellation_by_the_id_that_the_sender_read_here_is_of_that_referral(
    referrer: Team, service: Team
) -> None:
    sent(referrer, new(id=None))
    read = request_of(referrer)

    answer = sent(referrer, set_(example("bars-cancelled"), "ServiceRequest", id=read["id"]))

    assert answer.status_code == 200
    assert kinds(service) == ["referral", "referral-cancelled"]
    assert request_of(service)["status"] == "revoked"


def test_a_request_without_any_number_is_known_by_its_place_in_its_bundle(
    referrer: Team, service: Team
) -> None:
    sent(referrer, new(id=None))
    sent(referrer, later(new(id=None), "2025-04-08T08:00:00+01:00", status="revoked"))
    another = {**new(id=None), "id": "11111111-2222-4333-8444-555555555555"}
    sent(referrer, another)

    assert kinds(service) == ["referral", "referral-cancelled", "referral"]
    assert len(service.get("/fhir/ServiceRequest").get_json()["entry"]) == 2


@pytest.mark.parametrize("status", ["active", "revoked"])
def test_a_referral_that_is_over_is_not_changed_again(
    status: str, referrer: Team, service: Team
) -> None:
    sent(referrer, new())
    sent(referrer, example("bars-cancelled"))
    answer = sent(referrer, later(new(), "2025-04-09T08:00:00+01:00", status=status))

    issue = answer.get_json()["issue"][0]
    assert (answer.status_code, issue["code"]) == (409, "conflict")
    assert issue["details"]["coding"] == [{"system": NHS_CODES, "code": "REC_CONFLICT"}]
    assert kinds(service) == ["referral", "referral-cancelled"]


def test_a_cancellation_of_what_was_not_sent_here_reaches_whom_it_names_with_a_doubt(
    referrer: Team, service: Team
) -> None:
    answer = sent(referrer, example("bars-cancelled"))

    told = json.dumps(answer.get_json())
    assert answer.status_code == 200
    assert kinds(service) == ["referral-cancelled"]
    assert "was not sent here before" in told


def test_the_same_message_again_is_the_same_answer_and_nothing_new(
    referrer: Team, service: Team
) -> None:
    first, second = sent(referrer, new()), sent(referrer, new())

    assert first.data == second.data
    assert kinds(service) == ["referral"]


def test_the_answer_of_the_receiver_reaches_the_referrer_and_is_not_answered(
    referrer: Team, service: Team
) -> None:
    sent(referrer, new())
    answer = sent(service, example("bars-answer"))

    assert answer.status_code == 200
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert kinds(referrer) == ["document"]
    about = referrer.feed()[0]["about"][0]["reference"]
    told = referrer.get(f"/fhir/{about}").text
    assert "No bed or visit before the weekend" in told
    assert len(service.get("/fhir/ServiceRequest").get_json()["entry"]) == 1


def test_an_answer_to_nothing_is_refused(service: Team, relay: Relay) -> None:
    answer = sent(service, set_(example("bars-answer"), "MessageHeader", response=None))

    assert answer.status_code == 422
    assert len(relay.store.dead_letters.list()) == 1


def test_a_reason_that_is_neither_new_nor_update_is_refused(referrer: Team, service: Team) -> None:
    reason = {"coding": [{**only(new(), "MessageHeader")["reason"]["coding"][0], "code": "amend"}]}
    answer = sent(referrer, set_(new(), "MessageHeader", reason=reason))

    assert answer.status_code == 422
    assert "invariant" in [issue["code"] for issue in answer.get_json()["issue"]]
    assert service.feed() == []


@pytest.mark.parametrize("event", ["booking-request", "booking-response"])
@pytest.mark.parametrize("xml", [False, True])
def test_a_booking_is_not_implemented_and_kept(
    event: str, xml: bool, referrer: Team, relay: Relay
) -> None:
    coding = {**only(new(), "MessageHeader")["eventCoding"], "code": event}
    message = set_(new(), "MessageHeader", eventCoding=coding)
    body = to_xml(message) if xml else json.dumps(message).encode()

    answer = referrer.post(PATH, body, "application/fhir+xml" if xml else FHIR)

    issue = answer.get_json()["issue"][0]
    assert (answer.status_code, issue["code"]) == (501, "not-supported")
    assert issue["details"]["coding"] == [{"system": NHS_CODES, "code": "REC_NOT_IMPLEMENTED"}]
    assert len(relay.store.dead_letters.list()) == 1


@pytest.mark.parametrize("kind", ["Slot", "Appointment", "Schedule"])
def test_what_bookings_are_made_of_is_not_implemented(kind: str, referrer: Team) -> None:
    assert referrer.get(f"/fhir/{kind}").status_code == 501
    assert referrer.post(f"/fhir/{kind}", b"{}", FHIR).status_code == 501

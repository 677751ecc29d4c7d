"""A stay that goes on after all, or a death, told by FHIR updates: it reaches whoever was told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from tests.hl7v2_letters import a03
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures", "tests.kent_fixtures"]

DISCHARGE = bundled_folder("mappings") / "examples" / "rvv-transaction-discharge.json"
Json = dict[str, Any]


@pytest.fixture
def named(relay: Relay) -> Team:
    """The hospice that its discharge names."""
    return Team.of(relay, "8HX01")


def discharged(team: Team) -> None:
    assert team.post("/fhir", DISCHARGE.read_bytes(), FHIR).status_code == 200


def only(team: Team, kind: str) -> Json:
    (entry,) = team.get(f"/fhir/{kind}").get_json()["entry"]
    return dict(entry["resource"])


def put(team: Team, resource: Json) -> None:
    answer = team.put(f"/fhir/{resource['resourceType']}/{resource['id']}", resource)
    assert answer.status_code == 200, answer.text


def kinds(team: Team) -> list[str]:
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]


def line(notice: Json) -> str:
    return str(notice["payload"][0]["contentString"])


REOPENED = {
    "in-progress": "the patient is still there",
    "onleave": "the patient is still there",
    "cancelled": "has marked the stay as cancelled",
    "entered-in-error": "has marked the stay as entered in error",
}


@pytest.mark.parametrize(("status", "words"), REOPENED.items(), ids=REOPENED)
def test_a_stay_that_has_not_ended_after_all_cancels_its_discharge(
    status: str, words: str, kent: Team, named: Team
) -> None:
    discharged(kent)
    stay = only(kent, "Encounter")
    del stay["period"]["end"]
    put(kent, {**stay, "status": status})

    first, second = named.feed()
    assert kinds(named) == ["discharge", "discharge-cancelled"]
    assert first["status"] == "stopped"
    assert words in line(second)
    assert "Disregard the earlier notice." in line(second)
    assert second["encounter"]["reference"] == f"Encounter/{stay['id']}"


def test_a_stay_reopened_twice_is_told_once_and_its_next_end_is_a_discharge(
    kent: Team, named: Team
) -> None:
    discharged(kent)
    stay = only(kent, "Encounter")
    put(kent, {**stay, "status": "in-progress"})
    put(kent, {**stay, "status": "onleave"})
    put(kent, {**stay, "status": "finished"})
    put(kent, {**stay, "status": "in-progress"})

    assert kinds(named) == ["discharge", "discharge-cancelled"] * 2


def test_a_stay_of_which_no_discharge_was_sent_is_only_kept(kent: Team, relay: Relay) -> None:
    bundle = json.loads(DISCHARGE.read_bytes())
    bundle["entry"] = bundle["entry"][:2]
    bundle["entry"][1]["resource"]["status"] = "in-progress"
    assert kent.post("/fhir", json.dumps(bundle).encode(), FHIR).status_code == 200
    for status in ("cancelled", "entered-in-error"):
        put(kent, {**only(kent, "Encounter"), "status": status})

    assert Team.of(relay, "G99908").feed() == []


DEAD = {"by name": {"deceasedBoolean": True}, "by date": {"deceasedDateTime": "2025-05-08"}}


@pytest.mark.parametrize("dead", DEAD.values(), ids=DEAD)
def test_a_patient_marked_as_dead_is_a_death_to_whoever_holds_the_patient(
    dead: Json, kent: Team, named: Team
) -> None:
    discharged(kent)
    put(kent, {**only(kent, "Patient"), **dead})
    put(kent, {**only(kent, "Patient"), "gender": "unknown"})

    assert kinds(named) == ["discharge", "death"]
    assert "died" in line(named.feed()[1])
    assert "Do not arrange a visit." in line(named.feed()[1])


def test_a_patient_whom_nobody_holds_is_only_kept(kent: Team, relay: Relay) -> None:
    bundle = json.loads(DISCHARGE.read_bytes())
    bundle["entry"] = bundle["entry"][:1]
    assert kent.post("/fhir", json.dumps(bundle).encode(), FHIR).status_code == 200
    put(kent, {**only(kent, "Patient"), "deceasedBoolean": True})

    assert Team.of(relay, "G99908").feed() == []


def test_what_hl7_v2_made_is_taken_back_by_fhir_too(trust: Team, relay: Relay) -> None:
    practice = Team.of(relay, "G99901")
    assert trust.post("/hl7v2", a03()).status_code == 200
    put(trust, {**only(trust, "Encounter"), "status": "in-progress"})

    assert kinds(practice) == ["discharge", "discharge-cancelled"]


def test_a_reopened_stay_and_a_live_referral_are_both_told(kent: Team, named: Team) -> None:
    discharged(kent)
    stay = {**only(kent, "Encounter"), "status": "in-progress"}
    entries = json.loads(DISCHARGE.read_bytes())["entry"]
    request = {**entries[2]["resource"], "intent": "order", "subject": stay["subject"]}
    request |= {"encounter": {"reference": f"Encounter/{stay['id']}"}, "identifier": []}
    del request["identifier"]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": stay, "request": {"method": "PUT", "url": f"Encounter/{stay['id']}"}},
            {"resource": request, "request": {"method": "POST", "url": "ServiceRequest"}},
        ],
    }
    assert kent.post("/fhir", json.dumps(bundle).encode(), FHIR).status_code == 200

    assert kinds(named) == ["discharge", "referral", "discharge-cancelled"]


REFERRAL = bundled_folder("mappings") / "examples" / "rwf-message-referral.json"


STAY = ("Encounter", "Patient", "Organization")


def stay_event(number: int, status: str, **header: Any) -> bytes:
    """A message of the NHS event "encounter" about one stay."""
    bundle = json.loads(REFERRAL.read_bytes())
    entries = bundle["entry"]
    kept = [entries[0], *(e for e in entries if e["resource"]["resourceType"] in STAY)]
    told = kept[0]["resource"]
    told |= {"id": f"0a6b7c8d-0002-4000-8000-{number:012d}", **header}
    told["eventCoding"]["code"] = "encounter"
    told["focus"] = [{"reference": kept[1]["fullUrl"]}]
    for name in ("destination", "sender", "reason"):
        if name not in header:
            told.pop(name)
    kept[1]["resource"]["status"] = status
    return json.dumps({**bundle, "entry": kept}).encode()


DELETED = {"reason": {"coding": [{"code": "delete"}]}}
TAKEN_BACK = {
    "in-progress": ("in-progress", {}, "in-progress"),
    "cancelled": ("cancelled", {}, "cancelled"),
    "in error": ("entered-in-error", {}, "entered-in-error"),
    "deleted": ("finished", DELETED, "in-progress"),
}


@pytest.mark.parametrize(("status", "header", "kept"), TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_a_message_of_a_stay_that_has_not_ended_cancels_its_discharge(
    status: str, header: Json, kept: str, relay: Relay
) -> None:
    pembury, practice = Team.of(relay, "RWF"), Team.of(relay, "G99901")
    for body in (stay_event(1, "finished"), stay_event(2, status, **header)):
        answer = pembury.post("/fhir", body, FHIR)
        assert answer.status_code == 200, answer.text

    (first, _) = practice.feed()
    assert kinds(practice) == ["discharge", "discharge-cancelled"]
    assert first["status"] == "stopped"
    assert only(pembury, "Encounter")["status"] == kept


def test_a_message_of_a_stay_that_simply_goes_on_is_refused(relay: Relay) -> None:
    pembury = Team.of(relay, "RWF")

    answer = pembury.post("/fhir", stay_event(1, "in-progress"), FHIR)

    assert answer.status_code == 422
    assert "no discharge from it was sent here" in answer.text
    assert Team.of(relay, "G99901").feed() == []


def test_a_record_that_is_restricted_later_is_not_put_before_those_who_hold_it(
    kent: Team, named: Team
) -> None:
    discharged(kent)
    patient = only(kent, "Patient")
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    hidden = {**patient, "address": [{"postalCode": "ME19 9ZZ"}]}
    hidden["meta"] = {**patient["meta"], "security": [label]}

    answer = kent.put(f"/fhir/Patient/{patient['id']}", hidden)

    assert answer.status_code == 422
    assert "others hold it from before" in answer.text
    assert only(named, "Patient")["address"] == patient["address"]

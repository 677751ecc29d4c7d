"""Da Vinci notifications and messages that name organisations by identifier alone, over HTTP."""

from __future__ import annotations

import copy
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
Json = dict[str, Any]


@pytest.fixture
def notifier(relay: Relay) -> Team:
    """A hospital whose system notifies of admissions, after it referred the patient."""
    team = Team.of(relay, "RX9")
    assert team.post(PATH, json.dumps(example("bars")).encode(), FHIR).status_code == 200
    return team


@pytest.fixture
def holder(relay: Relay) -> Team:
    """The team that the patient was referred to."""
    return Team.of(relay, "8PX01")


def example(name: str) -> Json:
    message: Json = json.loads(Path(EXAMPLES, f"base-message-{name}.json").read_bytes())
    return message


def notification(event: str, number: int, **stay: Any) -> Json:
    """A notification of the same stay, as its next message."""
    message = copy.deepcopy(example("admit"))
    header, encounter = (entry["resource"] for entry in message["entry"][:2])
    header["id"] = f"9f0e1d2c-1000-4b3a-8c7d-00000000000{number}"
    header["eventCoding"] = {**header["eventCoding"], "code": f"notification-{event}"}
    encounter |= stay
    message["timestamp"] = f"2025-04-{9 + number:02}T08:00:00+01:00"
    return message


def sent(team: Team, message: Json, *, xml: bool = False) -> int:
    body = to_xml(message) if xml else json.dumps(message).encode()
    return team.post(PATH, body, "application/fhir+xml" if xml else FHIR).status_code


def kinds(team: Team) -> list[str]:
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]


@pytest.mark.parametrize("xml", [False, True])
def test_admission_move_and_discharge_of_a_stay_reach_whoever_holds_the_patient(
    xml: bool, notifier: Team, holder: Team
) -> None:
    ended = {"start": "2025-04-09T02:15:00+01:00", "end": "2025-04-12T14:00:00+01:00"}

    assert sent(notifier, example("admit"), xml=xml) == 200
    assert sent(notifier, notification("transfer", 1), xml=xml) == 200
    assert sent(notifier, notification("discharge", 3, status="finished", period=ended)) == 200

    assert kinds(holder)[0] == "referral"
    assert [kind for kind in kinds(holder) if kind in ("admission", "discharge")] == [
        "admission",
        "discharge",
    ]
    stays = holder.get("/fhir/Encounter?status=finished&identifier=V0009001").get_json()["entry"]
    assert [stay["resource"]["period"]["end"] for stay in stays] == [ended["end"]]


def test_a_cancelled_admission_is_taken_back(notifier: Team, holder: Team) -> None:
    assert sent(notifier, example("admit")) == 200
    assert sent(notifier, notification("admit", 1, status="entered-in-error")) == 200

    assert kinds(holder)[-1] == "admission-cancelled"


def test_an_admission_of_the_dead_is_a_death(notifier: Team, holder: Team) -> None:
    message = notification("admit", 1)
    message["entry"][2]["resource"]["deceasedBoolean"] = True

    assert sent(notifier, message) == 200

    assert kinds(holder)[-1] == "death"


def test_organisations_that_are_only_named_by_identifier_are_told(relay: Relay) -> None:
    hospital = Team.of(relay, "RX9")
    message = example("logical")

    assert sent(hospital, message) == 200

    for ods in ("8HX90", "G99908"):
        (notice,) = Team.of(relay, ods).feed()
        assert notice["recipient"][0]["identifier"]["value"] == ods
    (entry,) = hospital.get("/fhir/ServiceRequest").get_json()["entry"]
    requester = entry["resource"]["requester"]
    assert requester["identifier"]["value"] == "R0260:G9999:000000000001"
    assert "XXTESTDOCTOR" in requester["display"]

"""Feeds that go to MESH mailboxes: each event once, in order, whatever happens on the way."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay
from service.fhir.notice import FEED_EVENT
from service.fhir.validate import check
from tests.mesh_beside import Sandbox
from tests.mesh_relay import delivering, discharge, eventually, mesh_file
from tests.relay_client import Team

pytest_plugins = ["tests.mesh_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.slow]


def events(bodies: list[bytes]) -> list[int]:
    """The numbers of the events, as they arrived."""
    values = [json.loads(body)["identifier"]["value"] for body in bodies]
    assert {value.partition("/")[0] for value in values} <= {"8HX03"}
    return [int(value.partition("/")[2]) for value in values]


def resources(bundle: dict[str, Any]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for entry in bundle["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return found


def place(relay: Relay) -> Any:
    return relay.store.channels.place("8HX03", "mesh")


def test_a_team_gets_a_message_with_all_that_it_may_see(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path
):
    discharge(meshed, 1)
    mesh = mesh_file(tmp_path, sandbox)

    with delivering(meshed.settings.database, mesh, mesh_mappings) as running:
        eventually(lambda: sandbox.inbox("HSP0003"))
        eventually(lambda: place(meshed).n == 1)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0

    [body] = sandbox.collect("HSP0003")
    bundle = json.loads(body)
    assert check(bundle) == []
    assert bundle["identifier"] == {"system": FEED_EVENT, "value": "8HX03/1"}
    kinds = resources(bundle)
    header, [communication] = bundle["entry"][0]["resource"], kinds["Communication"]
    assert header["focus"] == [{"reference": bundle["entry"][1]["fullUrl"]}]
    assert header["sender"]["identifier"]["value"] == "RJZ"
    assert communication["recipient"][0]["identifier"]["value"] == "8HX03"
    assert {"Patient", "Encounter", "Condition", "DocumentReference", "Task"} <= kinds.keys()
    assert {"RJZ", "8HX03"} <= {one["id"] for one in kinds["Organization"]}
    [binary] = kinds["Binary"]
    assert binary["contentType"] == "application/hl7-v2"
    feed = Team.of(meshed, "8HX03").feed()
    assert [one["id"] for one in feed] == [communication["id"]]
    assert "synthetic-" not in "".join(running.lines)
    assert "TESTPATIENT" not in "".join(running.lines)


def test_what_its_owner_collected_is_confirmed_as_received(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path
):
    discharge(meshed, 1)
    mesh = mesh_file(tmp_path, sandbox)

    with delivering(meshed.settings.database, mesh, mesh_mappings):
        eventually(lambda: place(meshed).n == 1)
        [sent] = meshed.store.channels.open("8HX03", "mesh")
        assert "received" not in Team.of(meshed, "8HX03").feed()[0]
        sandbox.collect("HSP0003")
        eventually(lambda: not meshed.store.channels.open("8HX03", "mesh"))

    [communication] = Team.of(meshed, "8HX03").feed()
    assert communication["id"] == sent.communication_id
    assert communication["received"]
    assert communication["status"] == "in-progress"
    [task] = Team.of(meshed, "8HX03").get("/fhir/Task").get_json()["entry"]
    assert task["resource"]["status"] == "received"


def test_all_arrive_once_and_in_order_though_mesh_is_down_half_of_the_time(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path
):
    mesh = mesh_file(tmp_path, sandbox)
    with delivering(meshed.settings.database, mesh, mesh_mappings):
        for number in range(1, 25):
            discharge(meshed, number)
            if number % 4 == 0:
                sandbox.stop() if sandbox.process else sandbox.start()
                time.sleep(0.4)
        if not sandbox.process:
            sandbox.start()
        eventually(lambda: place(meshed).n == 24, 60)

    assert events(sandbox.collect("HSP0003")) == list(range(1, 25))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_broken_connection_doubles_nothing(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path, when: str
):
    for number in (1, 2, 3):
        discharge(meshed, number)
    sandbox.trap("POST", "RELAY01/outbox$", when)

    with delivering(meshed.settings.database, mesh_file(tmp_path, sandbox), mesh_mappings):
        eventually(lambda: place(meshed).n == 3)

    assert not sandbox.is_trapped
    assert events(sandbox.collect("HSP0003")) == [1, 2, 3]


def test_two_workers_at_once_send_everything_once(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path
):
    mesh = mesh_file(tmp_path, sandbox)
    url = meshed.settings.database
    with delivering(url, mesh, mesh_mappings), delivering(url, mesh, mesh_mappings):
        for number in range(1, 21):
            discharge(meshed, number)
        eventually(lambda: place(meshed).n == 20)

    assert events(sandbox.collect("HSP0003")) == list(range(1, 21))


def test_another_worker_takes_over_from_one_that_was_killed(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path
):
    mesh = mesh_file(tmp_path, sandbox)
    url = meshed.settings.database
    with delivering(url, mesh, mesh_mappings) as first, delivering(url, mesh, mesh_mappings):
        discharge(meshed, 1)
        eventually(lambda: place(meshed).n == 1)
        first.process.kill()
        discharge(meshed, 2)
        eventually(lambda: place(meshed).n == 2, 60)

    assert events(sandbox.collect("HSP0003")) == [1, 2]

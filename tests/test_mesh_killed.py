"""A delivery that is killed between any two steps with MESH: nothing is lost, nothing doubled."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from tests.mesh_beside import Sandbox
from tests.mesh_relay import delivering, discharge, eventually, mesh_file
from tests.relay_client import Team
from tests.test_mesh_delivery import events

pytest_plugins = ["tests.mesh_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.slow]

EXAMPLES = bundled_folder("mappings") / "examples"
TRANSFER = (EXAMPLES / "base-itk3-discharge.xml").read_bytes()

# What the poller asks of MESH, in the order in which it asks.
STEPS = {
    "it is fetched": ("GET", "/inbox/.+"),
    "the answer is looked for": ("GET", "/outbox/tracking/answer"),
    "it is answered": ("POST", "RELAY01/outbox$"),
    "it is acknowledged": ("PUT", "/status/acknowledged$"),
}


@pytest.mark.parametrize(
    ("step", "when", "database_url"),
    [
        ("it is fetched", "after", "sqlite"),
        ("the answer is looked for", "before", "postgres"),
        ("it is answered", "before", "sqlite"),
        ("it is answered", "after", "postgres"),
        ("it is acknowledged", "before", "sqlite"),
        ("it is acknowledged", "after", "postgres"),
    ],
    indirect=["database_url"],
)
def test_a_poller_that_is_killed_takes_each_message_in_and_answers_it_once(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, step: str, when: str
):
    mesh, url = mesh_file(tmp_path, sandbox), meshed.settings.database
    mappings = meshed.settings.mappings
    with delivering(url, mesh, mappings) as first:
        sandbox.trap(*STEPS[step], when, first.pid)
        sandbox.post("RVV0001", TRANSFER)
        assert first.process.wait(60) == -signal.SIGKILL

    with delivering(url, mesh, mappings):
        eventually(lambda: not sandbox.inbox("RELAY01"), 60)

    assert not sandbox.is_trapped
    assert len(sandbox.inbox("RVV0001")) == 1
    assert len(meshed.store.stream("RVV", "Patient")) == 1
    assert meshed.store.dead_letters.list() == []


@pytest.mark.parametrize(
    ("when", "database_url"),
    [("before", "sqlite"), ("after", "sqlite"), ("after", "postgres")],
    indirect=["database_url"],
)
def test_a_worker_that_is_killed_while_it_sends_doubles_and_loses_nothing(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path, when: str
):
    for number in (1, 2, 3):
        discharge(meshed, number)
    mesh, url = mesh_file(tmp_path, sandbox), meshed.settings.database
    with delivering(url, mesh, mesh_mappings) as first:
        sandbox.trap("POST", "RELAY01/outbox$", when, first.pid)
        assert first.process.wait(60) == -signal.SIGKILL

    with delivering(url, mesh, mesh_mappings):
        eventually(lambda: meshed.store.channels.place("8HX03", "mesh").n == 3, 60)

    assert events(sandbox.collect("HSP0003")) == [1, 2, 3]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_is_killed_before_it_notes_a_receipt_notes_it_later(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path, mesh_mappings: Path
):
    discharge(meshed, 1)
    mesh, url = mesh_file(tmp_path, sandbox), meshed.settings.database
    with delivering(url, mesh, mesh_mappings) as first:
        eventually(lambda: meshed.store.channels.place("8HX03", "mesh").n == 1)
        sandbox.trap("GET", "/outbox/tracking$", "after", first.pid)
        sandbox.collect("HSP0003")
        assert first.process.wait(60) == -signal.SIGKILL

    with delivering(url, mesh, mesh_mappings):
        eventually(lambda: not meshed.store.channels.open("8HX03", "mesh"), 60)

    assert Team.of(meshed, "8HX03").feed()[0]["received"]

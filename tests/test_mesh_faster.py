"""A team's answer that comes before we have heard that MESH has what is answered."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from service.app import Relay
from service.cli.delivering import poller, worker
from service.mesh.configuration import MeshConfiguration
from tests.mesh_beside import Sandbox
from tests.mesh_relay import configured, discharge, eventually, running
from tests.test_mesh_answers import answer, in_json, letters, sent, task

pytest_plugins = ["tests.mesh_fixtures"]


@pytest.fixture
def unheard(meshed: Relay, tmp_path: Path, sandbox: Sandbox) -> MeshConfiguration:
    """MESH has a discharge for a team, and its answer to us was lost."""
    mesh = configured(meshed, tmp_path, sandbox)
    sandbox.trap("POST", "RELAY01/outbox$", "after")
    discharge(meshed, 1)
    with running(worker(meshed, mesh)):
        eventually(lambda: meshed.store.channels.place("8HX03", "mesh").attempts)
    assert sent(meshed) is None
    return mesh


def message_id(sandbox: Sandbox) -> str:
    """Collect what waits for the team; return its MessageHeader.id."""
    [body] = sandbox.collect("HSP0003")
    return str(json.loads(body)["entry"][0]["resource"]["id"])


@pytest.mark.peer
def test_an_answer_that_is_faster_than_the_news_that_it_was_sent_counts(
    unheard: MeshConfiguration, meshed: Relay, sandbox: Sandbox
):
    with running(poller(meshed, unheard)):
        answer(sandbox, in_json(message_id(sandbox), "ok", "30001"))

    assert task(meshed)["status"] == "accepted"
    assert letters(meshed) == []
    with running(worker(meshed, unheard)):
        eventually(lambda: sent(meshed) and sent(meshed).state == "confirmed")
    assert sandbox.inbox("HSP0003") == []


@pytest.mark.peer
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_refusal_that_is_faster_waits_until_it_is_known_what_it_refuses(
    unheard: MeshConfiguration, meshed: Relay, sandbox: Sandbox
):
    refusal = in_json(message_id(sandbox), "fatal-error", "20009")
    sandbox.post("HSP0003", refusal, workflow="DISCHARGE_RELAY_ACK")
    with running(poller(meshed, unheard)):
        time.sleep(0.5)
        waiting = sandbox.inbox("RELAY01")
        with running(worker(meshed, unheard)):
            eventually(lambda: sent(meshed) and sent(meshed).state == "refused")
            eventually(lambda: not sandbox.inbox("RELAY01"))

    assert len(waiting) == 1
    assert letters(meshed) == []


@pytest.mark.peer
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_else_answers_what_is_being_sent(
    unheard: MeshConfiguration, meshed: Relay, sandbox: Sandbox
):
    with running(poller(meshed, unheard)):
        answer(sandbox, in_json(message_id(sandbox), "ok", "30001"), "HSP0001")

    assert task(meshed)["status"] == "requested"
    assert len(letters(meshed)) == 1

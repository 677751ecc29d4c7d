"""HAPI FHIR's generic client, as docs/clients.md has it, against a served relay."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sandbox.maven import Java
from service.store import migrate
from tests.example_clients import BEFORE, ready, told

pytest_plugins = ["tests.peers.java_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


def test_hapi_s_client_sends_polls_to_the_end_and_answers(java: Java, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    migrate(url)
    with ready(url, tmp_path) as given:
        command = java.command("client", "WithHapi", *given.arguments("hapi.place"))
        first, again = (
            told(subprocess.run(command, capture_output=True, text=True, check=False, timeout=300))
            for _ in range(2)
        )

    sent, accepted = first
    ids = [id_ for id_, _ in accepted]
    assert [one.split("/")[0] for one in sent] == ["Patient", "ServiceRequest", "Communication"]
    assert len(ids) == len(set(ids)) == BEFORE + 1
    assert ids[-1] == sent[2].split("/")[1]
    assert {state for _, state in accepted} == {"acknowledged"}
    assert again == (sent, [])  # the same transaction again is the same; nothing came since

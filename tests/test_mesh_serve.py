"""`serve --mesh` and `deliver` as an operator runs them."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from service.app import Relay
from tests.cli_runner import relay as command
from tests.mesh_beside import Sandbox
from tests.mesh_peer import PASSWORD, SHARED_KEY
from tests.mesh_relay import SECRETS, discharge, eventually, mesh_file
from tests.serving import Served, serving

pytest_plugins = ["tests.mesh_fixtures"]
pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def processes(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children(recursive=True)


def test_serve_delivers_and_polls_beside_its_workers_and_stops_with_them(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path
):
    mesh = mesh_file(tmp_path, sandbox)
    options = ("--mesh", mesh, "--mappings", meshed.settings.mappings)
    with serving(*options, database=meshed.settings.database, **SECRETS) as served:
        discharge(meshed, 1)
        sandbox.post("RVV0001", b"?")
        eventually(lambda: sandbox.inbox("HSP0003") and not sandbox.inbox("RELAY01"), 60)
        family = processes(served)
        code = served.stop()

    assert code == 0
    assert len(family) >= 2
    assert not [one for one in family if one.is_running() and one.status() != "zombie"]
    said = "".join(served.errors + served.out)
    assert '"mailbox": "RVV0001"' in said
    assert PASSWORD not in said
    assert SHARED_KEY not in said


def test_delivery_ends_when_the_server_was_killed(meshed: Relay, sandbox: Sandbox, tmp_path: Path):
    mesh = mesh_file(tmp_path, sandbox)
    options = ("--mesh", mesh, "--mappings", meshed.settings.mappings)
    with serving(*options, database=meshed.settings.database, **SECRETS) as served:
        discharge(meshed, 1)
        eventually(lambda: sandbox.inbox("HSP0003"), 60)
        family = processes(served)
        served.process.kill()
        gone, alive = psutil.wait_procs(family, timeout=30)

    assert gone
    assert not alive


def test_deliver_check_tries_the_mailbox_and_says_who_is_whose(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path
):
    sandbox.post("RVV0001", b"?")
    settings = {"database": meshed.settings.database, "mappings": meshed.settings.mappings}
    mesh = mesh_file(tmp_path, sandbox)

    tried = command("deliver", "--check", "--mesh", mesh, **settings, **SECRETS)
    wrong = command("deliver", "--check", "--mesh", mesh, **settings, **SECRETS | WRONG)

    assert tried.returncode == 0, tried.stderr
    assert f"RELAY01 at {sandbox.url} answers; 1 messages wait" in tried.stdout
    assert "what RVV0001 sends is sent by RVV" in tried.stdout
    assert "8HX03 Hospice at Home is sent to by mesh" in tried.stdout
    assert len(sandbox.inbox("RELAY01")) == 1
    assert wrong.returncode == 1
    assert "MESH does not accept the mailbox, its password or key" in wrong.stderr
    assert "not-the-password" not in wrong.stderr


WRONG = {"mesh_password": "not-the-password"}


def test_what_cannot_be_sent_is_said_at_the_start(meshed: Relay, sandbox: Sandbox, tmp_path: Path):
    settings = {"database": meshed.settings.database, "mappings": meshed.settings.mappings}

    started = time.monotonic()
    refused = command("deliver", push="false", **settings)

    assert refused.returncode == 1
    assert "8HX03 is to be reached by mesh, which is not set up" in refused.stderr
    assert time.monotonic() - started < 60
    with serving(**settings) as served:
        served.stop()
    assert any(
        "8HX03 is to be reached by mesh, which is not set up: --mesh" in line
        for line in served.errors
    )

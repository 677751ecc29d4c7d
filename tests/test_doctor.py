"""`doctor`: each thing that is wrong is named, with what to do, and shows in the exit code."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from service.bundled import bundled_folder
from service.cli.examination import Finding, examine
from service.delivery.chase import LEASE
from service.settings import Settings
from service.store import open_store
from tests.cli_runner import relay as run
from tests.simulated_days import HOSPICE, TRUST, Loop

pytest_plugins = ["tests.loop_fixtures"]


def found(url: str, severity: str, **settings: Path) -> dict[str, Finding]:
    every = examine(Settings(database=url, **settings))
    return {one.about: one for one in every if one.severity == severity}


def test_a_new_database_has_no_errors_and_lacks_clients(database_url: str) -> None:
    errors, warnings = found(database_url, "error"), found(database_url, "warning")

    assert errors == {}
    assert warnings["clients"].todo == "discharge-relay client add"
    assert "placeholders" in warnings["directory"].text
    assert {"database", "mappings"} <= found(database_url, "ok").keys()


def test_everything_that_is_wrong_is_found_at_once(loop: Loop) -> None:
    store, url = loop.relay.store, loop.relay.settings.database
    loop.discharge()
    loop.pass_time(hours=25, step=timedelta(hours=1))
    loop.team(TRUST).post("/hl7v2", b"MSH|^~\\&|nothing", "application/hl7-v2")
    store.channels.park(HOSPICE, "mesh", "nobody collects it")

    errors, warnings = found(url, "error"), found(url, "warning")

    assert (
        errors["channels"].text == f"{HOSPICE} is not sent to by mesh any more: nobody collects it"
    )
    assert errors["channels"].todo.endswith(f"discharge-relay channels resume {HOSPICE} mesh")
    assert HOSPICE in errors["directory"].text
    assert errors["chase"].todo == "start discharge-relay serve, or discharge-relay chase"
    assert errors["dead letters"].text == "1 messages were refused and wait, 1 for more than a day"
    assert "have not acknowledged in time" in warnings["acknowledgements"].text
    assert "no client or channel" in errors["feeds"].text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_somebody_chases_nothing_is_said_of_it(loop: Loop) -> None:
    loop.discharge()
    url = loop.relay.settings.database
    with open_store(url) as by_the_clock:
        by_the_clock.leases.claim(LEASE, "somebody", 60)

        assert "chase" not in found(url, "error")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_clock_that_was_put_back_is_found(loop: Loop) -> None:
    loop.days[0] += timedelta(days=3000)
    loop.discharge()

    assert found(loop.relay.settings.database, "error")["clock"].todo.startswith("set both by NTP")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_mappings_that_do_not_load_are_told_with_their_place(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(bundled_folder("mappings"), folder)
    (folder / "directory.yaml").write_text("organisations: [{ods: rjz, name: x, kind: trust}]\n")

    told = found(database_url, "error", mappings=folder)

    assert told["mappings"].text.startswith("directory.yaml:1:")


def test_the_exit_code_says_how_bad_it_is(sqlite_url: str, tmp_path: Path) -> None:
    warned = run("doctor", "--database", sqlite_url)
    broken = run("doctor", "--json", "--database", f"sqlite:///{tmp_path}/none.db")

    assert warned.returncode == 1, warned.stderr
    assert "discharge-relay client add" in warned.stdout
    assert broken.returncode == 2
    assert json.loads(broken.stdout)[0]["todo"] == "discharge-relay migrate"
    assert not (tmp_path / "none.db").exists()

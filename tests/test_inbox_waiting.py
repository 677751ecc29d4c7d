"""What a crash, another process, a full disk or a database that is away does to dropped files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.app import Relay, take_in
from service.errors import Unavailable
from service.inbox.folder import held
from service.model import OdsCode
from service.store import Answer
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.inbox_drop import Drop
from tests.mllp_wire import quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    with quick_relay(sqlite_url) as relay:
        yield relay


@pytest.fixture
def drop(tmp_path: Path, relay: Relay) -> Drop:
    return Drop.of(tmp_path / "inbox", partial(take_in, relay))


def test_what_a_crash_left_behind_is_taken_again_and_makes_no_second_event(
    drop: Drop, relay: Relay
) -> None:
    drop.put("discharge.hl7", a03())
    assert drop.settled()
    (done,) = (drop.root / "RJZ" / "done").glob("*discharge.hl7")
    done.rename(drop.root / "RJZ" / "processing" / done.name)  # as if the move had not happened

    assert drop.look()

    assert drop.names("processing") == []
    assert drop.names("done") == ["discharge.hl7", "discharge.hl7.answer.hl7"]
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_what_another_process_holds_is_not_taken(drop: Drop, relay: Relay) -> None:
    drop.look()  # makes the folders
    claimed = drop.root / "RJZ" / "processing" / "20261124T101500000000Z-abcdef-discharge.hl7"
    claimed.write_bytes(a03())

    with held(claimed) as file:
        assert file is not None
        assert drop.look()
        assert Team.of(relay, "G99901").feed() == []
    assert drop.look()

    assert len(Team.of(relay, "G99901").feed()) == 1


def test_while_the_database_is_away_files_wait_in_their_order(tmp_path: Path, relay: Relay) -> None:
    away = [True]

    def take(sender: OdsCode, media_type: str, body: bytes) -> tuple[Answer, ...]:
        if away[0]:
            raise Unavailable
        return take_in(relay, sender, media_type, body)

    drop = Drop.of(tmp_path / "inbox", take)
    drop.put("one.hl7", a03())
    drop.put("two.hl7", a03(control_id="K0002"))

    with capture_logs() as logged:
        assert not drop.settled()
    waiting = (drop.names("processing"), drop.names("incoming"))
    away[0] = False
    assert drop.look()

    assert waiting == (["one.hl7"], ["two.hl7"])
    assert [line["event"] for line in logged] == ["inbox waits"]
    assert len(drop.names("done")) == 4
    assert drop.names("failed") == []


def test_an_answer_that_cannot_be_written_leaves_the_file_to_be_taken_again(
    drop: Drop, relay: Relay
) -> None:
    drop.look()
    done = drop.root / "RJZ" / "done"
    done.rmdir()
    done.write_text("in the way")
    drop.put("discharge.hl7", a03())

    assert not drop.settled()
    done.unlink()
    assert drop.settled()

    assert drop.names("done") == ["discharge.hl7", "discharge.hl7.answer.hl7"]
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_a_file_that_breaks_the_service_keeps_nobody_waiting(tmp_path: Path, relay: Relay) -> None:
    def take(sender: OdsCode, media_type: str, body: bytes) -> tuple[Answer, ...]:
        if b"K0001" in body:
            raise ZeroDivisionError(NHS_NUMBER)
        return take_in(relay, sender, media_type, body)

    drop = Drop.of(tmp_path / "inbox", take)
    drop.put("one.hl7", a03())
    drop.put("two.hl7", a03(control_id="K0002"))

    with capture_logs() as logged:
        assert drop.settled()

    assert drop.names("failed")[0] == "one.hl7"
    assert json.loads(drop.read("failed", ".answer.json"))["issue"][0]["code"] == "exception"
    assert drop.names("done")[0] == "two.hl7"
    assert NHS_NUMBER not in str(logged)

"""Refused messages over HTTP: listed, read, replayed, skipped, released."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from service.app import Relay
from service.cli import main
from tests.audit_trail import audited
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.operators_desk import DESK, UNREADABLE, do, kept, refuse
from tests.relay_client import Team
from tests.simulated_days import TRUST

pytest_plugins = ["tests.operators_fixtures"]


def test_what_was_refused_is_listed_page_by_page_without_anything_of_a_patient(
    operated: Relay, desk: Team
) -> None:
    ids = [refuse(operated, UNREADABLE.replace(b"K9", b"K%d" % n)) for n in range(5)]

    pages = [desk.get("/operator/messages?_count=2").get_json()]
    while "next" in pages[-1]:
        pages.append(desk.get(pages[-1]["next"]).get_json())

    assert [len(page["messages"]) for page in pages] == [2, 2, 1]
    found = [one for page in pages for one in page["messages"]]
    assert [one["id"] for one in found] == ids
    assert {(one["sender"], one["state"], one["attempts"]) for one in found} == {
        (TRUST, "refused", 1)
    }
    assert all(one["issues"] for one in found)
    assert NHS_NUMBER not in json.dumps(pages)
    assert desk.get("/operator/messages?sender=RJ1").get_json() == {"messages": []}


def test_one_is_read_with_its_history_and_its_bytes_need_a_scope_of_their_own(
    operated: Relay, desk: Team, database_url: str
) -> None:
    id_ = refuse(operated)

    read = desk.get(f"/operator/messages/{id_}")
    refused = desk.get(f"/operator/messages/{id_}/$raw")
    raw = Team.of(operated, DESK, "operator/Binary.r").get(f"/operator/messages/{id_}/$raw")

    assert [change["state"] for change in read.get_json()["history"]] == ["refused"]
    assert NHS_NUMBER not in read.get_data(as_text=True)
    assert refused.status_code == 403
    assert "operator/Binary.r" in refused.get_data(as_text=True)
    assert raw.get_data() == UNREADABLE
    assert raw.headers["Content-Type"] == "application/octet-stream"
    assert (f"{DESK}-1", DESK, "Binary", id_, "0") in audited(database_url, "read", count=3)


def test_a_message_is_taken_in_again_once_and_audited_with_the_client(
    operated: Relay, desk: Team, database_url: str
) -> None:
    id_ = kept(operated, a03())

    first, second = (do(desk, f"messages/{id_}/$replay") for _ in range(2))

    assert first.status_code == 200, first.get_data(as_text=True)
    assert first.get_json()["outcome"] == "taken-in"
    assert "G99901" in first.get_json()["told"]
    assert len(Team.of(operated, "G99901").feed()) == 1
    assert second.status_code == 409
    assert second.get_json()["resourceType"] == "OperationOutcome"
    assert audited(database_url, "replay", count=2) == [
        (f"{DESK}-1", TRUST, "Message", id_, "0"),
        (f"{DESK}-1", DESK, "Message", id_, "4"),
    ]


def test_one_that_is_refused_again_stays_and_every_fault_is_told(
    operated: Relay, desk: Team, database_url: str
) -> None:
    id_ = refuse(operated)

    again = do(desk, f"messages/{id_}/$replay")

    assert again.status_code == 422
    assert again.get_json()["resourceType"] == "OperationOutcome"
    assert desk.get(f"/operator/messages/{id_}").get_json()["attempts"] == 2
    assert audited(database_url, "replay") == [(f"{DESK}-1", TRUST, "Message", id_, "4")]


def test_all_that_waits_is_replayed_each_by_itself(operated: Relay, desk: Team) -> None:
    good, bad, other = (
        kept(operated, a03()),
        refuse(operated),
        kept(operated, a03(control_id="K2"), "RVV"),
    )

    told = do(desk, "messages/$replay", sender=TRUST).get_json()

    assert [(one["id"], one["outcome"]) for one in told["replayed"]] == [
        (good, "taken-in"),
        (bad, "refused"),
    ]
    assert told["after"] == ""
    assert [one.id for one in operated.store.dead_letters.list()] == [bad, other]


def test_what_came_from_nobody_who_was_known_needs_its_owner(operated: Relay, desk: Team) -> None:
    id_ = kept(operated, a03(), sender="")

    assert do(desk, f"messages/{id_}/$replay").status_code == 400
    [one] = do(desk, "messages/$replay").get_json()["replayed"]
    assert (one["outcome"], one["told"]) == ("refused", [])
    assert do(desk, f"messages/{id_}/$replay", **{"from": TRUST}).status_code == 200


def test_a_message_is_skipped_with_a_reason_and_released_again(
    operated: Relay, desk: Team, database_url: str
) -> None:
    id_ = refuse(operated)

    silent = do(desk, f"messages/{id_}/$skip", reason=" ")
    skipped = do(desk, f"messages/{id_}/$skip", reason="a test of theirs")
    listed = desk.get("/operator/messages?state=skipped").get_json()["messages"]
    released = do(desk, f"messages/{id_}/$release", reason="it was none")

    assert (silent.status_code, skipped.status_code, released.status_code) == (400, 200, 200)
    assert [one["id"] for one in listed] == [id_]
    assert [
        (change["state"], change["by"], change.get("reason", ""))
        for change in released.get_json()["history"]
    ] == [
        ("refused", "", ""),
        ("skipped", f"{DESK}-1", "a test of theirs"),
        ("refused", f"{DESK}-1", "it was none"),
    ]
    assert audited(database_url, "release") == [(f"{DESK}-1", TRUST, "Message", id_, "0")]


def test_a_skipped_message_whose_bytes_came_again_is_not_released(
    operated: Relay, desk: Team
) -> None:
    id_ = refuse(operated)
    do(desk, f"messages/{id_}/$skip", reason="theirs")
    again = refuse(operated)

    released = do(desk, f"messages/{id_}/$release", reason="mine")

    assert again != id_
    assert released.status_code == 409


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("body", [b"[]", b"{", b'{"reason": 1}', b'{"why": "x"}', b"\xff"])
def test_a_body_that_is_not_understood_changes_nothing(
    operated: Relay, desk: Team, body: bytes
) -> None:
    id_ = refuse(operated)

    answer = desk.post(f"/operator/messages/{id_}/$skip", body, "application/json")

    assert answer.status_code == 400
    assert [one.id for one in operated.store.dead_letters.list()] == [id_]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_does_the_same_under_the_operators_login(
    operated: Relay, desk: Team, database_url: str
) -> None:
    id_ = refuse(operated)
    where = ("--reason", "for now", "--database", database_url)

    for command in ("skip", "release"):
        assert CliRunner().invoke(main, [command, id_, *where]).exit_code == 0
    again = CliRunner().invoke(main, ["release", id_, *where])

    history = desk.get(f"/operator/messages/{id_}").get_json()["history"]
    assert [change["state"] for change in history] == ["refused", "skipped", "refused"]
    assert all(change["by"].startswith("operator:") for change in history[1:])
    assert again.exit_code == 1
    assert "there is nothing to release" in again.output

"""A sender's view of a message, and an operator's of who is late: API and command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.cli_runner import relay as run
from tests.simulated_days import HOSPICE, SECOND, THIRD, TRUST, Loop

pytest_plugins = ["tests.loop_fixtures"]

Json = dict[str, Any]


def status(loop: Loop, message: str, ods: str = TRUST) -> Json:
    answer = loop.team(ods).get(f"/messages/{message}/$status")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def by_team(told: Json) -> dict[str, Json]:
    return {one["ods"]: one for one in told["recipients"]}


def test_the_sender_sees_who_has_it_who_answered_and_who_is_late(loop: Loop) -> None:
    message = loop.discharge()
    first = by_team(status(loop, message))
    loop.answer(HOSPICE, "received")
    loop.answer("G99901", "received")
    loop.pass_time(hours=25, step=timedelta(hours=1))
    loop.answer(SECOND, "accepted")

    told = by_team(status(loop, message))

    assert (first[HOSPICE]["state"], first[HOSPICE]["received"]) == ("requested", "")
    assert first[HOSPICE]["delivered"].startswith("2026-11-20T18:30")
    assert {one["read"] for one in told.values()} == {"not known"}
    assert (told[HOSPICE]["state"], told[HOSPICE]["late"]) == ("received", True)
    assert [done["what"].split(" ")[0] for done in told[HOSPICE]["done"]] == ["Reminded.", "West"]
    assert (told[SECOND]["state"], told[SECOND]["late"]) == ("accepted", False)
    assert told[SECOND]["in_place_of"] == HOSPICE
    assert told[SECOND]["answered"].startswith("2026-11-21T19:30")
    assert (told["G99901"]["role"], told["G99901"]["late"]) == ("information", False)


def test_a_recipient_sees_its_own_alone_and_a_stranger_nothing(loop: Loop) -> None:
    message = loop.discharge()

    assert list(by_team(status(loop, message, HOSPICE))) == [HOSPICE]
    assert loop.team(THIRD).get(f"/messages/{message}/$status").status_code == 404


def test_the_command_prints_the_same_as_a_table(loop: Loop) -> None:
    message = loop.discharge()
    loop.pass_time(hours=25, step=timedelta(hours=1))
    url = loop.relay.settings.database

    shown = run("status", message, "--database", url)
    as_json = run("status", message, "--json", "--database", url)

    assert shown.returncode == 0, shown.stderr
    head, columns, *rows = shown.stdout.splitlines()
    assert head == f"{message} from RJZ, 2026-11-20T18:30Z"
    assert columns.split("\t")[:3] == ["team", "role", "event"]
    assert any(row.startswith(HOSPICE) and "requested" in row for row in rows)
    assert any(f"in place of {HOSPICE}" in row for row in rows)
    assert set(by_team(json.loads(as_json.stdout))) == {HOSPICE, SECOND, "G99901"}


def test_who_is_late_is_listed_and_found_by_the_exit_code(loop: Loop) -> None:
    message = loop.discharge()
    loop.pass_time(hours=25, step=timedelta(hours=1))
    url = loop.relay.settings.database

    late = run("late", "--database", url)  # by the clock of this machine the stand-in is late too
    everybody = run("late", "--informed", "--json", "--database", url)

    assert late.returncode == 1
    rows = [row.split("\t") for row in late.stdout.splitlines()[1:]]
    assert [(row[1], row[6]) for row in rows] == [(HOSPICE, message), (SECOND, message)]
    assert {one["ods"] for one in json.loads(everybody.stdout)} == {HOSPICE, SECOND, "G99901"}


def test_nobody_is_late_who_answered(loop: Loop) -> None:
    loop.discharge()
    loop.answer(HOSPICE, "accepted")

    late = run("late", "--database", loop.relay.settings.database)

    assert (late.returncode, late.stderr) == (0, "Nobody is late.\n")

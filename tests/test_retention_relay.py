"""Retention of a whole relay: what callers, operators and the process that does it see of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.cli.examination import Finding, examine
from service.errors import Conflict
from service.fhir.systems import ODS
from service.model import Instant
from service.retaining import LEASE, Retaining, last_round
from service.settings import Settings
from tests.hl7v2_letters import a03
from tests.retention_samples import A_YEAR, YEAR, run, tally
from tests.serving import serving
from tests.simulated_days import HOSPICE, TRUST, Loop
from tests.store_samples import query
from tests.subscribed import create, registered, subscription

pytest_plugins = ["tests.loop_fixtures"]

GP = "G99901"
LONG_AGO = timedelta(days=YEAR + 35)
FEED = f"/fhir/Communication?recipient:identifier={ODS}|{HOSPICE}"
NUMBERS = {2: "9990001316", 3: "9990001324"}
NOWHERE = "https://1.1.1.1/hook"  # a public address; nobody sends there


@pytest.fixture
def past(loop: Loop) -> Loop:
    """A relay with a discharge of more than a year ago that everybody has answered."""
    loop.days[0] = datetime.now(UTC)
    loop.discharge()
    for ods in (HOSPICE, GP):
        assert loop.answer(ods, "accepted") == 200
    return loop


def another(loop: Loop, number: int) -> None:
    """Send the discharge of another patient."""
    letter = a03(control_id=f"K000{number}", nhs_number=NUMBERS[number])
    own = letter.replace(b"K778899", b"K77889%d" % number).replace(b"V1234567", b"V7654%d" % number)
    assert loop.team(TRUST).post("/hl7v2", own).status_code == 200


def command(loop: Loop, *arguments: str) -> Result:
    database = ("--database", loop.relay.settings.database)
    return CliRunner().invoke(main, [*arguments, *database], catch_exceptions=False)


def text(answer: Any) -> str:
    outcome = answer.get_json()
    assert outcome["resourceType"] == "OperationOutcome"
    return str(outcome["issue"][0]["diagnostics"])


def test_every_reader_is_told_that_it_is_gone_and_what_to_do(past: Loop) -> None:
    hospice, trust = registered(past.relay, HOSPICE), past.team(TRUST)
    [told] = past.feed(HOSPICE)
    message = told["meta"]["source"].removeprefix("urn:uuid:")
    seen = [f"Communication/{told['id']}", told["subject"]["reference"], f"Binary/{message}"]
    behind = hospice.get(f"{FEED}&_count=1").get_json()["link"][1]["url"]
    another(past, 2)
    assert [past.answer(ods, "accepted", 1) for ods in (HOSPICE, GP)] == [200, 200]
    hook = create(hospice, subscription(NOWHERE))["id"]
    past.days[0] += LONG_AGO
    another(past, 3)
    run(past.relay.store)

    assert [hospice.get(f"/fhir/{one}").status_code for one in seen] == [410] * 3
    assert [trust.get(f"/fhir/{one}").status_code for one in seen] == [410] * 3
    assert [past.team("8HX02").get(f"/fhir/{one}").status_code for one in seen] == [404] * 3
    assert trust.get(f"/messages/{message}/$explain").status_code == 410
    events = f"/fhir/Subscription/{hook}/$events"
    refused = [hospice.get(one) for one in (behind, f"{FEED}&_lastUpdated=gt2020")]
    refused.append(hospice.get(f"{events}?eventsSinceNumber=2"))
    assert [one.status_code for one in refused] == [410] * 3
    advice = ["Start again without _cursor", "Start again", "Ask without eventsSinceNumber"]
    assert [said in text(one) for said, one in zip(advice, refused, strict=True)] == [True] * 3
    assert [one["identifier"][0]["value"][-9:] for one in past.feed(HOSPICE)] == ["003-8HX03"]
    assert hospice.get(events).get_data().count(b"event-number") == 1
    assert hospice.get(f"{FEED}&_total=accurate").get_json()["total"] == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_polled_a_feed_that_was_empty_is_told_what_came_and_went(loop: Loop) -> None:
    hospice = loop.team(HOSPICE)
    loop.days[0] = datetime.now(UTC)
    empty = hospice.get(FEED).get_json()["link"][1]["url"]
    loop.discharge()
    for ods in (HOSPICE, GP):
        loop.answer(ods, "accepted")
    loop.days[0] += LONG_AGO
    run(loop.relay.store)
    again = hospice.get(FEED).get_json()["link"][1]["url"]

    assert hospice.get(empty).status_code == 410
    assert hospice.get(again).status_code == 200


def test_a_dry_run_says_what_would_go_and_changes_nothing(past: Loop) -> None:
    past.days[0] += LONG_AGO
    keep = replace(A_YEAR, audit=0)
    dry = tally(run(past.relay.store, keep, remove=False))

    assert len(past.feed(HOSPICE)) == 1
    assert dry == tally(run(past.relay.store, keep))
    assert {"event", "Task", "Patient", "Encounter", "message"} <= {what for what, _ in dry}
    for table in ("delivery", "resource", "resource_history", "search_index", "visible"):
        found = query(past.relay.settings.database, f"SELECT COUNT(*) FROM {table}")  # noqa: S608
        assert found == [(0,)], table


@pytest.fixture
def old(loop: Loop) -> Loop:
    """A relay with a discharge that is old by the real clock, and that everybody has answered."""
    loop.days[0] = datetime.now(UTC) - LONG_AGO
    loop.discharge()
    for ods in (HOSPICE, GP):
        assert loop.answer(ods, "accepted") == 200
    return loop


def goes(shown: Result, what: str) -> list[str]:
    """What a command says of a kind."""
    lines = [line.split("\t") for line in shown.output.splitlines()]
    return [f"{line[1]} {line[4]}" for line in lines if line[0] == what]


def test_the_command_shows_first_and_removes_when_it_is_told_to(old: Loop) -> None:
    days = ("--keep-resources", str(YEAR))
    refused = command(old, "retain")
    dry = command(old, "retain", *days)
    kept = len(old.feed(HOSPICE))
    removed = command(old, "retain", "--remove", *days)

    assert "Everything is kept for ever" in refused.output
    assert goes(dry, "event") == goes(removed, "event") == ["2 goes"]
    assert goes(dry, "Patient") == ["1 goes"]
    assert "TEST" not in dry.output
    assert (kept, old.feed(HOSPICE)) == (1, [])
    assert goes(command(old, "retain", *days), "event") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_hold_is_set_listed_and_lifted_with_reasons_and_without_a_name_in_the_audit(
    old: Loop,
) -> None:
    days = ("--keep-resources", str(YEAR), "--keep-messages", str(YEAR))
    number = old.feed(HOSPICE)[0]["subject"]["identifier"]["value"]
    held = command(old, "hold", "set", "--nhs-number", number, "--reason", "a claim")
    again = command(old, "hold", "set", "--nhs-number", number, "--reason", "the same")
    id_ = held.output.split()[0]
    stays = command(old, "retain", "--remove", *days)
    listed = command(old, "hold", "list")
    lifted = command(old, "hold", "lift", id_, "--reason", "settled")
    removed = command(old, "retain", "--remove", *days)

    assert goes(stays, "event") == ["2 stays: held"]
    assert again.output == "Error: There is a hold on this already.\n"
    assert (number in listed.output, "a claim" in listed.output) == (True, True)
    assert lifted.output == f"{id_} is lifted.\n"
    assert "settled" in command(old, "hold", "list", "--lifted").output
    assert goes(removed, "event") == ["2 goes"]
    told = query(
        old.relay.settings.database, "SELECT action, subject FROM audit WHERE type = 'Hold'"
    )
    assert told == [("hold-set", id_), ("hold-lift", id_)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reason", "x"), "say one of --nhs-number, --message and --team"),
        (("--team", "RJZ", "--message", "1", "--reason", "x"), "say one of"),
        (("--nhs-number", "9990000000", "--reason", "x"), "check digit"),
        (("--message", "1", "--reason", "x"), "there is no message 1"),
        (("--team", "RJZ", "--reason", " "), "say why"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_hold_that_cannot_be_is_refused(
    loop: Loop, arguments: tuple[str, ...], said: str
) -> None:
    refused = command(loop, "hold", "set", *arguments)

    assert refused.exit_code > 0
    assert said in refused.output


def found(loop: Loop, about: str, **keep: int) -> list[Finding]:
    settings = Settings(database=loop.relay.settings.database, **keep)
    return [one for one in examine(settings) if one.about == about]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_doctor_says_that_retention_is_configured_and_was_not_done(old: Loop) -> None:
    assert found(old, "retention") == []
    [never] = found(old, "retention", keep_resources=YEAR)
    command(old, "retain", "--remove", "--keep-resources", str(YEAR))
    [done] = found(old, "retention", keep_resources=YEAR)

    assert (never.severity, done.severity) == ("warning", "ok")
    assert "retain --remove" in never.todo


def test_of_two_processes_one_does_the_round(old: Loop) -> None:
    store = old.relay.store
    store.leases.claim(LEASE, "another", 60)
    with pytest.raises(Conflict, match="Another process"):
        list(Retaining(store, A_YEAR, store_clock).round(threading.Event()))

    assert len(old.feed(HOSPICE)) == 1
    assert last_round(store) is None


def store_clock() -> Instant:
    return Instant(time.time_ns() // 1000)


def test_a_day_after_the_last_round_comes_the_next(old: Loop) -> None:
    store, stop = old.relay.store, threading.Event()
    clock = [store_clock()]
    old.days[0] = datetime.now(UTC)
    thread = threading.Thread(
        target=Retaining(store, A_YEAR, lambda: clock[0], look=0.02).run, args=(stop,)
    )
    thread.start()
    rounds = []
    try:
        for _ in range(2):
            eventually(lambda: (last := last_round(store)) is not None and last.at == clock[0])
            rounds.append(last_round(store))
            clock[0] = Instant(clock[0] + 86_400_000_000)
    finally:
        stop.set()
        thread.join()

    assert [one and one.removed.get("event", 0) for one in rounds] == [2, 0]
    assert old.feed(HOSPICE) == []


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_serve_does_it_where_it_is_configured_whether_it_chases_or_not(old: Loop) -> None:
    settings = {"database": old.relay.settings.database, "chases": "no", "push": "no"}
    with serving(**settings, keep_resources=YEAR) as served:
        eventually(lambda: last_round(old.relay.store) is not None)
        status = served.stop()

    assert status == 0
    assert old.feed(HOSPICE) == []
    assert query(old.relay.settings.database, "SELECT client FROM audit WHERE action = 'retain'")

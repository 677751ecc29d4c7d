"""A copy of a SQLite database: whole, private, of one moment, and put back only where it may be."""

from __future__ import annotations

import shutil
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner

from service.cli import main
from service.model import Instant
from service.store import open_store, schema_state
from service.store.migrating import MIGRATIONS
from service.store.retention.retention import DAY
from tests.retention_samples import YEAR, discharge, run, today
from tests.store_samples import Clock, body, commit, numbers, query
from tests.test_store_schema import engine, execute

pytest_plugins = ["tests.store_fixtures"]


def said(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def copied(sqlite_url: str, tmp_path: Path) -> Path:
    """A copy of a database with one event."""
    with open_store(sqlite_url) as store:
        store.commit(commit("A1"))
    copy = tmp_path / "copies" / "relay.backup"
    copy.parent.mkdir()
    assert said("backup", copy, "--database", sqlite_url)[0] == 0
    return copy


def test_a_copy_is_of_one_moment_while_others_write(sqlite_url: str, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with open_store(sqlite_url) as store:
            while not stop.is_set():
                store.commit(commit("A1", "B1"))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for one in writers:
        one.start()
    copies = [tmp_path / f"copy-{n}.db" for n in range(3)]
    ended = [said("backup", copy, "--database", sqlite_url)[0] for copy in copies]
    stop.set()
    for one in writers:
        one.join()

    assert ended == [0, 0, 0]
    for copy in copies:
        with open_store(f"sqlite:///{copy}") as store:
            found = [numbers(store, ods) for ods in ("A1", "B1")]
            assert found[0] == found[1] == list(range(1, len(found[0]) + 1))
            assert query(f"sqlite:///{copy}", "SELECT COUNT(*) FROM message") == [(len(found[0]),)]


def test_a_copy_is_private_and_overwrites_nothing(copied: Path, sqlite_url: str) -> None:
    before = copied.read_bytes()

    ended, text = said("backup", copied, "--database", sqlite_url)

    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    assert (ended, "overwrites nothing" in text) == (1, True)
    assert copied.read_bytes() == before
    assert sorted(one.name for one in copied.parent.iterdir()) == [copied.name]


def test_a_copy_has_nothing_of_what_retention_removed(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    clock.now = today()
    sent = discharge("A1")
    patient = sent.writes[0]
    marked = replace(patient, body=body("Patient", patient.id, text="a-name-of-somebody"))
    with open_store(sqlite_url, clock) as store:
        store.commit(replace(sent, writes=(marked, *sent.writes[1:])))
        clock.now = Instant(clock.now + (YEAR + 1) * DAY)
        full = tmp_path / "full.db"
        said("backup", full, "--database", sqlite_url)
        run(store)
        clean = tmp_path / "clean.db"
        said("backup", clean, "--database", sqlite_url)

    assert b"a-name-of-somebody" in full.read_bytes()
    assert b"a-name-of-somebody" not in clean.read_bytes()


def test_what_is_in_use_is_not_replaced(copied: Path, sqlite_url: str) -> None:
    with open_store(sqlite_url) as store:
        store.commit(commit("A1"))
        ended, text = said("restore", copied, "--database", sqlite_url)
        store.commit(commit("A1"))

        assert (ended, "stop every process" in text) == (1, True)
        assert numbers(store, "A1") == [1, 2, 3]


def test_the_database_that_was_there_is_kept(copied: Path, sqlite_url: str) -> None:
    with open_store(sqlite_url) as store:
        store.commit(commit("A1"))
    ended, text = said("restore", copied, "--database", sqlite_url)

    path = Path(sqlite_url.removeprefix("sqlite:///"))
    [kept] = path.parent.glob("relay.db.replaced-*")
    assert (ended, str(kept) in text) == (0, True)
    assert query(f"sqlite:///{kept}", "SELECT COUNT(*) FROM delivery") == [(2,)]
    assert query(sqlite_url, "SELECT COUNT(*) FROM delivery") == [(1,)]
    assert not list(path.parent.glob("*.restoring*"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("letter", "is damaged, or no database"),
        ("torn", "is damaged"),
        ("strange", "no database of the relay"),
        ("newer", "of a newer version"),
    ],
)
def test_what_cannot_be_served_is_not_put_back(
    copied: Path, sqlite_url: str, fault: str, text: str
) -> None:
    if fault == "letter":
        copied.write_text("Dear colleague, " * 500)
    elif fault == "torn":
        with copied.open("r+b") as torn:
            torn.seek(4096 * 5)
            torn.write(b"\xff" * 4096 * 20)
    elif fault == "strange":
        copied.unlink()
        execute(f"sqlite:///{copied}", "CREATE TABLE letters (id TEXT)")
    else:
        execute(f"sqlite:///{copied}", "UPDATE alembic_version SET version_num = '9999'")
    ended, told = said("restore", copied, "--database", sqlite_url)

    assert ended == 1
    assert text in told
    with open_store(sqlite_url) as store:
        assert numbers(store, "A1") == [1]


def test_a_copy_of_an_older_version_is_brought_up_to_this_one(
    copied: Path, sqlite_url: str
) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    opened = engine(f"sqlite:///{copied}")
    with opened.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
    opened.dispose()
    before = schema_state(f"sqlite:///{copied}")
    ended, _ = said("restore", copied, "--database", sqlite_url)

    assert (before, ended, schema_state(sqlite_url)) == ("behind", 0, "current")


def test_a_copy_is_put_where_there_is_no_database(copied: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    shutil.copyfile(copied, tmp_path / "brought.backup")
    ended, _ = said("restore", tmp_path / "brought.backup", "--database", url)

    assert ended == 0
    with open_store(url) as store:
        assert numbers(store, "A1") == [1]

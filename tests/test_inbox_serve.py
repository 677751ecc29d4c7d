"""`serve --inbox` with real processes: files dropped while they are killed, two on one folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from service.store import migrate, open_store
from tests.cli_runner import relay
from tests.mllp_crowd import discharge
from tests.serving import Served, serving

FILES = 60


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    migrate(url)
    return url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "inbox" / "RJZ"
    (path / "incoming").mkdir(parents=True)
    return path


def drop(folder: Path, number: int) -> None:
    """Put a file there as one should: under another name, then renamed."""
    unfinished = folder / "incoming" / f".{number:03}.hl7"
    unfinished.write_bytes(discharge(number))
    unfinished.rename(folder / "incoming" / f"{number:03}.hl7")


def events(database: str) -> list[int]:
    with closing(open_store(database)) as store:
        return [event.n for event in store.feed("G99901", None, 1_000).events]


def until(is_so: Callable[[], bool], seconds: float = 40) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    return is_so()


def done(folder: Path) -> list[str]:
    path = folder / "done"
    return sorted(os.listdir(path)) if path.exists() else []


def kill_all_but_the_workers(served: Served) -> None:
    """Kill what listens nowhere: the process that watches the folder is among them."""
    for process in served.workers():
        if not process.net_connections("tcp"):
            process.kill()


def test_files_dropped_while_the_watcher_is_killed_are_each_taken_once(database, folder):
    options = ("--inbox", folder.parent, "--inbox-settle", 1)
    with serving("--database", database, *options) as served:
        for number in range(FILES):
            drop(folder, number)
        assert until(lambda: len(done(folder)) > 4)
        kill_all_but_the_workers(served)
        taken = until(lambda: len(done(folder)) == 2 * FILES)
        code = served.stop()

    assert taken, served.errors
    assert events(database) == list(range(1, FILES + 1))
    assert os.listdir(folder / "failed") == os.listdir(folder / "processing") == []
    assert code == 0
    assert "inbox ended by itself" in [json.loads(line)["event"] for line in served.errors]


def test_two_servers_on_one_folder_never_take_the_same_file_twice(database, folder):
    options = ("--database", database, "--inbox", folder.parent, "--inbox-settle", 1)
    with serving(*options) as first, serving(*options) as second:
        for number in range(FILES):
            drop(folder, number)
        taken = until(lambda: len(done(folder)) == 2 * FILES)
        codes = first.stop(), second.stop()

    assert taken, first.errors + second.errors
    assert len({name.partition("Z-")[2][7:] for name in done(folder)}) == 2 * FILES
    assert events(database) == list(range(1, FILES + 1))
    assert codes == (0, 0)
    assert first.errors == second.errors == []


def test_it_says_where_it_watches_and_ends_with_the_rest(database, folder):
    with serving(database=database, inbox=folder.parent) as served:
        said = until(lambda: f"Watching {folder.parent}" in "".join(served.out))
        family = served.workers()
        served.process.kill()
        _, alive = psutil.wait_procs(family, timeout=15)

    assert said
    assert len(family) >= 2
    assert alive == []


def test_a_folder_that_is_not_there_is_refused_at_the_start(database, tmp_path):
    started = relay("serve", "--port", 0, "--database", database, "--inbox", tmp_path / "none")

    assert started.returncode == 1
    assert "none is no folder" in started.stderr

"""Many senders at once, with random splits, joins and disconnects: none lost, none doubled.

1,000 messages here; `make soak` sends 10,000.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.mllp_crowd import Told, crowd
from tests.serving import Served, serving

MESSAGES = int(os.environ.get("SOAK_MESSAGES", "1000"))
SECONDS = max(100, MESSAGES // 10)
COMMITTED = "SELECT count(*) FROM message WHERE state = 'committed' AND control_id = ?"
TOLD = """
    SELECT count(*), count(DISTINCT message_id), max(n) FROM delivery WHERE recipient = 'G99901'"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


class Stored:
    """What is in the database, read past the service by connections of each thread's own."""

    def __init__(self, path: Path) -> None:
        self._path, self._mine = path, threading.local()

    def __call__(self, control_id: str) -> bool:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = sqlite3.connect(self._path)
        known_as = f"EPIC|RJZ|{control_id}"
        return self._mine.connection.execute(COMMITTED, [known_as]).fetchone() == (1,)


def all_rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def assert_each_arrived_once(told: Told, path: Path, messages: int) -> None:
    """Everything is acknowledged, stored and delivered, once."""
    assert told.acknowledged == {f"C{number:06}": "AA" for number in range(messages)}
    assert told.unstored == []
    states = all_rows(path, "SELECT state, count(*) FROM message GROUP BY state")
    assert states == [("committed", messages)]
    assert all_rows(path, TOLD) == [(messages, messages, messages)]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_each_message_is_acknowledged_once_it_is_stored_none_lost_and_none_doubled(path):
    with serving("--database", f"sqlite:///{path}", "--mllp", "0=RJZ") as served:
        began = time.monotonic()
        told = crowd(served.mllp_port(), MESSAGES, seconds=SECONDS, is_stored=Stored(path))
        took = time.monotonic() - began
        code = served.stop()

    figures = f"{MESSAGES} messages in {took:.1f} s, {told.sent} sent, {told.disconnects} broke off"
    print(figures)  # noqa: T201 - shown by make soak
    assert_each_arrived_once(told, path, MESSAGES)
    assert told.disconnects > MESSAGES // 200
    assert code == 0


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_a_listener_that_is_killed_under_load_comes_back_and_nothing_is_lost_or_doubled(path):
    messages = MESSAGES // 2
    with serving("--database", f"sqlite:///{path}", "--mllp", "0=RJZ") as served:
        port = served.mllp_port()
        killed: list[int] = []
        done = threading.Event()
        killer = threading.Thread(target=_kill, args=(served, port, done, killed))
        killer.start()
        told = crowd(port, messages, seconds=SECONDS, breaks=0.02, is_stored=Stored(path))
        done.set()
        killer.join()
        code = served.stop()

    assert len(killed) >= 2
    assert_each_arrived_once(told, path, messages)
    assert code == 0
    assert "".join(served.errors).count("mllp listener ended by itself") == len(killed)


def _kill(served: Served, port: int, done: threading.Event, killed: list[int]) -> None:
    """Kill the listener, when it has answered for a while, three times."""
    while len(killed) < 3 and not done.wait(0.4):
        for worker in served.workers():
            if _listens(worker, port) and worker.pid not in killed:
                worker.kill()
                killed.append(worker.pid)


def _listens(process: psutil.Process, port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in process.net_connections("tcp")
    )

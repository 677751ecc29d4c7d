"""Many writers, some of them killed: what was answered is there, in order, without a gap.

The pollers run while the writers write; that is when cursors over serial numbers and clocks
lose events. Those two run here as well, and must be seen to fail.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import Conflict
from service.store import Store, open_store
from tests.store_samples import commit, delivery, numbers, query, write

pytest_plugins = ["tests.store_fixtures"]

ROOT = Path(__file__).resolve().parents[1]
RECIPIENTS = ("A1", "B1", "C1", "D1")
DELIVERED = """
    SELECT m.control_id, d.recipient, d.n FROM delivery d JOIN message m ON m.id = d.message_id"""
# Half a commit: a message without its Patient, its deliveries or its Binary; or the reverse.
TORN = """
    SELECT m.id FROM message m
    WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.message_id = m.id AND r.type = 'Patient')
        OR NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = m.id)
        OR NOT EXISTS (SELECT 1 FROM visible v WHERE v.id = m.id AND v.type = 'Binary')
    UNION ALL
    SELECT r.id FROM resource r WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = r.message_id)
    UNION ALL
    SELECT d.message_id FROM delivery d JOIN recipient r ON r.ods = d.recipient WHERE d.n > r.n"""


@dataclass
class Poller:
    """Reads every feed from a thread, as a client does, and remembers what it got."""

    store: Store
    count: int = 5
    got: dict[str, list[int]] = field(default_factory=lambda: {r: [] for r in RECIPIENTS})
    updated: dict[str, list[int]] = field(default_factory=lambda: {r: [] for r in RECIPIENTS})
    stopped: threading.Event = field(default_factory=threading.Event)

    def poll(self) -> None:
        for recipient, seen in self.got.items():
            page = self.store.feed(recipient, seen[-1] if seen else 0, self.count)
            seen.extend(event.n for event in page.events)
            self.updated[recipient].extend(event.updated for event in page.events)

    def run(self) -> None:
        while not self.stopped.is_set():
            self.poll()

    def catch_up(self) -> None:
        while any(self.store.head(r).n > len(seen) for r, seen in self.got.items()):
            self.poll()


@contextmanager
def polling(store: Store) -> Iterator[Poller]:
    """Poll while the block runs, then read the rest."""
    poller = Poller(store)
    thread = threading.Thread(target=poller.run)
    thread.start()
    try:
        yield poller
    finally:
        poller.stopped.set()
        thread.join()
    poller.catch_up()


def no_gap_and_no_reorder(poller: Poller) -> None:
    for recipient in RECIPIENTS:
        assert poller.got[recipient] == list(range(1, len(poller.got[recipient]) + 1))
        assert poller.updated[recipient] == sorted(set(poller.updated[recipient]))


@contextmanager
def writers(url: str, *names: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that commit as fast as they can, all of them ready; killed at the end."""
    command = [sys.executable, "-m", "tests.store_writer", url]
    running = [
        subprocess.Popen(
            [*command, name, ",".join(RECIPIENTS)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for name in names
    ]
    try:
        for writer in running:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        yield running
    finally:
        for writer in running:
            writer.kill()  # SIGKILL: no chance to tidy up


def acknowledged(writer: subprocess.Popen[str]) -> dict[str, dict[str, int]]:
    """What a killed writer knew: control id → recipient → number. A torn line was not told."""
    out, _ = writer.communicate()
    lines = [line.split() for line in out.splitlines(keepends=True) if line.endswith("\n")]
    return {
        control_id: {ods: int(n) for ods, n in (one.split(":") for one in told)}
        for control_id, *told in lines
    }


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    jobs=st.lists(
        st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=3, unique=True),
        min_size=1,
        max_size=40,
    ),
    writers=st.integers(2, 8),
)
def test_whatever_writers_do_at_once_each_feed_is_gapless_and_in_order(
    store: Store, jobs: list[list[str]], writers: int
) -> None:
    before = {r: store.head(r).n for r in RECIPIENTS}

    with polling(store) as poller, ThreadPoolExecutor(writers) as threads:
        receipts = list(threads.map(lambda to: store.commit(commit(*to)), jobs))

    no_gap_and_no_reorder(poller)
    for recipient in RECIPIENTS:
        given_out = sorted(r.numbers[recipient] for r in receipts if recipient in r.numbers)
        expected = [before[recipient] + i + 1 for i in range(len(given_out))]
        assert given_out == expected == poller.got[recipient][before[recipient] :]


@pytest.mark.slow
def test_processes_killed_in_the_middle_lose_nothing_that_they_told(database_url: str) -> None:
    choose = random.Random(7)
    told: dict[str, dict[str, int]] = {}
    with open_store(database_url) as store, polling(store) as poller:
        for round_ in range(5):
            with writers(database_url, *(f"w{round_}-{i}" for i in range(3))) as running:
                for writer in choose.sample(running, 3):
                    time.sleep(0.05 + 0.25 * choose.random())
                    writer.kill()
            for writer in running:
                told |= acknowledged(writer)

    no_gap_and_no_reorder(poller)
    kept: dict[str, dict[str, int]] = {}
    for control_id, recipient, n in query(database_url, DELIVERED):
        kept.setdefault(control_id, {})[recipient] = n
    assert len(told) > 50
    assert {control_id: kept.get(control_id) for control_id in told} == told
    assert query(database_url, TORN) == []


@pytest.mark.slow
def test_no_process_is_kept_out_by_the_others(database_url: str) -> None:
    with writers(database_url, "w1", "w2", "w3", "w4") as running:
        time.sleep(3)
    done = [len(acknowledged(writer)) for writer in running]

    assert min(done) > sum(done) / len(done) / 4


def test_a_piece_of_work_that_fails_spoils_nobody_elses(store: Store) -> None:
    taken = write("Patient")
    store.update([taken])

    def post(i: int) -> bool:
        try:
            store.commit(commit("A1", writes=(taken if i % 2 else write("Patient"),)))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        posted = list(threads.map(post, range(64)))

    assert posted == [i % 2 == 0 for i in range(64)]
    assert numbers(store, "A1") == list(range(1, 33))


def test_versions_raced_by_many_rise_one_by_one(store: Store) -> None:
    sent = delivery("A1")
    store.commit(commit(deliveries=(sent,)))
    id_ = sent.communication.id

    def acknowledge(_: int) -> int:
        while True:
            prior = store.read("A1", "Communication", id_).version
            try:
                store.update([write("Communication", id_=id_, prior=prior)])
            except Conflict:
                continue
            return prior + 1

    with ThreadPoolExecutor(8) as threads:
        made = sorted(threads.map(acknowledge, range(24)))

    assert made == list(range(2, 26))
    history = store.history("A1", "Communication", id_)
    assert [v.version for v in history] == list(range(25, 0, -1))
    assert [v.updated for v in history] == sorted({v.updated for v in history}, reverse=True)


# --- the two naive cursors, which must fail ----------------------------------------------------

NAIVE = """
    CREATE TABLE naive (seq bigserial PRIMARY KEY, updated timestamptz NOT NULL);
    CREATE INDEX ON naive (updated)"""
INSERT = "INSERT INTO naive (updated) VALUES (clock_timestamp()) RETURNING pg_sleep(random() / 200)"
CURSORS = {
    "serial": ("SELECT seq, seq FROM naive WHERE seq > %s ORDER BY seq", 0),
    "clock": ("SELECT updated, seq FROM naive WHERE updated > %s ORDER BY updated", "-infinity"),
}
ROUNDS = 10  # of a second at most, until the cursor has lost something


def insert_until(url: str, stopped: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not stopped.is_set():
            with connection.transaction():
                connection.execute(INSERT)


def lost(url: str, cursor: str) -> int:
    """How many rows a poller misses that follows a cursor while others write for a second."""
    sql, last = CURSORS[cursor]
    got: set[int] = set()
    stopped = threading.Event()
    with psycopg.connect(url, autocommit=True) as poller, ThreadPoolExecutor(6) as threads:
        written = [threads.submit(insert_until, url, stopped) for _ in range(6)]
        until = time.monotonic() + 1
        while time.monotonic() < until:
            page = poller.execute(sql, [last]).fetchall()
            got.update(seq for _, seq in page)
            last = page[-1][0] if page else last
        stopped.set()
        for future in written:
            future.result()
        got.update(seq for _, seq in poller.execute(sql, [last]).fetchall())
        everything = {seq for (seq,) in poller.execute("SELECT seq FROM naive").fetchall()}
    return len(everything - got)


@pytest.mark.postgres
@pytest.mark.parametrize("cursor", CURSORS)
def test_a_naive_cursor_loses_rows_while_others_write(postgres_url: str, cursor: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(NAIVE)

    assert any(lost(postgres_url, cursor) for _ in range(ROUNDS))

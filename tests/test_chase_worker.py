"""The worker that chases: killed between any two of its writes, several at once, beside `serve`."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from service.app import chasing
from service.delivery.chase import LEASE, ChaseWorker
from service.store import open_store
from tests.cli_runner import relay as run
from tests.serving import serving
from tests.simulated_days import FRIDAY, HOSPICE, SECOND, TRUST, Loop, loop_on

pytest_plugins = ["tests.loop_fixtures"]

ROOT = Path(__file__).resolve().parents[1]
TEAMS = (HOSPICE, SECOND, TRUST)


def numbers(loop: Loop, ods: str) -> list[int]:
    return [event.n for event in loop.relay.store.feed(ods, None, 500).events]


def identifiers(loop: Loop, ods: str) -> list[str]:
    return [one["identifier"][0]["value"] for one in loop.feed(ods)]


def killed_turn(loop: Loop, folder: Path, when: str, n: int) -> int:
    """Let a process take the steps that are due, and kill itself; return how it ended."""
    command = [sys.executable, "-m", "tests.chase_killed", loop.relay.settings.database]
    told = [*command, str(folder), when, str(n), loop.now.isoformat()]
    return subprocess.run(told, cwd=ROOT, check=False, capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_is_killed_at_any_write_loses_and_doubles_nothing(
    loop: Loop, tmp_path: Path, when: str
) -> None:
    for number in range(4):
        loop.discharge(f"K{number}")
    ended = []
    for hours in (19, 25):  # the reminders, then the escalations
        loop.days[0] = FRIDAY + timedelta(hours=hours)
        ended += [killed_turn(loop, tmp_path, when, n) for n in (1, 2)]
        loop.work()

    assert ended == [-signal.SIGKILL] * 4
    assert [numbers(loop, ods) for ods in TEAMS] == [
        list(range(1, 9)),
        [1, 2, 3, 4],
        [1, 2, 3, 4],
    ]
    assert all(len(set(identifiers(loop, ods))) == len(numbers(loop, ods)) for ods in TEAMS)
    assert loop.work() == 0


def test_two_workers_at_once_take_each_step_once(loop: Loop, tmp_path: Path) -> None:
    for number in range(8):
        loop.discharge(f"K{number}")
    loop.days[0] = FRIDAY + timedelta(hours=25)
    other = loop_on(loop.relay.settings.database, tmp_path, loop.days)
    faults: list[BaseException] = []

    def work(mine: Loop) -> None:
        try:
            mine.work()
        except BaseException as fault:  # told to the test, which runs in another thread
            faults.append(fault)

    with other.relay.store:
        threads = [threading.Thread(target=work, args=(one,)) for one in (loop, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert faults == []
    assert [numbers(loop, ods) for ods in TEAMS] == [
        list(range(1, 17)),
        list(range(1, 9)),
        list(range(1, 9)),
    ]
    assert all(len(set(identifiers(loop, ods))) == len(numbers(loop, ods)) for ods in TEAMS)


def test_an_answer_while_a_step_is_taken_goes_first(loop: Loop) -> None:
    """The step was planned on a Task that somebody answers before it is committed."""
    loop.discharge()
    loop.days[0] = FRIDAY + timedelta(hours=25)
    store, answered = loop.relay.store, []

    def check(_: object) -> list[object]:
        if not answered:
            answered.append(loop.answer(HOSPICE, "accepted"))
        return []

    made = chasing(store, loop.relay.routing.directory, lambda: loop.now)
    made._check = check  # type: ignore[assignment, method-assign]  # the last thing before the commit
    made.turn()

    assert answered == [200]
    assert loop.feed(SECOND) == []
    assert loop.feed(TRUST) == []


@pytest.fixture
def overdue(loop: Loop) -> Loop:
    """A discharge that nobody answered for a day."""
    loop.discharge()
    loop.days[0] = FRIDAY + timedelta(hours=25)
    return loop


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_second_worker_waits_until_the_first_is_not_heard_of(overdue: Loop) -> None:
    store = overdue.relay.store
    store.leases.claim(LEASE, "another", 60)
    stop = threading.Event()
    work = ChaseWorker(
        chasing(store, overdue.relay.routing.directory, lambda: overdue.now), store, look=0.01
    )
    thread = threading.Thread(target=work.run, args=(stop,))
    thread.start()
    stop.wait(0.3)
    while_another_has_it = len(overdue.feed(HOSPICE))
    overdue.days[0] += timedelta(minutes=2)
    for _ in range(100):
        if len(overdue.feed(TRUST)) == 1:
            break
        stop.wait(0.1)
    stop.set()
    thread.join()

    assert while_another_has_it == 1
    assert len(overdue.feed(TRUST)) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_takes_what_is_due_and_ends(overdue: Loop) -> None:
    url = overdue.relay.settings.database  # by the clock of this machine all of it is past

    first, second = (run("chase", "--once", "--database", url) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout == "2 steps taken.\n"
    assert second.stdout == "Nothing is due.\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_serve_chases_in_a_process_beside_its_workers(overdue: Loop) -> None:
    url = overdue.relay.settings.database
    with serving("--database", url) as served, open_store(url) as store:
        for _ in range(200):
            if store.head(TRUST).n:
                break
            served.process.poll()
            threading.Event().wait(0.1)
        code = served.stop()

    assert overdue.relay.store.head(TRUST).n == 1
    assert code == 0

"""Long polls: woken by a commit here or in another process, and by nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from service.store import Store, open_store
from tests.store_samples import Clock, commit, delivery, write

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def other(database_url: str, clock: Clock) -> Iterator[Store]:
    """The same database as another process has it open."""
    with open_store(database_url, clock) as opened:
        yield opened


def asleep(store: Store, recipient: str, after: int, seconds: float = 10) -> Future[bool]:
    """Wait in a thread; returns when the thread sleeps."""
    future: Future[bool] = Future()

    def wait() -> None:
        future.set_result(store.wait(recipient, after, seconds))

    threading.Thread(target=wait, daemon=True).start()
    while not store.sleepers():
        time.sleep(0.001)
    time.sleep(0.05)
    return future


def test_a_reader_with_news_to_read_does_not_sleep(store: Store) -> None:
    store.commit(commit("A1"))

    began = time.monotonic()

    assert store.wait("A1", 0, 10)
    assert time.monotonic() - began < 1


def test_a_reader_without_news_sleeps_for_its_time_and_is_told_so(store: Store) -> None:
    began = time.monotonic()

    assert not store.wait("A1", 0, 0.2)
    assert 0.2 <= time.monotonic() - began < 2


def test_a_commit_of_this_process_wakes_the_reader(store: Store) -> None:
    sleeping = asleep(store, "A1", 0)

    began = time.monotonic()
    store.commit(commit("A1"))

    assert sleeping.result(5)
    assert time.monotonic() - began < 1


def test_a_commit_of_another_process_wakes_the_reader(store: Store, other: Store) -> None:
    for n in range(3):
        sleeping = asleep(store, "A1", n)
        began = time.monotonic()
        other.commit(commit("A1"))

        assert sleeping.result(5)
        assert time.monotonic() - began < 0.9  # sooner than the look once a second


def test_what_others_get_or_change_lets_the_reader_sleep(store: Store, other: Store) -> None:
    sent = delivery("A1")
    store.commit(commit(deliveries=(sent,)))
    sleeping = asleep(store, "A1", 1, seconds=0.5)

    store.commit(commit("B1"))
    other.commit(commit("B1"))
    store.update([write("Communication", id_=sent.communication.id, prior=1)])

    assert sleeping.result(5) is False


def test_a_reader_that_comes_while_others_sleep_is_woken_too(store: Store, other: Store) -> None:
    first = asleep(store, "A1", 0)
    with ThreadPoolExecutor(1) as thread:
        second = thread.submit(store.wait, "B1", 0, 10)
        time.sleep(0.1)

        other.commit(commit("B1"))

        assert second.result(5)
    store.commit(commit("A1"))
    assert first.result(5)


def test_ending_lets_all_readers_go_and_none_sleep_again(store: Store) -> None:
    sleeping = asleep(store, "A1", 0)

    store.end_waits()

    assert sleeping.result(5) is False
    began = time.monotonic()
    assert not store.wait("A1", 0, 10)
    assert time.monotonic() - began < 1
    assert store.commit(commit("A1")).numbers == {"A1": 1}


def test_sleeping_readers_hold_no_connection(store: Store) -> None:
    with ThreadPoolExecutor(40) as threads:
        waits = [threads.submit(store.wait, f"X{i}", 0, 5) for i in range(40)]
        while store.sleepers() < 40:
            time.sleep(0.01)

        began = time.monotonic()
        store.commit(commit("A1"))
        assert time.monotonic() - began < 3
        for i in range(40):
            store.commit(commit(f"X{i}"))
        assert all(wait.result(5) for wait in waits)

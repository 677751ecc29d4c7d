"""What holds for every channel: order, one at a time, retries, parking, confirmation.

The channel is written for these tests: it hands over into a list, and fails as it is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from service.delivery.channels import Fate, NotSent, Refused
from service.delivery.sending import Policy
from service.delivery.worker import Line, Worker
from service.errors import NotFound
from service.model import Instant, OdsCode
from service.store import Store, open_store
from tests.mesh_relay import eventually
from tests.pigeons import Pigeons
from tests.store_samples import Clock, commit, delivery

pytest_plugins = ["tests.store_fixtures"]
QUICK = Policy(longest=0.01, look=0.05)


@pytest.fixture
def loft(database_url: str) -> Iterator[Store]:
    """A store by the real time: a worker's leases run by it."""
    with open_store(database_url) as opened:
        yield opened


@contextmanager
def flying(
    store: Store,
    *channels: tuple[str, Pigeons],
    policy: Policy = QUICK,
    received: Callable[[OdsCode, str, str], None] = lambda *_: None,
) -> Iterator[None]:
    """Send by these channels during the block."""
    lines = [
        Line(recipient=OdsCode(ods), channel=one.name, open=lambda one=one: one)
        for ods, one in channels
    ]
    worker = Worker(store, lines, received, policy=policy, lease=1)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        assert all(one.closed for _, one in channels)


def happen(store: Store, ods: str, times: int = 1) -> None:
    for _ in range(times):
        store.commit(commit(deliveries=(delivery(ods),)))


def reached(store: Store, ods: str, n: int) -> Callable[[], bool]:
    return lambda: store.channels.place(ods, "pigeon").n == n


def parked(store: Store, ods: str) -> Callable[[], bool]:
    return lambda: store.channels.place(ods, "pigeon").state == "parked"


def test_events_go_in_order_old_ones_and_new_ones(loft: Store) -> None:
    pigeons = Pigeons()
    happen(loft, "8HX03", 3)
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 3))
        happen(loft, "8HX03", 2)
        eventually(reached(loft, "8HX03", 5))

    assert pigeons.numbers == [[1], [2], [3], [4], [5]]


def test_one_that_fails_is_tried_again_before_the_next(loft: Store) -> None:
    pigeons = Pigeons(failures=[NotSent("storm"), NotSent("hawk"), RuntimeError("our own fault")])
    happen(loft, "8HX03", 2)
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 2))

    assert pigeons.numbers == [[1], [2]]
    assert loft.channels.place("8HX03", "pigeon").attempts == 0


def test_one_that_arrived_though_nobody_was_told_is_not_sent_again(loft: Store) -> None:
    pigeons = Pigeons(lost=[NotSent("no answer")])
    happen(loft, "8HX03", 2)
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 2))

    assert pigeons.numbers == [[1], [2]]


def test_after_the_last_try_it_is_parked_with_the_reason(loft: Store) -> None:
    pigeons = Pigeons(failures=[NotSent("storm")] * 3)
    happen(loft, "8HX03")
    policy = Policy(longest=0.01, look=0.05, tries=3)
    with flying(loft, ("8HX03", pigeons), policy=policy):
        eventually(parked(loft, "8HX03"))
        time.sleep(0.2)
        assert pigeons.arrived == []
        loft.channels.resume("8HX03", "pigeon")
        eventually(reached(loft, "8HX03", 1))

    assert pigeons.numbers == [[1]]


def test_a_refusal_parks_at_once(loft: Store) -> None:
    pigeons = Pigeons(failures=[Refused("no such loft")])
    happen(loft, "8HX03")
    with flying(loft, ("8HX03", pigeons)):
        eventually(parked(loft, "8HX03"))

    assert loft.channels.place("8HX03", "pigeon").reason == "event 1: no such loft"


def test_the_time_that_the_other_side_asks_for_is_waited(loft: Store) -> None:
    pigeons = Pigeons(failures=[NotSent("busy", wait=0.6)])
    happen(loft, "8HX03")
    started = time.monotonic()
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 1))

    assert time.monotonic() - started > 0.6


def test_a_slow_or_failing_one_keeps_nobody_else_waiting(loft: Store) -> None:
    slow, failing, quick = Pigeons(slow=3), Pigeons(failures=[NotSent("storm")] * 99), Pigeons()
    for ods in ("8HX01", "8HX02", "8HX03"):
        happen(loft, ods)
    started = time.monotonic()
    with flying(loft, ("8HX01", slow), ("8HX02", failing), ("8HX03", quick)):
        eventually(reached(loft, "8HX03", 1))
        taken = time.monotonic() - started

    assert taken < 2


def test_a_channel_may_take_several_at_once(loft: Store) -> None:
    pigeons = Pigeons(batch=3)
    happen(loft, "8HX03", 7)
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 7))

    assert pigeons.numbers == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_batch_whose_result_is_unknown_stays_the_same_though_more_has_happened(
    loft: Store,
) -> None:
    pigeons = Pigeons(batch=9, lost=[NotSent("no answer", wait=0.5)])
    happen(loft, "8HX03", 2)
    with flying(loft, ("8HX03", pigeons)):
        eventually(lambda: pigeons.arrived)
        happen(loft, "8HX03", 2)
        eventually(reached(loft, "8HX03", 4))

    assert pigeons.numbers == [[1, 2], [3, 4]]


def test_a_channel_may_gather_events_until_it_is_time(loft: Store) -> None:
    pigeons = Pigeons(batch=9, waits=800_000)
    happen(loft, "8HX03")
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 1))
        happen(loft, "8HX03", 3)
        eventually(reached(loft, "8HX03", 4))

    assert pigeons.numbers == [[1], [2, 3, 4]]


def test_a_receipt_is_noted_when_it_comes_or_with_the_sending(loft: Store) -> None:
    late, at_once, noted = Pigeons(), Pigeons(confirms=True), []
    for ods in ("8HX01", "8HX03"):
        happen(loft, ods, 2)

    def received(ods: OdsCode, communication_id: str, channel: str) -> None:
        assert channel == "pigeon"
        noted.append((ods, communication_id))
        if ods == "8HX03":
            raise NotFound  # taken back meanwhile: the channel goes on

    with flying(loft, ("8HX01", late), ("8HX03", at_once), received=received):
        eventually(reached(loft, "8HX01", 2))
        eventually(reached(loft, "8HX03", 2))
        assert {ods for ods, _ in noted} == {"8HX03"}
        late.fates[2] = Fate(state="confirmed")
        eventually(lambda: loft.channels.count_open("8HX01", "pigeon") == 1)

    [second] = [event for event in loft.feed("8HX01", None, 9).events if event.n == 2]
    assert ("8HX01", second.id) in noted
    assert [one.n for one in loft.channels.open("8HX01", "pigeon")] == [1]


def test_what_was_not_delivered_is_sent_again_after_resuming_and_what_was_is_not(
    loft: Store,
) -> None:
    pigeons = Pigeons()
    pigeons.fates = {1: Fate(state="confirmed"), 3: Fate(state="confirmed")}
    happen(loft, "8HX03", 3)
    with flying(loft, ("8HX03", pigeons)):
        eventually(lambda: loft.channels.count_open("8HX03", "pigeon") == 1)
        pigeons.fates[2] = Fate(state="undelivered", reason="not collected")
        eventually(parked(loft, "8HX03"))
        pigeons.fates[2] = Fate(state="open")
        loft.channels.resume("8HX03", "pigeon")
        happen(loft, "8HX03")
        eventually(reached(loft, "8HX03", 4))

    assert pigeons.numbers == [[1], [2], [3], [2], [4]]
    first, again = pigeons.arrived[1], pigeons.arrived[3]
    assert first.key != again.key
    assert first.message_id == again.message_id


def test_events_that_were_removed_before_they_were_sent_are_told_and_not_skipped(
    loft: Store,
) -> None:
    pigeons = Pigeons(failures=[Refused("no such loft")])
    happen(loft, "8HX03", 3)
    with flying(loft, ("8HX03", pigeons)):
        eventually(parked(loft, "8HX03"))
    loft.forget("8HX03", 2)
    loft.channels.resume("8HX03", "pigeon")
    with flying(loft, ("8HX03", pigeons)):
        eventually(parked(loft, "8HX03"))
        assert "up to 2 are no longer kept" in loft.channels.place("8HX03", "pigeon").reason
        loft.channels.resume("8HX03", "pigeon", after=2)
        eventually(reached(loft, "8HX03", 3))

    assert pigeons.numbers == [[3]]


def test_a_channel_that_is_new_begins_with_the_oldest_event_that_is_kept(loft: Store) -> None:
    pigeons = Pigeons()
    happen(loft, "8HX03", 3)
    loft.forget("8HX03", 2)
    with flying(loft, ("8HX03", pigeons)):
        eventually(reached(loft, "8HX03", 3))

    assert pigeons.numbers == [[3]]


def test_the_pauses_grow_to_their_limit_and_differ() -> None:
    policy = Policy()

    pauses = [[policy.pause(attempts) for _ in range(50)] for attempts in range(40)]

    for attempts, some in enumerate(pauses):
        whole = min(900, 2**attempts)
        assert whole / 2 <= min(some) <= max(some) <= whole
        assert len(set(some)) > 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_pause_ends_by_the_clock_it_was_written_down_with(store: Store, clock: Clock) -> None:
    pigeons = Pigeons(failures=[NotSent("storm", 3600)])
    happen(store, "8HX03")
    with flying(store, ("8HX03", pigeons)):
        eventually(lambda: store.channels.place("8HX03", "pigeon").attempts)
        time.sleep(0.2)
        in_the_pause = list(pigeons.numbers)
        clock.now = Instant(clock.now + 3_600_000_000)
        eventually(reached(store, "8HX03", 1))

    assert (in_the_pause, pigeons.numbers) == ([], [[1]])

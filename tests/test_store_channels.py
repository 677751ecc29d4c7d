"""Leases, and places in feeds: one sender at a time, nothing forgotten when it dies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from service.model import Instant
from service.store import LeaseLost, Place, Store
from tests.store_samples import Clock, dispatch

pytest_plugins = ["tests.store_fixtures"]


def claimed(store: Store, holder: str = "me") -> Place:
    assert store.leases.claim("mesh/8HX03", holder, 60)
    return store.channels.place("8HX03", "mesh")


def test_a_lease_is_one_holders_until_it_lets_go_or_is_not_heard_of(
    store: Store, clock: Clock
) -> None:
    assert store.leases.claim("inbox", "a", 60)
    assert store.leases.claim("inbox", "a", 60)
    assert not store.leases.claim("inbox", "b", 60)

    clock.now = Instant(clock.now + 50_000_000)
    store.leases.renew("a", 60)
    clock.now = Instant(clock.now + 50_000_000)
    assert not store.leases.claim("inbox", "b", 60)
    clock.now = Instant(clock.now + 11_000_000)
    assert store.leases.claim("inbox", "b", 60)

    store.leases.release("b")
    assert store.leases.claim("inbox", "a", 60)


def test_of_many_that_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda i: store.leases.claim("inbox", f"h{i}", 60), range(8)))

    assert got.count(True) == 1


def test_a_place_that_never_sent_begins_before_the_first_event(store: Store) -> None:
    place = store.channels.place("8HX03", "mesh")

    assert (place.n, place.trying, place.state) == (0, 0, "active")
    assert store.channels.places() == []


def test_what_was_begun_and_not_finished_is_known_to_whoever_takes_over(store: Store) -> None:
    store.channels.begin("me", claimed(store), 7)
    store.leases.release("me")

    place = claimed(store, "another")
    assert (place.n, place.trying) == (0, 7)

    place = store.channels.sent("another", place, [dispatch("8HX03", 7)])
    assert (place.n, place.trying) == (7, 0)
    assert store.channels.place("8HX03", "mesh") == place


def test_whoever_lost_the_lease_moves_nothing(store: Store, clock: Clock) -> None:
    place = claimed(store)
    clock.now = Instant(clock.now + 61_000_000)
    claimed(store, "another")

    with pytest.raises(LeaseLost):
        store.channels.begin("me", place, 1)
    with pytest.raises(LeaseLost):
        store.channels.sent("me", place, [dispatch("8HX03")])
    with pytest.raises(LeaseLost):
        store.channels.put_off("me", place, 1, "?")

    assert store.channels.places() == []
    assert store.channels.open("8HX03", "mesh") == []


def test_failures_are_counted_until_the_next_success(store: Store, clock: Clock) -> None:
    place = store.channels.put_off("me", claimed(store), 2.5, "no connection")
    place = store.channels.put_off("me", place, 5, "no connection")
    assert (place.attempts, place.next_at, place.reason) == (
        2,
        clock.now + 5_000_000,
        "no connection",
    )

    place = store.channels.sent("me", place, [dispatch("8HX03")])
    assert (place.attempts, place.next_at, place.reason) == (0, 0, "")


def test_a_parked_place_stays_so_until_it_is_resumed(store: Store) -> None:
    place = claimed(store)
    store.channels.park("8HX03", "mesh", "the mailbox is not registered")

    place = store.channels.sent("me", place, [dispatch("8HX03")])

    assert place.state == "parked"
    assert store.channels.resume("8HX03", "mesh").state == "active"


def test_resuming_goes_back_to_the_first_that_was_not_confirmed(store: Store) -> None:
    place = claimed(store)
    sent = [dispatch("8HX03", n) for n in (1, 2, 3)]
    place = store.channels.sent("me", place, sent)
    store.channels.settle(sent[0], "confirmed")
    store.channels.settle(sent[1], "undelivered", "not collected after 5 days")

    resumed = store.channels.resume("8HX03", "mesh")

    assert (resumed.n, resumed.round) == (1, 1)
    assert store.channels.resume("8HX03", "mesh", 3).n == 3


def test_what_was_sent_is_found_by_either_id_and_settled_once(store: Store) -> None:
    sent = dispatch("8HX03", 4, handle="20261124_ABC")
    store.channels.sent("me", claimed(store), [sent])

    [found] = store.channels.by_message(sent.message_id)
    assert found == sent
    assert store.channels.by_handle("20261124_ABC") == [sent]
    assert store.channels.dispatch("8HX03", "mesh", 4) == sent
    assert store.channels.open("8HX03", "mesh") == [sent]

    store.channels.settle(found, "confirmed")
    assert store.channels.open("8HX03", "mesh") == []
    assert store.channels.count_open("8HX03", "mesh") == 0
    assert store.channels.by_message(sent.message_id)[0].state == "confirmed"


def test_an_event_that_is_sent_again_has_one_row(store: Store) -> None:
    place = store.channels.sent("me", claimed(store), [dispatch("8HX03", 1, handle="A")])
    store.channels.sent("me", place, [dispatch("8HX03", 1, handle="B", round=1)])

    [again] = store.channels.open("8HX03", "mesh")
    assert (again.handle, again.round) == ("B", 1)

"""The seven promises of delivery, each on both databases."""

from __future__ import annotations

import pytest

from service.errors import Gone, Issue
from service.store import Receipt, Store, open_store
from service.store.feed import LAST
from tests.store_samples import (
    NOON,
    Clock,
    commit,
    delivery,
    expecting,
    message,
    numbers,
    write,
)

pytest_plugins = ["tests.store_fixtures"]


def test_g1_what_was_answered_is_there_when_the_database_is_opened_again(
    database_url: str, clock: Clock
) -> None:
    sent = commit("8HX01")
    with open_store(database_url, clock) as store:
        store.commit(sent)

    with open_store(database_url, clock) as store:
        kept = store.read("RJZ", "Binary", sent.message.id)

    assert kept is not None
    assert (kept.body, kept.media_type) == (sent.message.body, sent.message.media_type)


def test_g1_bytes_that_cannot_be_read_are_kept_with_what_is_wrong_with_them(store: Store) -> None:
    issue = Issue(severity="error", code="structure", text="This is not HL7 v2.", source="byte 0")
    unreadable = message(b"\x00\xff not a message")

    kept = store.refuse(unreadable, [issue])

    letter = store.dead_letters.get(kept)
    assert letter is not None
    assert (letter.body, letter.issues, letter.state) == (unreadable.body, (issue,), "refused")


def test_g2_each_recipient_counts_its_own_events_without_gaps(store: Store) -> None:
    receipts = [store.commit(commit(*to)) for to in (["A1"], ["A1", "B1"], ["B1"], ["B1", "A1"])]

    assert [dict(r.numbers) for r in receipts] == [
        {"A1": 1},
        {"A1": 2, "B1": 1},
        {"B1": 2},
        {"B1": 3, "A1": 3},
    ]
    assert numbers(store, "A1") == numbers(store, "B1") == [1, 2, 3]


def test_g2_a_commit_that_fails_takes_no_number(store: Store) -> None:
    store.commit(commit("A1"))
    key = ("identifier", "a|1")
    store.update([write("Patient", "RJZ", key)])

    with pytest.raises(Exception, match="came first"):
        store.commit(commit("A1", checks=(expecting("RJZ", "Patient", key),)))

    store.commit(commit("A1"))
    assert numbers(store, "A1") == [1, 2]


def test_g2_several_events_of_one_commit_to_one_recipient_are_numbered_in_order(
    store: Store,
) -> None:
    first, second = delivery("A1"), delivery("A1")

    receipt = store.commit(commit(deliveries=(first, second)))

    events = store.feed("A1", None, 10).events
    assert receipt.numbers == {"A1": 2}
    assert [(e.n, e.id) for e in events] == [
        (1, first.communication.id),
        (2, second.communication.id),
    ]
    assert events[0].updated < events[1].updated


def test_g3_a_page_never_ends_before_a_number_that_is_visible(store: Store) -> None:
    for _ in range(5):
        store.commit(commit("A1"))

    page = store.feed("A1", 2, 2)

    assert [event.n for event in page.events] == [3, 4]
    assert page.head == 5


def test_g4_a_reader_that_asks_again_gets_the_same_numbers(store: Store) -> None:
    for _ in range(3):
        store.commit(commit("A1"))

    assert store.feed("A1", 1, 10) == store.feed("A1", 1, 10)


def test_g5_versions_of_a_communication_rise_and_its_number_stays(
    store: Store, clock: Clock
) -> None:
    sent = delivery("A1")
    store.commit(commit(deliveries=(sent,)))
    store.commit(commit("A1"))
    clock.now = NOON  # it does not move: lastUpdated must rise all the same
    id_ = sent.communication.id

    given = [store.update([write("Communication", id_=id_, prior=v)]) for v in (1, 2)]

    first = store.feed("A1", 0, 1).events[0]
    versions = store.history("A1", "Communication", id_)
    assert (first.n, first.id, first.version, first.updated) == (1, id_, 3, given[-1])
    assert [v.version for v in versions] == [3, 2, 1]
    assert [v.updated for v in versions] == sorted({v.updated for v in versions}, reverse=True)
    assert [e.n for e in store.feed_since("A1", given[0] - 1, LAST, 10).events] == [1]


def test_g6_reading_changes_nothing(store: Store) -> None:
    store.commit(commit("A1"))
    before = store.feed("A1", None, 10)

    store.read("A1", "Communication", before.events[0].id)

    assert store.feed("A1", None, 10) == before


def test_g7_acknowledging_removes_nothing(store: Store) -> None:
    sent = delivery("A1")
    store.commit(commit(deliveries=(sent,)))

    store.update([write("Communication", id_=sent.communication.id, prior=1)])

    assert numbers(store, "A1") == [1]


def test_g7_retention_alone_removes_and_a_reader_behind_its_floor_is_told(store: Store) -> None:
    for _ in range(5):
        store.commit(commit("A1"))
    lost = store.feed("A1", 2, 1).events[0].id

    store.forget("A1", 3)

    with pytest.raises(Gone, match="3"):
        store.feed("A1", 2, 10)
    assert [e.n for e in store.feed("A1", 3, 10).events] == [4, 5]
    assert numbers(store, "A1") == [4, 5]
    assert store.read("A1", "Communication", lost) is None
    assert store.head("A1").floor == 3
    assert store.commit(commit("A1")).numbers == {"A1": 6}


def test_a_repeat_is_answered_as_the_first_was_and_makes_nothing_new(store: Store) -> None:
    sent = commit("A1")
    first = store.commit(sent)

    again = commit("A1", message=message(sent.message.body, control_id=sent.message.control_id))
    second = store.commit(again)
    asked = store.repeat("RJZ", sent.message.control_id, sent.message.digest)

    stamp = first.updated.isoformat().encode()
    assert first.answer.body == b"MSA|AA|" + stamp
    assert (
        second == asked == Receipt(message_id=first.message_id, repeated=True, answer=first.answer)
    )
    assert numbers(store, "A1") == [1]

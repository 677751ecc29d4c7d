"""Dead letters: kept once, listed, skipped with a reason, replayed without a double."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.errors import Conflict, ConflictingMessage, Issue, NotFound
from service.store import DeadLetter, RawMessage, Store
from tests.store_samples import NOON, commit, message, new_id, numbers

pytest_plugins = ["tests.store_fixtures"]

ISSUE = Issue(severity="error", code="required", text="No NHS number.", target="patient.nhs_number")
OTHER = Issue(severity="error", code="value", text="Not a date.", source="PID-7")


def kept(store: Store, raw: RawMessage) -> DeadLetter:
    letter = store.dead_letters.get(raw.id)
    assert letter is not None
    return letter


def test_the_same_bytes_refused_again_are_one_more_attempt(store: Store) -> None:
    first = message(b"MSH|1", control_id="A")
    again = replace(first, id=new_id(), received_at=type(NOON)(NOON + 5))

    ids = [store.refuse(first, [ISSUE]), store.refuse(again, [OTHER])]

    assert ids == [first.id, first.id]
    letter = kept(store, first)
    assert (letter.attempts, letter.issues, letter.received_at) == (2, (OTHER,), NOON + 5)
    assert [t.state for t in store.dead_letters.transitions(first.id)] == ["refused", "refused"]


def test_other_bytes_under_the_same_id_are_another_dead_letter(store: Store) -> None:
    for content in (b"MSH|1", b"MSH|2"):
        store.refuse(message(content, control_id="A"), [ISSUE])

    assert len(store.dead_letters.list()) == 2


def test_dead_letters_are_listed_by_sender_and_page_without_their_bytes(store: Store) -> None:
    raw = [message(b"%d" % i, sender="RJZ" if i % 2 else "RJ1") for i in range(5)]
    for one in raw:
        store.refuse(one, [ISSUE])
    store.commit(commit("A1"))

    first = store.dead_letters.list(count=3)
    rest = store.dead_letters.list(after=first[-1].id)

    assert [letter.id for letter in first + rest] == [one.id for one in raw]
    assert {(letter.body, letter.size) for letter in first} == {(b"", 1)}
    assert [letter.id for letter in store.dead_letters.list(sender="RJZ")] == [raw[1].id, raw[3].id]
    assert store.dead_letters.list(state="committed") == []


def test_a_replay_makes_the_kept_message_the_committed_one(store: Store) -> None:
    raw = message(b"MSH|1", control_id="")
    store.refuse(raw, [ISSUE])
    known = replace(raw, control_id="A")

    receipt = store.commit(commit("A1", message=known, replay=True))

    assert (receipt.message_id, receipt.repeated, receipt.numbers) == (raw.id, False, {"A1": 1})
    assert store.dead_letters.list() == []
    assert kept(store, raw).state == "committed"
    assert [t.state for t in store.dead_letters.transitions(raw.id)] == ["refused", "committed"]
    assert store.repeat("RJZ", "A", raw.digest).message_id == raw.id
    assert store.read("A1", "Binary", raw.id).body == b"MSH|1"


def test_a_replay_of_what_was_taken_in_meanwhile_makes_nothing_new(store: Store) -> None:
    raw = message(b"MSH|1", control_id="A")
    store.refuse(raw, [ISSUE])
    first = store.commit(commit("A1", message=raw, replay=True))

    second = store.commit(commit("A1", message=raw, replay=True))

    assert (second.repeated, second.answer) == (True, first.answer)
    assert numbers(store, "A1") == [1]


def test_a_dead_letter_that_its_sender_sent_again_is_closed_when_it_is_replayed(
    store: Store,
) -> None:
    raw = message(b"MSH|1", control_id="A")
    store.refuse(raw, [ISSUE])
    again = store.commit(commit("A1", message=replace(raw, id=new_id())))
    assert store.dead_letters.list() == []

    receipt = store.commit(commit("A1", message=raw, replay=True))

    assert (receipt.repeated, receipt.message_id) == (True, again.message_id)
    assert kept(store, raw).state == "replayed"
    assert numbers(store, "A1") == [1]


def test_a_replay_with_other_bytes_is_refused(store: Store) -> None:
    raw = message(b"MSH|1", control_id="A")
    store.refuse(raw, [ISSUE])

    with pytest.raises(ConflictingMessage):
        store.commit(commit("A1", message=replace(raw, digest=b"other"), replay=True))
    with pytest.raises(NotFound):
        store.commit(commit("A1", message=message(b"MSH|2"), replay=True))

    assert numbers(store, "A1") == []
    assert kept(store, raw).state == "refused"


def test_a_refusal_during_a_replay_is_one_more_attempt(store: Store) -> None:
    raw = message(b"MSH|1", control_id="")
    store.refuse(raw, [ISSUE])

    store.refuse(replace(raw, control_id="A"), [OTHER])

    assert (kept(store, raw).attempts, kept(store, raw).issues) == (2, (OTHER,))
    assert len(store.dead_letters.list()) == 1


def test_skipping_keeps_the_bytes_and_the_reason(store: Store) -> None:
    raw = message(b"MSH|1")
    store.refuse(raw, [ISSUE])

    store.dead_letters.skip(raw.id, "ward clerk", "a test message")

    assert store.dead_letters.list() == []
    assert [letter.id for letter in store.dead_letters.list(state="skipped")] == [raw.id]
    last = store.dead_letters.transitions(raw.id)[-1]
    assert (last.state, last.actor, last.reason) == ("skipped", "ward clerk", "a test message")
    assert kept(store, raw).body == b"MSH|1"


def test_only_what_is_refused_is_skipped(store: Store) -> None:
    sent = commit("A1")
    store.commit(sent)

    with pytest.raises(Conflict, match="committed"):
        store.dead_letters.skip(sent.message.id, "x", "y")
    with pytest.raises(NotFound):
        store.dead_letters.skip(new_id(), "x", "y")


def test_a_skipped_message_may_still_be_replayed(store: Store) -> None:
    raw = message(b"MSH|1")
    store.refuse(raw, [ISSUE])
    store.dead_letters.skip(raw.id, "x", "a mistake")

    assert store.commit(commit("A1", message=raw, replay=True)).numbers == {"A1": 1}

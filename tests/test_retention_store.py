"""What retention removes from a store, what it leaves, and how that is told to readers."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from service.errors import Issue
from service.store import Deadline, Keep, Step, Store
from service.store.retention.retention import DAY
from tests.retention_samples import NHS, YEAR, discharge, run, state, tally, today
from tests.store_samples import Clock, dispatch, message, numbers, query, write

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    """Ids begin with the time that they are made at, so the clock begins with the real one."""
    clock.now = today()


def test_nothing_goes_unless_it_was_configured(store: Store, clock: Clock) -> None:
    store.commit(discharge("A1"))
    clock.now += 100 * YEAR * DAY

    assert run(store, Keep()) == []
    assert numbers(store, "A1") == [1]


def test_what_is_old_goes_with_everything_of_it(
    store: Store, clock: Clock, database_url: str
) -> None:
    sent = discharge("A1", "B1", nhs_number=NHS)
    store.commit(sent)
    clock.now += (YEAR + 1) * DAY

    dry = tally(run(store, remove=False))
    gone = tally(run(store))

    assert dry == gone
    assert gone == {
        ("event", ""): 2,
        ("Task", ""): 2,
        ("Patient", ""): 1,
        ("Encounter", ""): 1,
        ("message", ""): 1,
    }
    for table in ("delivery", "resource", "search_index", "visible", "deadline"):
        assert query(database_url, f"SELECT COUNT(*) FROM {table}") == [(0,)], table  # noqa: S608
    assert query(database_url, "SELECT length(body) FROM message") == [(0,)]
    assert run(store) == []


def test_whoever_saw_it_is_told_that_it_is_gone_and_nobody_else(store: Store, clock: Clock) -> None:
    sent = discharge("A1")
    store.commit(sent)
    seen = [("Communication", sent.deliveries[0].communication.id), ("Binary", sent.message.id)]
    seen += [(one.type, one.id) for one in sent.writes]
    clock.now += (YEAR + 1) * DAY
    run(store)

    for type_, id_ in seen:
        for organisation in ("RJZ", "A1"):
            assert state(store, organisation, type_, id_) == "gone", (organisation, type_)
            first = store.vread(organisation, type_, id_, 1)
            told = [first, *store.history(organisation, type_, id_)]
            assert [one and (one.deleted, one.method) for one in told] == [(True, "DELETE")] * 2
        assert state(store, "B1", type_, id_) == "unknown"


def test_that_something_was_there_is_forgotten_after_as_long_again(
    store: Store, clock: Clock
) -> None:
    sent = discharge("A1")
    store.commit(sent)
    for _ in range(2):
        clock.now += (YEAR + 1) * DAY
        run(store)

    assert store.read("RJZ", "Patient", sent.writes[0].id) is None


def test_a_message_is_known_again_after_its_bytes_are_gone(store: Store, clock: Clock) -> None:
    sent = discharge("A1")
    first = store.commit(sent)
    clock.now += (YEAR + 1) * DAY
    run(store)

    again = store.repeat("RJZ", sent.message.control_id, sent.message.digest)

    assert again
    assert again.answer.body == first.answer.body
    assert store.commit(sent).repeated


def test_the_answer_to_a_transaction_may_hold_a_patient_and_goes_too(
    store: Store, clock: Clock
) -> None:
    body = b'{"resourceType":"Bundle","type":"transaction-response","entry":[{"resource":{}}]}'
    sent = discharge("A1")
    answer = replace(sent.answer, body=body, headers=(("Location", "x"),))
    store.commit(replace(sent, answer=answer))
    clock.now += (YEAR + 1) * DAY
    run(store)

    again = store.repeat("RJZ", sent.message.control_id, sent.message.digest)

    assert again
    assert again.answer.status == 200
    assert again.answer.headers == ()
    assert b"no longer kept" in again.answer.body


@pytest.mark.parametrize(
    ("deadline", "stays"),
    [
        (Deadline(role="action", due=0, step=Step(name="late", at=1)), "not acknowledged"),
        (Deadline(role="information", due=0, step=Step(name="x", at=1 << 62)), "not acknowledged"),
    ],
    ids=["chased", "nobody answers"],
)
def test_what_is_not_acknowledged_stays_with_all_that_came_after_it(
    store: Store, clock: Clock, deadline: Deadline, stays: str
) -> None:
    store.commit(discharge("A1"))
    kept = discharge("A1", deadline=deadline)
    store.commit(kept)
    store.commit(discharge("A1"))
    clock.now += 9 * YEAR * DAY

    passed = run(store)

    assert numbers(store, "A1") == [2, 3]
    assert store.head("A1").floor == 1
    assert {one.where for one in passed if one.where} == {"A1 2"}
    assert tally(passed)[("message", stays)] == 1
    assert state(store, "A1", "Binary", kept.message.id) == "kept"


def test_what_a_channel_has_not_handed_over_stays(store: Store, clock: Clock) -> None:
    for _ in range(3):
        store.commit(discharge("A1"))
    store.leases.claim("mesh/A1", "me", 60)
    place = store.channels.begin("me", store.channels.place("A1", "mesh"), 1)
    store.channels.sent("me", place, [dispatch("A1", 1), dispatch("A1", 2)])
    store.channels.settle(dispatch("A1", 1), "confirmed")
    clock.now += 9 * YEAR * DAY

    run(store)
    first = numbers(store, "A1")
    store.channels.settle(dispatch("A1", 2), "confirmed")
    run(store)

    assert (first, numbers(store, "A1")) == ([2, 3], [3])


def test_open_dead_letters_stay_and_those_that_were_dealt_with_go(
    store: Store, clock: Clock
) -> None:
    fault = [Issue(severity="error", code="value", text="?")]
    waits, skipped = (store.refuse(message(b"no " + x), fault) for x in (b"1", b"2"))
    store.dead_letters.skip(skipped, "me", "a test")
    clock.now += 9 * YEAR * DAY

    passed = tally(run(store))

    assert passed == {("message", "an open dead letter"): 1, ("message", ""): 1}
    left = {id_: store.dead_letters.get(id_) for id_ in (waits, skipped)}
    assert [one.size for one in left.values() if one] == [4, 0]


def test_a_patient_of_whom_something_is_young_stays_with_everything(
    store: Store, clock: Clock
) -> None:
    sent = discharge("A1")
    store.commit(sent)
    clock.now += (YEAR + 1) * DAY
    patient = sent.writes[0]
    later = write("Encounter", "RJZ", ("patient", f"Patient/{patient.id}"))
    store.update([later])

    gone = tally(run(store))

    assert {what for what, _ in gone} == {"event", "Task", "message"}
    assert store.find("RJZ", "Encounter", ("patient", f"Patient/{patient.id}"))
    assert state(store, "RJZ", "Encounter", sent.writes[1].id) == "kept"


def test_references_that_no_index_has_keep_together_too(store: Store, clock: Clock) -> None:
    scan = write("Binary", "RJZ", media_type="application/pdf", body=b"%PDF")
    attached = [{"attachment": {"url": f"Binary/{scan.id}"}}]
    letter = write("DocumentReference", "RJZ", body=orjson.dumps({"content": attached}))
    replaced = write("DocumentReference", "RJZ", id_=letter.id, prior=1)
    store.update([scan])
    clock.now += (YEAR + 1) * DAY
    store.update([letter])
    store.update([replaced])
    run(store)
    before = state(store, "RJZ", "Binary", scan.id)
    clock.now += (YEAR + 1) * DAY
    run(store)

    assert (before, state(store, "RJZ", "Binary", scan.id)) == ("kept", "gone")


def test_organisations_and_people_of_a_directory_stay(store: Store, clock: Clock) -> None:
    store.update([write("Organization"), write("Practitioner")])
    clock.now += 9 * YEAR * DAY

    assert run(store) == []

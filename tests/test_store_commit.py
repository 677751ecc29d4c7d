"""What one transaction does: all of it or nothing, once, on what was looked up and still holds."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from service.errors import Conflict, ConflictingMessage
from service.model import Instant
from service.store import LAST_UPDATED, Answer, AuditEntry, Stale, Store, open_store
from tests.store_samples import (
    ANSWER,
    NOON,
    Clock,
    body,
    commit,
    delivery,
    expecting,
    message,
    new_id,
    numbers,
    query,
    write,
)

pytest_plugins = ["tests.store_fixtures"]

STAMP = re.compile(rb'"lastUpdated":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"')
MR = ("identifier", "https://fhir.nhs.uk/RJZ/Id/MR|K000001")


def test_every_resource_of_a_commit_carries_the_same_instant(store: Store, clock: Clock) -> None:
    sent = delivery("A1")
    patient = write("Patient")

    receipt = store.commit(commit(writes=(patient,), deliveries=(sent,)))

    stamps = {
        STAMP.search(found.body).group(1)
        for type_, id_ in (
            ("Patient", patient.id),
            ("Communication", sent.communication.id),
            ("Task", sent.task.id),
        )
        if (found := store.read("A1", type_, id_))
    }
    assert stamps == {receipt.updated.isoformat().encode()}
    assert receipt.updated == NOON


def test_only_the_first_placeholder_of_a_body_is_an_instant(store: Store) -> None:
    id_ = new_id()
    quoting = write("Patient", id_=id_, body=body("Patient", id_, text=LAST_UPDATED.decode()))

    store.update([quoting])

    found = store.read("RJZ", "Patient", quoting.id)
    assert found is not None
    assert found.body.count(LAST_UPDATED) == 1
    assert found.body.index(LAST_UPDATED) > found.body.index(b'"text"')


def test_a_binary_is_kept_byte_for_byte(store: Store) -> None:
    content = b"%PDF-1.7 " + LAST_UPDATED
    binary = write("Binary", body=content, media_type="application/pdf")

    store.commit(commit("A1", writes=(binary,)))

    found = store.read("A1", "Binary", binary.id)
    assert found is not None
    assert (found.body, found.media_type) == (content, "application/pdf")


def test_instants_rise_in_a_feed_though_the_clock_stands_still_or_goes_back(
    store: Store, clock: Clock
) -> None:
    given = [store.commit(commit("A1")).updated]
    clock.now = Instant(NOON - 10_000_000)
    given += [store.commit(commit(*to)).updated for to in (["B1", "A1"], ["A1"])]

    assert given == [NOON, NOON + 1, NOON + 2]
    assert store.head("B1").updated == NOON + 1


def test_the_same_id_with_other_bytes_is_a_conflict_and_leaves_nothing(store: Store) -> None:
    first = commit("A1")
    store.commit(first)
    other = message(b"other bytes", control_id=first.message.control_id)

    with pytest.raises(ConflictingMessage):
        store.commit(commit("A1", message=other))
    with pytest.raises(ConflictingMessage):
        store.repeat("RJZ", other.control_id, other.digest)

    assert numbers(store, "A1") == [1]


def test_the_same_id_from_another_sender_is_another_message(store: Store) -> None:
    first = commit("A1")
    store.commit(first)

    theirs = message(first.message.body, "RJ1", first.message.control_id)

    assert not store.commit(commit("A1", sender="RJ1", message=theirs)).repeated


def test_fifty_identical_commits_at_once_make_one_event(store: Store) -> None:
    control_id = new_id()
    start = Barrier(50)

    def post() -> tuple[bool, str, bytes]:
        mine = commit("A1", message=message(control_id=control_id))
        start.wait()
        receipt = store.commit(mine)
        return receipt.repeated, receipt.message_id, receipt.answer.body

    with ThreadPoolExecutor(50) as threads:
        posted = [future.result() for future in [threads.submit(post) for _ in range(50)]]

    assert [repeated for repeated, _, _ in posted].count(False) == 1
    assert len({(id_, answer) for _, id_, answer in posted}) == 1
    assert numbers(store, "A1") == [1]


def test_of_conditional_creates_raced_by_twenty_exactly_one_creates(store: Store) -> None:
    start = Barrier(20)

    def create() -> bool:
        patient = write("Patient", "RJZ", MR)
        mine = commit("A1", writes=(patient,), checks=(expecting("RJZ", "Patient", MR),))
        start.wait()
        try:
            store.commit(mine)
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        created = [future.result() for future in [threads.submit(create) for _ in range(20)]]

    assert created.count(True) == 1
    assert len(store.find("RJZ", "Patient", MR)) == 1
    assert numbers(store, "A1") == [1]


def test_a_check_holds_while_it_finds_what_was_found_before(store: Store) -> None:
    patient = write("Patient", "RJZ", MR)
    store.update([patient])
    theirs = write("Patient", "RJ1", MR)
    store.update([theirs])  # another owner's does not count

    store.commit(commit("A1", checks=(expecting("RJZ", "Patient", MR, [patient.id]),)))

    assert numbers(store, "A1") == [1]


def test_a_check_finds_a_communication_in_a_feed(store: Store) -> None:
    key = ("identifier", "urn:test|1")
    sent = delivery("A1", "RJZ", key)
    store.commit(commit(deliveries=(sent,)))

    assert store.find("RJZ", "Communication", key) == [(sent.communication.id, 1)]
    with pytest.raises(Stale):
        store.commit(commit("A1", checks=(expecting("RJZ", "Communication", key),)))


def test_a_version_that_was_overtaken_is_refused_and_nothing_is_written(store: Store) -> None:
    patient = write("Patient")
    store.commit(commit("A1", writes=(patient,)))
    store.update([write("Patient", id_=patient.id, prior=1)])

    with pytest.raises(Stale):
        store.commit(commit("A1", writes=(write("Patient", id_=patient.id, prior=1),)))
    with pytest.raises(Conflict):
        store.update([write("Patient", id_=patient.id, prior=1)])
    with pytest.raises(Stale):
        store.update([write("Patient", id_=new_id(), prior=1)])

    assert numbers(store, "A1") == [1]
    assert [v.version for v in store.history("RJZ", "Patient", patient.id)] == [2, 1]


def test_an_id_that_is_taken_is_refused(store: Store) -> None:
    patient = write("Patient")
    store.update([patient])
    sent = delivery("A1")
    store.commit(commit(deliveries=(sent,)))

    with pytest.raises(Stale):
        store.update([write("Patient", id_=patient.id)])
    with pytest.raises(Stale):
        store.commit(commit("A1", writes=(write("Patient", id_=patient.id),)))
    with pytest.raises(Stale):
        store.commit(commit(deliveries=(sent,)))

    assert numbers(store, "A1") == [1]


def test_search_keys_follow_the_current_version(store: Store) -> None:
    old, kept, new = ("identifier", "s|old"), ("identifier", "s|kept"), ("identifier", "s|new")
    patient = write("Patient", "RJZ", old, kept, kept)
    store.update([patient])

    store.update([write("Patient", "RJZ", kept, new, id_=patient.id, prior=1)])

    wanted = [("Patient", key) for key in (old, kept, new)]
    assert store.find_many("RJZ", wanted) == [[], [(patient.id, 2)], [(patient.id, 2)]]


def test_a_deleted_resource_says_so_and_is_found_no_more(store: Store) -> None:
    patient = write("Patient", "RJZ", MR)
    store.commit(commit("A1", writes=(patient,)))

    store.update(
        [write("Patient", id_=patient.id, prior=1, deleted=True, body=b"", method="DELETE")]
    )

    gone = store.read("A1", "Patient", patient.id)
    assert gone is not None
    assert (gone.deleted, gone.version, gone.method) == (True, 2, "DELETE")
    assert store.find("RJZ", "Patient", MR) == []
    assert patient.id not in [s.id for s in store.stream("A1", "Patient")]
    assert [(v.version, bool(v.deleted)) for v in store.history("A1", "Patient", patient.id)] == [
        (2, True),
        (1, False),
    ]


def test_acknowledging_moves_communication_and_task_in_one_transaction(store: Store) -> None:
    sent = delivery("A1", patient_id="p1", nhs_number="9990000018")
    store.commit(commit(deliveries=(sent,)))
    task = write("Task", "RJZ", id_=sent.task.id, prior=1)

    with pytest.raises(Stale):
        store.update([task, write("Communication", id_=sent.communication.id, prior=7)])
    assert store.read("A1", "Task", task.id).version == 1
    store.update([task, write("Communication", id_=sent.communication.id, prior=1)])

    assert store.read("A1", "Task", task.id).version == 2
    assert store.read("RJZ", "Communication", sent.communication.id).version == 2
    page = store.feed_of_patient("A1", patient_id="p1", after=0, count=10)
    assert [event.version for event in page.events] == [2]


def test_the_task_of_an_update_is_found_by_last_updated_by_those_among_whom_it_is(
    store: Store,
) -> None:
    sent = delivery("A1")
    receipt = store.commit(commit(deliveries=(sent,)))
    store.commit(commit("A1"))

    given = store.update([write("Task", id_=sent.task.id, prior=1)], among=("A1", "RJZ"))

    assert given > receipt.updated + 1
    found = store.changed("A1", "Task", given - 1, "~")
    assert [(s.id, s.updated) for s in found] == [(sent.task.id, given)]
    assert store.head("A1").updated == given
    assert store.head("A1").n == 2


def test_audit_rows_of_a_write_are_in_its_transaction(database_url: str, store: Store) -> None:
    entry = AuditEntry(at=NOON, client="c", organisation="RJZ", action="create", type="Patient")
    store.commit(commit("A1", audit=(entry,)))
    taken = write("Patient")
    store.update([taken], audit=(entry,))

    with pytest.raises(Stale):
        store.update([taken], audit=(entry, entry))

    assert query(database_url, "SELECT action, type FROM audit") == [("create", "Patient")] * 2


def test_an_answer_keeps_its_status_and_headers(store: Store) -> None:
    answer = Answer(
        status=201,
        media_type="application/fhir+json",
        body=b"{}",
        headers=(("Location", "/fhir/Patient/1"), ("Last-Modified", LAST_UPDATED.decode())),
    )
    sent = commit("A1", answer=answer)

    first = store.commit(sent).answer

    assert first.headers[1] == ("Last-Modified", NOON.isoformat())
    assert store.repeat("RJZ", sent.message.control_id, sent.message.digest).answer == first
    assert store.commit(commit("A1")).answer.body != ANSWER.body


def test_a_store_that_was_closed_in_the_middle_serves_again_when_opened(
    database_url: str, clock: Clock
) -> None:
    with open_store(database_url, clock) as first, open_store(database_url, clock) as second:
        first.commit(commit("A1"))
        second.commit(commit("A1"))
        assert numbers(first, "A1") == numbers(second, "A1") == [1, 2]

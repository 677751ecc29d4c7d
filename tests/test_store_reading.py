"""Reading: what an organisation sent and what is addressed to it, and nothing else."""

from __future__ import annotations

import pytest

from service.errors import Gone
from service.model import Instant
from service.store import END, START, Position, Store
from service.store.feed import LAST
from tests.store_samples import Clock, commit, delivery, message, write

pytest_plugins = ["tests.store_fixtures"]


def ids(found: list) -> list[str]:
    return [stored.id for stored in found]


def test_sender_and_recipients_see_a_message_and_nobody_else_does(store: Store) -> None:
    sent = delivery("A1")
    patient = write("Patient")
    raw = message()
    store.commit(commit(message=raw, writes=(patient,), deliveries=(sent, delivery("B1"))))
    everything = (
        ("Patient", patient.id),
        ("Communication", sent.communication.id),
        ("Task", sent.task.id),
        ("Binary", raw.id),
    )

    seen = {
        who: [what for what, id_ in everything if store.read(who, what, id_)]
        for who in ("RJZ", "A1", "B1", "C1")
    }

    assert seen == {
        "RJZ": ["Patient", "Communication", "Task", "Binary"],
        "A1": ["Patient", "Communication", "Task", "Binary"],
        "B1": ["Patient", "Binary"],
        "C1": [],
    }
    assert store.history("C1", "Patient", patient.id) == []
    assert store.vread("C1", "Patient", patient.id, 1) is None
    assert store.read_many("B1", everything).keys() == {everything[0], everything[3]}


def test_who_sent_a_resource_and_what_brought_it_are_told(store: Store) -> None:
    store.commit(commit("A1"))
    sent, patient, raw = delivery("A1"), write("Patient"), message()
    store.commit(commit(message=raw, writes=(patient,), deliveries=(sent,)))

    for what, id_ in (
        ("Patient", patient.id),
        ("Communication", sent.communication.id),
        ("Binary", raw.id),
    ):
        assert (store.read("A1", what, id_).owner, store.read("A1", what, id_).n) == ("RJZ", 2)
        assert store.read("RJZ", what, id_).n == 0


def test_an_organisation_that_writes_to_itself_has_it_in_its_feed(store: Store) -> None:
    sent = delivery("RJZ")

    store.commit(commit(deliveries=(sent,)))

    assert store.read("RJZ", "Communication", sent.communication.id).n == 1
    assert [event.n for event in store.feed("RJZ", None, 5).events] == [1]


def test_a_patient_known_before_becomes_visible_with_the_message_that_refers_to_it(
    store: Store,
) -> None:
    patient = write("Patient")
    store.commit(commit("A1", writes=(patient,)))

    store.commit(commit("B1", writes=(), shared=(("Patient", patient.id),)))

    assert store.read("B1", "Patient", patient.id).n == 1
    assert store.audience("Patient", patient.id) == ["A1", "B1"]


def test_the_audience_of_a_communication_is_its_recipient(store: Store) -> None:
    sent = delivery("A1")
    store.commit(commit(deliveries=(sent, delivery("B1"))))

    assert store.audience("Communication", sent.communication.id) == ["A1"]
    assert store.audience("Patient", "not-there") == []


def test_a_communication_to_several_is_its_senders_record(store: Store) -> None:
    record = write("Communication", "RJZ", ("identifier", "urn:test|1"))
    store.commit(commit("A1", writes=(record,)))

    assert store.read("RJZ", "Communication", record.id).version == 1
    store.update([write("Communication", "RJZ", id_=record.id, prior=1)])
    assert [v.version for v in store.history("RJZ", "Communication", record.id)] == [2, 1]
    assert record.id in ids(store.stream("RJZ", "Communication"))
    assert [event.n for event in store.feed("A1", None, 5).events] == [1]


def test_versions_are_read_one_by_one_and_by_page(store: Store) -> None:
    patient = write("Patient")
    store.commit(commit("A1", writes=(patient,)))
    for prior in (1, 2, 3):
        store.update([write("Patient", id_=patient.id, prior=prior, method="PUT")])

    versions = [store.vread("A1", "Patient", patient.id, v) for v in (1, 3, 4)]

    assert [v.version for v in versions] == [1, 3, 4]
    assert {v.owner for v in versions} == {"RJZ"}
    assert store.vread("A1", "Patient", patient.id, 9) is None
    pages = [
        [v.version for v in store.history("A1", "Patient", patient.id, count=2, before=before)]
        for before in (None, 3)
    ]
    assert pages == [[4, 3], [2, 1]]


def test_a_stream_goes_through_a_recipients_resources_as_they_were_brought(store: Store) -> None:
    patients = [write("Patient") for _ in range(5)]
    for patient in (patients[2], patients[0], patients[1], patients[4], patients[3]):
        store.commit(commit("A1", writes=(patient,)))
    store.commit(commit("B1"))

    first = store.stream("A1", "Patient", START, 2)
    rest = store.stream("A1", "Patient", Position(first[-1].n, first[-1].id), 10)
    back = store.stream("A1", "Patient", END, 2, descending=True)

    assert ids(first + rest) == [patients[i].id for i in (2, 0, 1, 4, 3)]
    assert [s.n for s in first + rest] == [1, 2, 3, 4, 5]
    assert ids(back) == [patients[3].id, patients[4].id]
    assert store.stream("A1", "Encounter") == []


def test_a_stream_of_communications_holds_what_was_sent_and_what_was_received(
    store: Store,
) -> None:
    there, back = delivery("A1"), delivery("RJZ", "A1")
    store.commit(commit(deliveries=(there,)))
    store.commit(commit(sender="A1", deliveries=(back,)))

    assert ids(store.stream("RJZ", "Communication")) == [
        there.communication.id,
        back.communication.id,
    ]
    assert [s.n for s in store.stream("RJZ", "Communication")] == [0, 1]


@pytest.mark.parametrize("others", [0, 1100])
def test_a_stream_by_key_has_the_same_order_however_many_share_the_key(
    store: Store, others: int
) -> None:
    key = ("status", "requested")
    mine = [write("Task", "RJZ", key) for _ in range(3)]
    store.commit(commit("A1", writes=(mine[1],)))
    store.commit(commit("A1", writes=(mine[0], write("Task"))))
    store.commit(commit("A1", writes=(mine[2],)))
    store.update([write("Task", "RJ1", key) for _ in range(others)])

    found = store.stream("A1", "Task", START, 2, key=key)
    found += store.stream("A1", "Task", Position(found[-1].n, found[-1].id), 2, key=key)

    assert ids(found) == [mine[1].id, mine[0].id, mine[2].id]
    assert ids(store.stream("A1", "Task", END, 1, key=key, descending=True)) == [mine[2].id]


def test_a_seldom_type_is_streamed_without_its_owner_being_asked_for(store: Store) -> None:
    organisation = write("Organization")
    store.commit(commit("A1", writes=(organisation, write("Patient"))))

    assert ids(store.stream("A1", "Organization")) == [organisation.id]
    assert store.stream("B1", "Organization") == []


def test_what_changed_is_found_by_last_updated_either_way(store: Store, clock: Clock) -> None:
    patients = [write("Patient") for _ in range(3)]
    given = []
    for patient in patients:
        clock.now = Instant(clock.now + 1_000_000)
        given.append(store.commit(commit("A1", writes=(patient,))).updated)
    store.update([write("Patient", id_=patients[0].id, prior=1)], among=("A1",))

    rising = store.changed("A1", "Patient", given[0] - 1, "~", 10)
    falling = store.changed("A1", "Patient", 1 << 62, "", 2, descending=True)

    assert ids(rising) == [patients[1].id, patients[2].id, patients[0].id]
    assert ids(falling) == [patients[0].id, patients[2].id]
    assert store.changed("B1", "Patient", 0) == []


def test_a_sender_finds_its_communications_that_changed(store: Store) -> None:
    first, second = delivery("A1"), delivery("B1")
    store.commit(commit(deliveries=(first,)))
    given = store.commit(commit(deliveries=(second,))).updated
    store.update([write("Communication", id_=first.communication.id, prior=1)])

    found = store.changed("RJZ", "Communication", given, "~")

    assert [(s.id, s.version, s.owner) for s in found] == [(first.communication.id, 2, "RJZ")]


def test_a_feed_is_read_backwards_by_last_updated_and_by_patient(store: Store) -> None:
    for patient in ("p1", "p2", "p1"):
        of = delivery("A1", patient_id=patient, nhs_number={"p1": "9990000018"}.get(patient, ""))
        store.commit(commit(deliveries=(of,)))
    stamps = [event.updated for event in store.feed("A1", None, 9).events]

    assert [e.n for e in store.feed_back("A1", None, 2).events] == [3, 2]
    assert [e.n for e in store.feed_back("A1", 2, 2).events] == [1]
    assert [e.n for e in store.feed_since("A1", stamps[0], LAST, 9).events] == [2, 3]
    newest = store.feed_since("A1", LAST, LAST, 2, descending=True)
    assert [e.n for e in newest.events] == [3, 2]
    of_patient = store.feed_of_patient("A1", patient_id="p1", after=1, count=9)
    assert ([e.n for e in of_patient.events], of_patient.head) == ([3], 3)
    by_number = store.feed_of_patient("A1", nhs_number="9990000018", after=0, count=9)
    assert [e.n for e in by_number.events] == [1, 3]
    assert store.feed_of_patient("B1", patient_id="p1", after=0, count=9).events == ()


def test_a_scan_yields_a_stretch_of_the_feed_in_batches(store: Store) -> None:
    for _ in range(9):
        store.commit(commit("A1"))

    assert [e.n for e in store.feed_scan("A1", 2, 7, batch=2)] == [3, 4, 5, 6, 7]
    assert [e.n for e in store.feed_scan("A1", 2, 70, batch=2)] == [3, 4, 5, 6, 7, 8, 9]
    assert list(store.feed_scan("Z1", 0, 5)) == []
    store.forget("A1", 4)
    with pytest.raises(Gone):
        list(store.feed_scan("A1", 2, 7))


def test_a_feed_that_never_got_anything_is_empty(store: Store) -> None:
    page = store.feed("Z1", None, 10)

    assert (page.events, page.head, page.floor) == ((), 0, 0)
    assert store.feed("Z1", 0, 10) == page
    assert (store.head("Z1").n, store.head("Z1").floor) == (0, 0)

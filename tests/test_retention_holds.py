"""Legal holds, and what readers behind a feed's floor are told."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from service.errors import Gone
from service.store import AuditEntry, Hold, Store
from service.store.database import Transaction
from service.store.opening import database
from service.store.retention.retention import DAY
from tests.retention_samples import NHS, SYSTEM, YEAR, discharge, run, state, tally, today
from tests.store_samples import Clock, body, commit, new_id, numbers, query, write

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    """Ids begin with the time that they are made at, so the clock begins with the real one."""
    clock.now = today()


def test_a_reader_behind_the_floor_is_told_however_it_reads(store: Store, clock: Clock) -> None:
    began = clock.now
    for _ in range(3):
        store.commit(discharge("A1", nhs_number=NHS))
        clock.now += 10 * DAY
    store.commit(discharge("A1", nhs_number=NHS))
    clock.now = began + (YEAR + 25) * DAY
    run(store)

    assert store.head("A1").floor == 3
    for behind in (
        lambda: store.feed("A1", 2, 5),
        lambda: store.feed_since("A1", began + 1, 1 << 62, 5),
        lambda: store.feed_of_patient("A1", nhs_number=NHS, after=2, count=5),
    ):
        with pytest.raises(Gone):
            behind()
    assert [e.n for e in store.feed("A1", None, 5).events] == [4]
    assert [e.n for e in store.feed_since("A1", 0, 0, 5).events] == [4]
    assert [e.n for e in store.feed_of_patient("A1", nhs_number=NHS, after=0, count=5).events] == [
        4
    ]


@pytest.mark.parametrize(
    "held", [("patient", NHS), ("team", "A1"), ("team", "RJZ"), ("message", "")]
)
def test_what_is_under_hold_stays_until_it_is_lifted(
    store: Store, clock: Clock, held: tuple[Any, str]
) -> None:
    sent = discharge("A1", nhs_number=NHS, content=b"PID|||999 012 3454")
    store.commit(sent)
    store.commit(commit(sender="RJ1"))
    kind, subject = held
    hold = Hold(id=new_id(), kind=kind, subject=subject or sent.message.id, reason="a claim")
    store.holds.set(hold)
    clock.now += 9 * YEAR * DAY
    passed = tally(run(store))

    seen = [("Communication", sent.deliveries[0].communication.id), ("Binary", sent.message.id)]
    seen += [(one.type, one.id) for one in sent.writes]
    assert [state(store, "A1", *one) for one in seen] == ["kept"] * 4
    assert numbers(store, "A1") == []
    assert passed[("event", "held")] == passed[("message", "held")] == 1
    assert passed[("message", "")] == passed[("Patient", "")] == 1

    store.holds.lift(hold.id, "me", "it was settled")
    run(store)

    assert [state(store, "A1", *one) for one in seen] == ["gone"] * 4


def test_a_hold_on_a_patient_finds_what_was_delivered_to_nobody(store: Store, clock: Clock) -> None:
    sent = discharge(nhs_number=NHS)
    store.commit(sent)
    text = body("Observation", "o", text="seen with her sister, 999 012 3454")
    note, other = write("Observation", body=text, id_="o"), write("Observation")
    store.update([note, other])
    store.holds.set(Hold(id=new_id(), kind="patient", subject=NHS, reason="a claim"))
    clock.now += 9 * YEAR * DAY
    run(store)

    kept = [(one.type, one.id) for one in (*sent.writes, note)]
    assert [state(store, "RJZ", *one) for one in kept] == ["kept"] * 3
    assert state(store, "RJZ", "Binary", sent.message.id) == "kept"
    assert state(store, "RJZ", "Observation", other.id) == "gone"


def test_the_audit_trail_goes_by_its_age_and_stays_while_there_is_any_hold(
    store: Store, clock: Clock, database_url: str
) -> None:
    for days in (0, 2):
        clock.now += days * DAY
        entry = AuditEntry(at=clock.now, client="c", organisation="A1", action="read")
        store.update([], audit=[entry])
    held = store.holds.set(Hold(id=new_id(), kind="team", subject="Z9", reason="a claim"))
    clock.now += (YEAR - 1) * DAY
    dry, kept = tally(run(store, remove=False)), tally(run(store))
    store.holds.lift(held.id, "me", "settled")
    gone = tally(run(store))

    assert dry == kept
    assert (kept, gone) == ({("audit entry", "held"): 1}, {("audit entry", ""): 1})
    assert query(database_url, "SELECT COUNT(*) FROM audit") == [(1,)]


def test_what_a_message_looks_up_at_this_moment_is_not_removed_under_it(
    store: Store, clock: Clock, database_url: str
) -> None:
    sent = discharge(nhs_number=NHS)
    store.commit(sent)
    clock.now += (YEAR + 1) * DAY
    looked, done = threading.Event(), threading.Event()
    name = f"RJZ\nPatient\nidentifier\n{SYSTEM}|{NHS}"

    def look(tx: Transaction) -> None:
        tx.lock_names([name])
        tx.select("SELECT ods FROM recipient", {})()
        looked.set()
        done.wait(10)

    other = database(database_url)
    message = threading.Thread(target=other.write, args=(look,))
    rounds = threading.Thread(target=run, args=(store,))
    message.start()
    looked.wait(10)
    rounds.start()
    rounds.join(0.4)
    during = state(store, "RJZ", "Patient", sent.writes[0].id)
    done.set()
    for one in (message, rounds):
        one.join()
    other.close()

    assert (during, state(store, "RJZ", "Patient", sent.writes[0].id)) == ("kept", "gone")


def test_whom_the_sender_is_not_told_of_is_known_for_as_long_as_the_patient(
    store: Store, clock: Clock, database_url: str
) -> None:
    sent = discharge("A1")
    patient = sent.writes[0].id
    [openly] = sent.deliveries
    hidden = replace(openly, discreet=True)
    store.commit(replace(sent, deliveries=(hidden,)))
    clock.now += (YEAR + 1) * DAY
    store.update([write("Encounter", "RJZ", ("patient", f"Patient/{patient}"))])
    run(store)
    told = store.caseloads.told_discreetly("RJZ", [patient])
    kept = numbers(store, "A1")
    clock.now += (YEAR + 1) * DAY
    dry, gone = tally(run(store, remove=False)), tally(run(store))

    assert (told, kept, store.head("A1").floor) == ({"A1"}, [], 1)
    assert dry == gone
    assert {(one, ""): n for one, n in (("event", 1), ("Task", 1), ("Patient", 1))}.items() <= (
        gone.items()
    )
    for table in ("delivery", "resource", "search_index"):
        assert query(database_url, f"SELECT COUNT(*) FROM {table}") == [(0,)]  # noqa: S608

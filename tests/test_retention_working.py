"""Retention among everything else: others write meanwhile, no statement walks through a table."""

from __future__ import annotations

import re
import threading
import time

from service.model import Instant
from service.retaining import Retaining
from service.store import AuditEntry, Hold, Store, open_store
from service.store.opening import database
from service.store.retention.retention import DAY
from tests.retention_samples import A_YEAR, NHS, YEAR, discharge, run, today
from tests.store_samples import Clock, dispatch, new_id, numbers, query
from tests.test_store_plans import RecordedDatabase, plans_on_postgres, plans_on_sqlite

pytest_plugins = ["tests.store_fixtures"]

OLD, NEW = 100, 30


def later(days: int) -> Instant:
    return Instant(today() + days * DAY)


def test_others_write_while_it_works_and_nobody_waits_long(database_url: str, clock: Clock) -> None:
    clock.now = today()
    with open_store(database_url, clock) as store:
        for _ in range(OLD):
            store.commit(discharge("A1", "B1"))
    clock.now = later(YEAR + 1)
    waited = []
    with open_store(database_url, clock) as other, open_store(database_url, clock) as store:
        keeping = Retaining(store, A_YEAR, clock)
        rounds = threading.Thread(target=lambda: list(keeping.round(threading.Event())))
        rounds.start()
        for _ in range(NEW):
            began = time.monotonic()
            other.commit(discharge("A1"))
            waited.append(time.monotonic() - began)
        rounds.join()

        assert max(waited) < 1
        assert numbers(other, "A1") == list(range(OLD + 1, OLD + NEW + 1))
        assert [other.head(ods).floor for ods in ("A1", "B1")] == [OLD, OLD]
        resources = "SELECT COUNT(*) FROM resource WHERE type <> 'Task'"
        assert query(database_url, resources) == [(2 * NEW,)]


def test_no_statement_of_it_walks_through_a_table(database_url: str, clock: Clock) -> None:
    clock.now = today()
    recorded = RecordedDatabase(database(database_url))
    with Store(recorded, clock) as store:
        sent = discharge("A1", nhs_number=NHS)
        store.commit(sent)
        store.commit(discharge("A1"))
        store.leases.claim("mesh/A1", "me", 60)
        place = store.channels.begin("me", store.channels.place("A1", "mesh"), 1)
        store.channels.sent("me", place, [dispatch("A1"), dispatch("A1", 2)])
        for n in (1, 2):
            store.channels.settle(dispatch("A1", n), "confirmed")
        store.audit([AuditEntry(at=clock.now, client="", organisation="", action="read")])
        patient = Hold(id=new_id(), kind="patient", subject=NHS, reason="x")
        team = Hold(id=new_id(), kind="team", subject="Z1", reason="x")
        recorded.asked.clear()
        for hold in (patient, team):
            store.holds.set(hold)
        clock.now = later(YEAR + 1)
        run(store)
        for hold in (patient, team):
            store.holds.lift(hold.id, "me", "x")
        for days in (YEAR + 1, 2 * (YEAR + 1) + 1):
            clock.now = later(days)
            run(store)
        store.read("A1", "Patient", sent.writes[0].id)
        asked = dict(recorded.asked)
        if database_url.startswith("sqlite"):
            plans = plans_on_sqlite(recorded, asked)
            walk = re.compile(r"SCAN (?!few|hold|recipient|channel)\w+")
        else:
            plans = plans_on_postgres(database_url, asked)
            walk = re.compile(r"Seq Scan on (?!few|hold|setting|recipient|channel)\w+")

    assert len(asked) > 35
    assert not {sql: lines for sql, lines in plans.items() if any(map(walk.search, lines))}

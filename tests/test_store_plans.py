"""How every statement of the store finds its rows, in tables large enough to matter.

A recorder stands between store and database, so that no statement is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest

from service.errors import Issue
from service.store import END, Deadline, Position, Step, Store
from service.store.database import Params, Work, for_sqlite
from service.store.opening import database
from service.store.postgres import steady_plans
from tests.full_tables import BROAD, fill
from tests.store_samples import NOON, commit, delivery, dispatch, expecting, message, write

pytest_plugins = ["tests.store_fixtures"]

NAMED = re.compile(r"(?<!:):(\w+)")
KEY = ("identifier", "s|1")
FEW = "channel|recipient|feed_floor"  # tables with a row an organisation


@dataclass
class RecordedTransaction:
    """A transaction that remembers what it was asked."""

    behind: Any
    asked: dict[str, Params]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)

    def select(self, sql: str, params: Params) -> Any:
        self.asked[sql] = params
        return self.behind.select(sql, params)

    def select_each(self, sql: str, params: Sequence[Params]) -> Any:
        return [self.select(sql, p) for p in params]

    def run(self, sql: str, params: Params) -> None:
        self.asked[sql] = params
        self.behind.run(sql, params)

    def run_each(self, sql: str, params: Sequence[Params]) -> None:
        for p in params:
            self.run(sql, p)


@dataclass
class RecordedDatabase:
    """A database that remembers what it was asked, in transactions too."""

    behind: Any
    asked: dict[str, Params] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)

    def select(self, sql: str, params: Params) -> Any:
        self.asked[sql] = params
        return self.behind.select(sql, params)

    def select_each(self, asked: Sequence[tuple[str, Params]]) -> Any:
        self.asked.update(asked)
        return self.behind.select_each(asked)

    def write(self, work: Work[Any]) -> Any:
        return self.behind.write(lambda tx: work(RecordedTransaction(tx, self.asked)))


def use_everything(store: Store) -> None:
    """Ask the store for all that it can do."""
    patient, sent, raw = write("Patient", "RJZ", KEY), delivery("X1", patient_id="p"), message()
    check = expecting("RJZ", "Patient", KEY), expecting("RJZ", "Communication", KEY)
    posted = commit(message=raw, writes=(patient,), deliveries=(sent,), checks=check)
    store.commit(posted)
    store.repeat("RJZ", raw.control_id, raw.digest)
    changed = [write("Patient", id_=patient.id, prior=1)]
    store.update([*changed, write("Communication", id_=sent.communication.id, prior=1)])
    refused = message(b"?")
    for letter in (refused, replace(refused, id=write("Patient").id)):
        store.refuse(letter, [Issue(severity="error", code="value", text="?")])
    store.commit(commit("X1", message=refused, replay=True))
    store.dead_letters.list()
    store.dead_letters.get(raw.id)
    store.dead_letters.transitions(raw.id)
    store.find("RJZ", "Patient", KEY)
    store.find("RJZ", "Communication", KEY)
    read_everything(store, patient.id)
    follow_everything(store)
    dispatch_everything(store)
    chase_everything(store)
    store.clients.get("c")
    store.clients.sweep()
    store.settings.epoch()
    store.wait("X1", 10**9, 0.01)


def read_everything(store: Store, patient: str) -> None:
    for type_ in ("Patient", "Communication", "Binary"):
        store.read("RJZ", type_, patient)
        for falling in (False, True):
            position = END if falling else Position(5, "")
            store.stream("X1", type_, position, 20, descending=falling)
            for key in (KEY, BROAD):
                store.stream("X1", type_, position, 20, key=key, descending=falling)
            store.changed("X1", type_, NOON + 500, "", 20, descending=falling)
    store.vread("RJZ", "Patient", patient, 1)
    store.history("RJZ", "Patient", patient)
    store.audience("Patient", patient)


def follow_everything(store: Store) -> None:
    store.feed("X1", 500, 20)
    store.feed_back("X1", 500, 20)
    for falling in (False, True):
        store.feed_since("X1", NOON + 500, 0, 20, descending=falling)
    store.feed_of_patient("X1", patient_id="p", after=0, count=20)
    store.head("X1")
    store.forget("X1", 5)


def chase_everything(store: Store) -> None:
    step = Deadline(role="action", due=NOON, step=Step(name="reminder", at=NOON))
    waiting = replace(delivery("X1"), deadline=step)
    store.commit(replace(commit(message=message()), deliveries=(waiting,)))
    [found] = store.deadlines.due(NOON)
    store.deadlines.put_off(found, NOON + 1)
    store.deadlines.late(NOON)
    store.deadlines.get(found.task_id)
    store.deadlines.of_message(found.message_id)
    store.deadlines.of_team("X1", 20)
    store.update([replace(write("Task", id_=found.task_id, prior=1), step=Step())])
    store.leases.is_held("chase")
    list(store.evaluations.to_teams(NOON, NOON + 500, ["X1"]))
    store.evaluations.of_trust(NOON, NOON + 500, "X1")
    store.evaluations.done(NOON, NOON + 500)
    store.evaluations.shortened(NOON)


def dispatch_everything(store: Store) -> None:
    store.leases.claim("mesh/X1", "me", 60)
    store.leases.renew("me", 60)
    place = store.channels.begin("me", store.channels.place("X1", "mesh"), 1)
    store.channels.sent("me", place, [dispatch("X1")])
    store.channels.settle(dispatch("X1"), "confirmed")
    store.channels.resume("X1", "mesh")
    store.channels.places()
    store.channels.waiting("X1", 500, 20)
    store.channels.open("X1", "mesh")
    store.channels.count_open("X1", "mesh")
    store.channels.dispatch("X1", "mesh", 1)
    store.channels.by_message("m")
    store.channels.by_handle("h")
    store.leases.release("me")


@pytest.fixture
def asked(database_url: str, clock: Callable[[], Any]) -> Iterator[tuple[Any, dict[str, Params]]]:
    """A full database, and every statement with parameters that it was asked."""
    recorded = RecordedDatabase(database(database_url))
    fill(recorded)
    if database_url.startswith("postgresql"):
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("ANALYZE")
    with Store(recorded, clock) as store:
        use_everything(store)
        yield recorded, dict(recorded.asked)


def plans_on_sqlite(recorded: Any, statements: dict[str, Params]) -> dict[str, list[str]]:
    return {
        sql: [row[3] for row in recorded.select(f"EXPLAIN QUERY PLAN {for_sqlite(sql)}", params)]
        for sql, params in statements.items()
    }


def plans_on_postgres(url: str, statements: dict[str, Params]) -> dict[str, list[str]]:
    """Plans for any parameters, on a connection as the store has it."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        steady_plans(connection)
        for sql in statements:
            explained = connection.execute(f"EXPLAIN (GENERIC_PLAN) {numbered(sql)}").fetchall()
            found[sql] = [line for (line,) in explained]
    return found


def numbered(sql: str) -> str:
    """The statement with $1, $2 … for :names."""
    names = list(dict.fromkeys(NAMED.findall(sql)))
    return NAMED.sub(lambda match: f"${names.index(match[1]) + 1}", sql)


def test_no_statement_walks_through_a_table(
    database_url: str, asked: tuple[Any, dict[str, Params]]
) -> None:
    recorded, statements = asked
    if database_url.startswith("sqlite"):
        plans = plans_on_sqlite(recorded, statements)
        walk = re.compile(
            r"SCAN (?!found|few|page|channel|recipient|feed_floor)\w+"
        )  # found by index, or few
    else:
        plans = plans_on_postgres(database_url, statements)
        walk = re.compile(rf"Seq Scan on (?!setting|client|used_assertion|transition|{FEW})\w+")

    walking = {sql: lines for sql, lines in plans.items() if any(map(walk.search, lines))}

    assert len(statements) > 45
    assert not walking


def test_no_page_of_a_feed_or_of_a_stream_is_sorted(
    database_url: str, asked: tuple[Any, dict[str, Params]]
) -> None:
    recorded, statements = asked
    pages = {
        sql: p
        for sql, p in statements.items()
        if "LIMIT" in sql and "found" not in sql and "FOR NO KEY" not in sql
    }
    if database_url.startswith("sqlite"):
        plans = plans_on_sqlite(recorded, pages)
    else:
        plans = plans_on_postgres(database_url, pages)

    sorting = {
        sql: lines
        for sql, lines in plans.items()
        if any(re.search(r"USE TEMP B-TREE|\bSort\b", line) for line in lines)
    }

    assert len(pages) > 12
    assert not sorting


def test_a_look_up_by_key_begins_with_the_key(
    database_url: str, asked: tuple[Any, dict[str, Params]]
) -> None:
    recorded, statements = asked
    look_ups = {sql: p for sql, p in statements.items() if "CROSS JOIN" in sql}
    if database_url.startswith("sqlite"):
        plans = plans_on_sqlite(recorded, look_ups)
    else:
        plans = plans_on_postgres(database_url, look_ups)

    others_first = {
        sql: lines
        for sql, lines in plans.items()
        if not re.search(
            r"SEARCH (s|search_index)\b|on search_index\b",
            next(line for line in lines if re.search(r"SEARCH|Scan", line)),
        )
    }

    assert len(look_ups) > 4
    assert not others_first

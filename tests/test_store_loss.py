"""When the database goes away in the middle: told, never half done, and back by itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from service.errors import Unavailable
from service.store import AuditEntry, Store, open_store
from tests.store_samples import NOON, commit, message, numbers, query

pytest_plugins = ["tests.store_fixtures"]

END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def end_all_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(END_ALL)


@pytest.mark.postgres
def test_reads_and_commits_go_on_after_the_server_dropped_every_connection(
    postgres_url: str,
) -> None:
    with open_store(postgres_url) as store:
        store.commit(commit("A1"))
        for _ in range(3):
            end_all_connections(postgres_url)
            assert store.head("A1").n == store.feed("A1", None, 9).head
            end_all_connections(postgres_url)
            store.commit(commit("A1"))

        assert numbers(store, "A1") == [1, 2, 3, 4]


@pytest.mark.postgres
def test_a_sleeping_reader_is_woken_after_the_listening_connection_was_dropped(
    postgres_url: str,
) -> None:
    with open_store(postgres_url) as store, open_store(postgres_url) as other:
        assert not store.wait("A1", 0, 0.1)
        end_all_connections(postgres_url)
        other.commit(commit("A1"))

        assert store.wait("A1", 0, 5)


def test_a_database_that_is_held_by_another_program_is_unavailable_and_nothing_is_written(
    sqlite_url: str,
) -> None:
    sent = commit("A1")
    with open_store(sqlite_url) as store:
        impatient(store)
        holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            store.commit(sent)
        holder.execute("ROLLBACK")
        holder.close()

        assert numbers(store, "A1") == []
        assert store.commit(sent).numbers == {"A1": 1}


def impatient(store: Store) -> None:
    """Let the store's writer wait 50 ms for a lock, not 10 s."""
    store._database.write(lambda tx: tx.run("PRAGMA busy_timeout = 50", {}))


def test_a_full_disk_is_unavailable_and_spoils_nothing(sqlite_url: str) -> None:
    with open_store(sqlite_url) as store:
        store.commit(commit("A1"))
        store._database.write(lambda tx: tx.run("PRAGMA max_page_count = 60", {}))
        with pytest.raises(Unavailable, match="full"):
            store.commit(commit("A1", message=message(b"x" * 400_000)))
        store._database.write(lambda tx: tx.run("PRAGMA max_page_count = 1000000", {}))

        assert store.commit(commit("A1")).numbers == {"A1": 2}
    assert query(sqlite_url, "PRAGMA integrity_check") == [("ok",)]


def test_audit_entries_wait_for_the_database_to_come_back(sqlite_url: str) -> None:
    entry = AuditEntry(at=NOON, client="c", organisation="A1", action="read")
    with open_store(sqlite_url) as store:
        impatient(store)
        holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        store.audit([entry])
        with pytest.raises(Unavailable):
            store._audit.flush()
        holder.execute("ROLLBACK")
        holder.close()

    assert query(sqlite_url, "SELECT COUNT(*) FROM audit") == [(1,)]


def test_a_lock_that_cannot_be_made_is_said_to_be_unavailable(
    sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "relay.db-lock").mkdir()

    with pytest.raises(Unavailable, match="relay"):
        open_store(sqlite_url)

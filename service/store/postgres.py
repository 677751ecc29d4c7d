"""PostgreSQL: a pool of connections, READ COMMITTED, and statements sent several at a time."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, LiteralString

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import ConnectionPool

from service.errors import Unavailable
from service.store.arrays import ARRAYS, Array, register
from service.store.crier import Crier
from service.store.database import Duplicate, Params, Row, Rows, T, Work, for_postgres
from service.store.layout import written

CHANNEL = "discharge_relay_feed"
POOL = 16  # connections a process at most
PATIENCE = 10.0  # seconds to wait for a connection
TRIES = 5  # of a transaction that the database asked to run again

Connection = psycopg.Connection[Row]
Cursor = psycopg.Cursor[Row]


def _configure(connection: Connection) -> None:
    register(connection)
    connection.prepared_max = 256  # more than there are statements
    steady_plans(connection)


def steady_plans(connection: Connection) -> None:
    """Plan each statement once, by index and nested loop: no plan changes as tables grow.

    Every statement here finds few rows by index; what the planner could choose beside that is
    right only for tables that are nearly empty, or for statistics that are out of date.
    """
    for choice in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        connection.execute(f"SET {choice} = off")
    connection.execute("SET plan_cache_mode = force_generic_plan")


@lru_cache(maxsize=512)
def _sql(text: str) -> LiteralString:
    return for_postgres(text)


@lru_cache(maxsize=64)
def _inserts(tables: tuple[tuple[str, bool], ...]) -> LiteralString:
    """Return one statement that inserts any number of rows into each (table, skip known).

    It is prepared once, and costs one round through client and server, not one a table.
    """
    *others, last = [_insert(table, skip_known) for table, skip_known in tables]
    if not others:
        return last
    parts = ", ".join(f"i{number} AS ({insert})" for number, insert in enumerate(others))
    return f"WITH {parts} {last}"


def _insert(table: str, skip_known: bool) -> LiteralString:
    columns = written(table)
    arrays = ", ".join(f"%s::{type_}[]" for type_ in columns.values())
    skip = " ON CONFLICT DO NOTHING" if skip_known else ""
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}){skip}"  # noqa: S608


def _arrays(table: str, rows: Sequence[Row]) -> list[Array]:
    """Return the columns of some rows, each as one parameter."""
    types = written(table).values()
    return [
        ARRAYS[type_].of(column)
        for type_, column in zip(types, zip(*rows, strict=True), strict=True)
    ]


class _Again(Exception):
    """The transaction came to nothing, and may be run again."""


class PostgresTransaction:
    """The statements of one piece of work, queued in the connection's pipeline."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inserts: dict[tuple[str, bool], list[Row]] = {}
        self.wrote = False

    def _execute(self, sql: LiteralString, params: Any) -> Cursor:
        return self._connection.cursor(binary=True).execute(sql, params)

    def select(self, sql: str, params: Params) -> Rows:
        self.flush()
        return self._execute(_sql(sql), params).fetchall

    def select_each(self, sql: str, params: Sequence[Params]) -> list[Rows]:
        return [self.select(sql, p) for p in params]

    def run(self, sql: str, params: Params) -> None:
        self.flush()
        self.wrote = True
        self._execute(_sql(sql), params)

    def run_each(self, sql: str, params: Sequence[Params]) -> None:
        for p in params:
            self.run(sql, p)

    def insert(self, table: str, rows: Sequence[Row], *, skip_known: bool = False) -> None:
        """Keep the rows until the next other statement, or the commit."""
        if rows:
            self._inserts.setdefault((table, skip_known), []).extend(rows)

    def flush(self) -> None:
        """Send the rows that wait."""
        if not self._inserts:
            return
        waiting, self._inserts = self._inserts, {}
        self.wrote = True
        arrays = [array for (table, _), rows in waiting.items() for array in _arrays(table, rows)]
        self._execute(_inserts(tuple(waiting)), arrays)

    def lock_names(self, names: Sequence[str]) -> None:
        numbers = sorted({_number(name) for name in names})
        if numbers:
            sql = "SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) k"
            self._execute(sql, [ARRAYS["bigint"].of(tuple(numbers))])


def _number(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class PostgresDatabase:
    """A server, by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what we raise
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=POOL,
            timeout=PATIENCE,
            num_workers=1,
            kwargs={"autocommit": True, "prepare_threshold": 0},
            configure=_configure,
            open=False,
        )
        self._listener: Connection | None = None
        self._crier = Crier(self._notify)
        self._open()

    def _open(self) -> None:
        """Try once before the pool tries for long, so that a wrong URL is told at once."""
        try:
            psycopg.connect(self._url, connect_timeout=int(PATIENCE)).close()
            self._pool.open(wait=True, timeout=PATIENCE)
        except psycopg.OperationalError as error:
            self._pool.close()
            raise Unavailable("the database cannot be reached") from error

    def select(self, sql: str, params: Params) -> list[Row]:
        return self._again(partial(self._select, _sql(sql), params))

    def _select(self, sql: LiteralString, params: Params) -> list[Row]:
        with self._pool.connection() as connection:
            return connection.cursor(binary=True).execute(sql, params).fetchall()

    def select_each(self, asked: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        return self._again(partial(self._select_each, asked))

    def _select_each(self, asked: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        with self._pool.connection() as connection, connection.pipeline():
            reading = PostgresTransaction(connection)
            rows = [reading.select(sql, params) for sql, params in asked]
            return [fetch() for fetch in rows]

    def _again(self, attempt: Callable[[], T]) -> T:
        """Try once more with sound connections if the first one turns out to be broken."""
        try:
            try:
                return attempt()
            except psycopg.OperationalError:
                self._pool.check()
                return attempt()
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be read") from error

    def write(self, work: Work[T]) -> T:
        for _ in range(TRIES - 1):
            with suppress(_Again):
                return self._write(work)
        try:
            return self._write(work)
        except _Again as error:
            raise Unavailable("the database cannot be written") from error

    def _write(self, work: Work[T]) -> T:
        transaction: PostgresTransaction | None = None
        try:
            with self._pool.connection() as connection:
                transaction = PostgresTransaction(connection)
                return _in_transaction(connection, transaction, work)
        except UniqueViolation as error:
            raise Duplicate from error
        except (DeadlockDetected, SerializationFailure) as error:
            raise _Again from error
        except psycopg.OperationalError as error:
            if transaction and transaction.wrote:  # committed or not: only who asked can tell
                raise Unavailable("the database cannot be written") from error
            self._pool.check()
            raise _Again from error

    def announce(self) -> None:
        self._crier.cry()

    def await_change(self, seconds: float) -> bool:
        try:
            if self._listener is None:
                self._listener = psycopg.connect(self._url, autocommit=True)
                self._listener.execute(f"LISTEN {CHANNEL}")
                return True  # whatever happened before is unknown
            return bool(list(self._listener.notifies(timeout=seconds, stop_after=1)))
        except psycopg.OperationalError:
            self._listener = None
            time.sleep(min(seconds, 1.0))
            return True

    def _notify(self) -> None:
        with suppress(psycopg.OperationalError), self._pool.connection() as connection:
            connection.execute(f"NOTIFY {CHANNEL}")

    def close(self) -> None:
        self._crier.close()
        if self._listener is not None:
            self._listener.close()
        self._pool.close()

    def columns(self) -> dict[str, set[str]]:
        """Return the columns of every table that there is."""
        found: dict[str, set[str]] = {}
        sql = (
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
        )
        for table, column in self.select(sql, {}):
            found.setdefault(table, set()).add(column)
        return found


def _in_transaction(connection: Connection, transaction: PostgresTransaction, work: Work[T]) -> T:
    try:
        with connection.pipeline():
            connection.execute("BEGIN")
            result = work(transaction)
            transaction.flush()
            connection.execute("COMMIT")
    except BaseException:
        if not connection.broken:
            connection.rollback()
        raise
    return result

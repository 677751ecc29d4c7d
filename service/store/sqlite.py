"""SQLite: one writer at a time over all processes, and several messages a transaction.

Threads that want to write queue up; the first in the queue takes the lock beside the database
and writes for everybody who waits by then, so that they share one fsync. Readers never wait.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from service.errors import Unavailable
from service.store.database import Duplicate, Params, Row, Rows, T, Work, for_sqlite
from service.store.filelock import FileLock
from service.store.layout import written
from service.store.turns import Turn, WriteQueue

BUSY_TIMEOUT = 10_000  # milliseconds; only met when another program holds the database
WATCH_INTERVAL = 0.02  # seconds between two looks at the change counter
WAL = "PRAGMA journal_mode = WAL"  # kept in the file; under the lock, since it cannot wait
WRITER_CACHE = "PRAGMA cache_size = -8000"  # kB: the inner pages of every index
_DUPLICATE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT}",
    "PRAGMA synchronous = FULL",  # a commit survives the loss of power
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: tail pages are written back once for many commits
    "PRAGMA journal_size_limit = 67108864",  # bytes kept of a write-ahead log that once grew
)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection as every part of the store uses it. Raises Unavailable."""
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, cached_statements=256, check_same_thread=False
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise Unavailable(f"the database cannot be opened: {error}") from error
    return connection


class SqliteTransaction:
    """The statements of one piece of work, run at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, sql: str, params: Params) -> Rows:
        rows = self._connection.execute(for_sqlite(sql), params).fetchall()
        return lambda: rows

    def select_each(self, sql: str, params: Sequence[Params]) -> list[Rows]:
        return [self.select(sql, p) for p in params]

    def run(self, sql: str, params: Params) -> None:
        self._connection.execute(for_sqlite(sql), params)

    def run_each(self, sql: str, params: Sequence[Params]) -> None:
        self._connection.executemany(for_sqlite(sql), params)

    def insert(self, table: str, rows: Sequence[Row], *, skip_known: bool = False) -> None:
        self._connection.executemany(_INSERT[table, skip_known], rows)

    def lock_names(self, names: Sequence[str]) -> None:
        """Nothing to do: nobody else writes."""


class _Inserts(dict[tuple[str, bool], str]):
    """The INSERT statement of each table, made when it is first needed."""

    def __missing__(self, key: tuple[str, bool]) -> str:
        table, skip_known = key
        columns = written(table)
        marks = ", ".join("?" * len(columns))
        skip = " ON CONFLICT DO NOTHING" if skip_known else ""
        self[key] = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}){skip}"  # noqa: S608
        return self[key]


_INSERT = _Inserts()


class SqliteDatabase:
    """One database file: connections to read, one to write, one to watch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._connections: list[sqlite3.Connection] = []
        self._lock = FileLock(path)
        self._queue = WriteQueue(self._write_all)
        self._writer = self._open_writer()
        self._watcher: sqlite3.Connection | None = None
        self._seen = -1

    def _open(self) -> sqlite3.Connection:
        connection = connect(self._path)
        self._connections.append(connection)
        return connection

    def _open_writer(self) -> sqlite3.Connection:
        try:
            connection = self._open()
            with self._lock:
                connection.execute(WAL)
            connection.execute(WRITER_CACHE)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise Unavailable(f"the database cannot be opened: {error}") from error
            raise
        return connection

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Lend an idle connection, the one used last first: its cache is warm."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the database cannot be read: {error}") from error
        finally:
            self._idle.append(connection)

    def select(self, sql: str, params: Params) -> list[Row]:
        with self._reader() as connection:
            return connection.execute(sql, params).fetchall()

    def select_each(self, asked: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        with self._reader() as connection:
            connection.execute("BEGIN")
            try:
                return [connection.execute(sql, params).fetchall() for sql, params in asked]
            finally:
                connection.execute("COMMIT")

    def write(self, work: Work[T]) -> T:
        return self._queue.run(work)

    def _write_all(self, turns: Callable[[], list[Turn]]) -> None:
        """Run everybody's work in one transaction, under the lock, and tell each how it went."""
        with self._lock:
            batch = turns()
            try:
                self._in_transaction(batch)
            except sqlite3.Error as error:
                for turn in batch:
                    turn.error = Unavailable(f"the database cannot be written: {error}")
            finally:
                if self._writer.in_transaction:
                    with suppress(sqlite3.Error):
                        self._writer.execute("ROLLBACK")

    def _in_transaction(self, batch: list[Turn]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._one(batch[0], ("ROLLBACK", "BEGIN IMMEDIATE"))
        for turn in batch[1:]:
            self._writer.execute("SAVEPOINT one")
            self._one(turn, ("ROLLBACK TO one",))
            self._writer.execute("RELEASE one")
        self._writer.execute("COMMIT")
        for turn in batch:
            turn.durable = True

    def _one(self, turn: Turn, undo: Sequence[str]) -> None:
        """Run one piece of work so that its failure undoes nobody else's."""
        try:
            turn.result = turn.work(SqliteTransaction(self._writer))
        except sqlite3.IntegrityError as error:
            turn.error = Duplicate() if error.sqlite_errorcode in _DUPLICATE else error
        except sqlite3.Error:
            raise  # the disk is full, or worse: nobody's work stands
        except BaseException as error:
            turn.error = error  # raised again by whoever asked
        if turn.error is not None:
            for statement in undo:
                self._writer.execute(statement)

    def announce(self) -> None:
        """Nothing to do: the change counter tells."""

    def await_change(self, seconds: float) -> bool:
        if self._watcher is None:
            self._watcher = self._open()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            (version,) = self._watcher.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                self._seen = version
                return True
            time.sleep(WATCH_INTERVAL)
        return False

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._lock.close()

    def columns(self) -> dict[str, set[str]]:
        """Return the columns of every table that there is."""
        rows: list[Any] = self.select(
            "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
            " WHERE m.type = 'table'",
            {},
        )
        found: dict[str, set[str]] = {}
        for table, column in rows:
            found.setdefault(table, set()).add(column)
        return found

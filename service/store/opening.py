"""Opening a database by its URL, and seeing that it is the one this version needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from service.errors import Unavailable
from service.model import Instant
from service.store.database import Database
from service.store.layout import COLUMNS, REVISION
from service.store.store import Store

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
MIGRATE = "run `discharge-relay migrate`"


class WrongSchema(Unavailable):
    """The database does not have the tables that this version needs."""


def now() -> Instant:
    """Return the system's time."""
    return Instant(time.time_ns() // 1000)


def database(url: str) -> Database:
    """Open the database behind `url`. Raises ValueError for another kind of URL, Unavailable."""
    if url.startswith(SQLITE):
        from service.store.sqlite import SqliteDatabase

        return SqliteDatabase(sqlite_path(url))
    if url.startswith(POSTGRES):
        from service.store.postgres import PostgresDatabase

        return PostgresDatabase(url)
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")


def sqlite_path(url: str) -> Path:
    """Return the file of a SQLite URL."""
    return Path(url.removeprefix(SQLITE))


def open_store(url: str, clock: Callable[[], Instant] = now) -> Store:
    """Open the store behind `url`: sqlite:///path.db or postgresql://user@host/name.

    Raises WrongSchema, which says what to run, and Unavailable.
    """
    opened = database(url)
    try:
        verify(opened)
    except BaseException:
        opened.close()
        raise
    return Store(opened, clock)


def verify(opened: Database) -> None:
    """Compare revision, tables and columns with what the statements use. Raises WrongSchema."""
    found = opened.columns()
    if "alembic_version" not in found:
        raise WrongSchema(f"the database is empty: {MIGRATE}")
    (revision,) = (row[0] for row in opened.select("SELECT version_num FROM alembic_version", {}))
    if revision != REVISION:
        raise WrongSchema(f"the database is at revision {revision}, not {REVISION}: {MIGRATE}")
    missing = [
        f"{table}.{column}"
        for table, columns in COLUMNS.items()
        for column in columns
        if column not in found.get(table, ())
    ]
    if missing:
        raise WrongSchema(f"the database says revision {revision} but lacks {', '.join(missing)}")

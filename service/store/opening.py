"""Opening a database by its URL, and seeing that it is the one this version needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from service.errors import Unavailable
from service.model import Instant
from service.store.database import Database
from service.store.layout import COLUMNS, REVISION
from service.store.store import Store

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
MIGRATE = "run `discharge-relay migrate`"
SchemaState = Literal["empty", "behind", "current", "ahead"]


class WrongSchema(Unavailable):
    """The database does not have the tables that this version needs."""


def now() -> Instant:
    """Return the system's time."""
    return Instant(time.time_ns() // 1000)


def database(url: str) -> Database:
    """Open the database behind `url`. Raises ValueError for another kind of URL, Unavailable.

    A SQLite file that is not there is not made: WrongSchema.
    """
    if url.startswith(SQLITE):
        from service.store.sqlite import SqliteDatabase  # noqa: PLC0415 - one is enough

        if not sqlite_path(url).exists():
            raise WrongSchema(f"there is no database {sqlite_path(url)}: {MIGRATE}")
        return SqliteDatabase(sqlite_path(url))
    if url.startswith(POSTGRES):
        from service.store.postgres import PostgresDatabase  # noqa: PLC0415 - 10 MB a process

        return PostgresDatabase(url)
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")


def sqlite_path(url: str) -> Path:
    """Return the file of a SQLite URL."""
    return Path(url.removeprefix(SQLITE))


def schema_state(url: str) -> SchemaState:
    """Return how a database stands to this version, by its revision alone; changes nothing.

    A SQLite file that is not there is "empty", and is not made. Raises Unavailable.
    """
    try:
        opened = database(url)
    except WrongSchema:
        return "empty"
    try:
        revision = _revision(opened)
    finally:
        opened.close()
    if revision == REVISION:
        return "current"
    return "empty" if not revision else "behind" if revision < REVISION else "ahead"


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
    revision = _revision(opened, found)
    if not revision:
        raise WrongSchema(f"the database is empty: {MIGRATE}")
    if revision > REVISION:
        raise WrongSchema(f"the database is at revision {revision}, newer than this program")
    if revision < REVISION:
        raise WrongSchema(f"the database is at revision {revision}, not {REVISION}: {MIGRATE}")
    missing = [
        f"{table}.{column}"
        for table, columns in COLUMNS.items()
        for column in columns
        if column not in found.get(table, ())
    ]
    if missing:
        raise WrongSchema(f"the database says revision {revision} but lacks {', '.join(missing)}")


def _revision(opened: Database, found: Mapping[str, object] | None = None) -> str:
    """Return the revision, "" if the database was never migrated. They sort as text."""
    if "alembic_version" not in (found or opened.columns()):
        return ""
    rows = opened.select("SELECT version_num FROM alembic_version", {})
    return str(rows[0][0]) if rows else ""

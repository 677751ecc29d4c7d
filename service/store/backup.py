"""Copies of a SQLite database made while it is used, and what follows once one is put back.

After a restore, events that were given out since the backup are gone, and their numbers with
them. A reader that drops repeats by the number would drop the next events, so every feed goes on
behind a gap; and the epoch changes, so that every place in a feed is looked up anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.errors import Conflict, Unavailable
from service.model import Instant
from service.store import feed, rows
from service.store.commit import AuditEntry
from service.store.database import Database, Transaction
from service.store.opening import database, schema_state, sqlite_path
from service.store.settings import EPOCH, PUT, random_epoch
from service.store.sqlite import connect

GAP: Final = 1_000_000  # event numbers: more than are given out between two backups
NOTED: Final = "backup"  # setting: when the last backup was made, in microseconds
_LATEST = "SELECT COALESCE(MAX(updated), 0) FROM recipient"
_LEAP = (
    "UPDATE recipient SET n = n + :gap",
    "UPDATE topic SET n = n + :gap",
    "UPDATE lease SET holder = '', until = 0",
)
_BESIDE: Final = ("-wal", "-shm", "-lock", "-turn")


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What a database is after a restore."""

    epoch: str
    latest: Instant  # of the last event or answer in it; 0: there is none
    replaced: Path | None = None  # where the database is that was there before


def copy_out(url: str, target: Path) -> None:
    """Write a copy of a SQLite database, as it is at one moment; nobody waits for it.

    What was removed is not in it. Raises Conflict if the file is there already, Unavailable.
    """
    if target.exists():
        raise Conflict(f"{target} is there already: a backup overwrites nothing")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # it holds patients and secrets; an empty file may be written to
    try:
        with closing(connect(sqlite_path(url))) as source:
            source.execute("VACUUM INTO ?", (str(part),))
        check(part)
        settle(part, target)
    except sqlite3.Error as error:
        raise Unavailable(f"the backup was not made: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def put_back(copy: Path, url: str, audit: AuditEntry) -> Restored:
    """Put a copy in the place of a SQLite database, which is kept beside it.

    Until the last moment the one that was there stands. Raises Conflict if a process has it
    open or the copy is of no version that can be used, Unavailable if it is damaged.
    """
    path = sqlite_path(url)
    working = path.with_name(f"{path.name}.restoring")
    try:
        restored = _prepared(copy, working, audit)
        replaced = _set_aside(path) if path.exists() else None
        settle(working, path)
    finally:
        for name in ("", *_BESIDE):
            Path(f"{working}{name}").unlink(missing_ok=True)
    return Restored(epoch=restored.epoch, latest=restored.latest, replaced=replaced)


def _prepared(copy: Path, working: Path, audit: AuditEntry) -> Restored:
    """Make a copy of the copy into a database that can be served."""
    check(copy)
    working.unlink(missing_ok=True)
    working.touch(mode=0o600)
    shutil.copyfile(copy, working)
    url = f"sqlite:///{working}"
    if (state := schema_state(url)) in ("empty", "ahead"):
        what = "no database of the relay" if state == "empty" else "of a newer version"
        raise Conflict(f"{copy} is {what}")
    from service.store.migrating import migrate  # noqa: PLC0415 - loads SQLAlchemy

    migrate(url)
    with closing(database(url)) as opened:
        return begin_again(opened, audit)


def _set_aside(path: Path) -> Path:
    """Give the database that is there a second name. Raises Conflict if somebody has it open."""
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        try:  # only the last connection may leave the write-ahead log
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError:
            raise Conflict(f"{path} is in use: stop every process of the relay first") from None
    replaced = path.with_name(f"{path.name}.replaced-{time.strftime('%Y%m%dT%H%M%S')}")
    try:
        os.link(path, replaced)
    except OSError:  # a file system without second names
        shutil.copyfile(path, replaced)
    return replaced


def begin_again(opened: Database, audit: AuditEntry) -> Restored:
    """Make a restored database safe to read on from, whichever way it was restored."""
    [(latest,)] = opened.select(_LATEST, {})
    epoch = random_epoch()

    def work(tx: Transaction) -> None:
        for sql in _LEAP:
            tx.run(sql, {"gap": GAP})
        first = feed.first_number(tx) + GAP
        tx.run(PUT, {"key": feed.FIRST, "value": str(first)})
        tx.run(PUT, {"key": EPOCH, "value": epoch})
        tx.insert("audit", [rows.audit(audit)])

    opened.write(work)
    return Restored(epoch=epoch, latest=Instant(latest))


def check(path: Path) -> None:
    """Look through a database file. Raises Unavailable if it is damaged, or none."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        raise Unavailable(f"{path} is damaged, or no database: {error}") from error
    if found != "ok":
        raise Unavailable(f"{path} is damaged")


def settle(part: Path, target: Path) -> None:
    """Give a file its name once it is on the disk."""
    _flush(part)
    part.replace(target)
    with suppress(OSError):  # some file systems have no directories to flush
        _flush(target.parent)


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

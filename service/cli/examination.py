"""What `doctor` looks at: one function a matter, each yields what it found and what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from service.cli.rules import rules
from service.cli.schema import shown
from service.operating.examination import Finding, Severity, error, examined, holidays, ok

if TYPE_CHECKING:
    from service.delivery.directory import Directory
    from service.settings import Settings
    from service.store import Store

__all__ = ["Finding", "examine"]

_LITTLE: Final = 2_000_000_000  # bytes free on the disk
_TOO_LITTLE: Final = 200_000_000
_SKEW: Final = 2.0  # seconds
_MIGRATE: Final = "discharge-relay migrate"


def database(chosen: Settings) -> Finding:
    """Whether the database is there and has the tables of this version."""
    from service.errors import ServiceError
    from service.store import schema_state

    where = shown(chosen.database)
    try:
        state = schema_state(chosen.database)
    except ServiceError as fault:
        return error("database", f"{where}: {fault.text}", "start it, or mend --database")
    if state == "ahead":
        return error("database", f"{where} is of a newer version", "install that version")
    if state != "current":
        return error("database", f"{where} is {state}: tables are missing", _MIGRATE)
    return ok("database", f"{where} is reachable and at this version's revision")


def disk(chosen: Settings) -> Iterator[Finding]:
    """How much room a SQLite database has to grow."""
    prefix = "sqlite:///"
    if not chosen.database.startswith(prefix):
        return
    from pathlib import Path

    folder = Path(chosen.database.removeprefix(prefix)).resolve().parent
    free = shutil.disk_usage(folder).free
    text = f"{free // 1_000_000} MB are free beside the database"
    todo = "make room: nothing is taken in when the disk is full"
    if free < _LITTLE:
        severity: Severity = "error" if free < _TOO_LITTLE else "warning"
        yield Finding(severity=severity, about="disk", text=text, todo=todo)
    else:
        yield ok("disk", text)


def mappings(chosen: Settings) -> Iterator[Finding]:
    """Whether mappings, directory and rules load."""
    try:
        loaded, _ = rules(chosen.mappings)
    except Exception as fault:
        faults = getattr(fault, "faults", (fault,))
        for one in faults:
            yield error("mappings", str(one), "mend the file; discharge-relay check-mappings")
        return
    yield ok("mappings", f"{len(list(loaded))} mappings, the directory and the rules load")


def clock(chosen: Settings, store: Store, directory: Directory) -> Iterator[Finding]:
    """Whether this machine's clock can be right."""
    newest = max((store.head(entry.ods).updated for entry in directory), default=0)
    ahead = newest / 1_000_000 - time.time()
    off = [_server_ahead(chosen.database), ahead if ahead > _SKEW else 0.0]
    worst = max(off, key=abs)
    if abs(worst) > _SKEW:
        text = f"this machine's clock is {abs(worst):.0f} s from that of the database"
        yield error("clock", text, "set both by NTP: deadlines and tokens depend on it")


def examine(chosen: Settings) -> Iterator[Finding]:
    """Look at everything; without a database or directory that can be read, at what is left."""
    found = database(chosen)
    yield found
    yield from disk(chosen)
    loaded = list(mappings(chosen))
    yield from loaded
    if found.severity == "error" or any(one.severity == "error" for one in loaded):
        yield from holidays()
        return
    from service.cli.examination_keeping import backups, retention
    from service.store import open_store

    directory = rules(chosen.mappings)[1].directory
    with open_store(chosen.database) as store:
        yield from examined(store, directory)
        yield from retention(chosen, store)
        yield from backups(store)
        yield from clock(chosen, store, directory)


def _server_ahead(url: str) -> float:
    """Return by how many seconds the database server's clock is ahead of ours."""
    if url.startswith("sqlite"):
        return 0.0
    from service.store.opening import database as opened

    server = opened(url)
    try:
        [(at,)] = server.select("SELECT extract(epoch FROM clock_timestamp())::float8", {})
    finally:
        server.close()
    return float(at) - time.time()

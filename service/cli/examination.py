"""What `doctor` looks at: one function a matter, each yields what it found and what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from service.cli.rules import rules
from service.cli.schema import shown

if TYPE_CHECKING:
    from service.delivery.directory import Directory
    from service.settings import Settings
    from service.store import Store

Severity = Literal["ok", "warning", "error"]
_LITTLE: Final = 2_000_000_000  # bytes free on the disk
_TOO_LITTLE: Final = 200_000_000
_LOOKED_AT: Final = timedelta(days=1)  # within which somebody should have looked at a dead letter
_SKEW: Final = 2.0  # seconds
_MIGRATE: Final = "discharge-relay migrate"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    severity: Severity
    about: str
    text: str
    todo: str = ""


def database(chosen: Settings) -> Finding:
    """Whether the database is there and has the tables of this version."""
    from service.errors import ServiceError
    from service.store import schema_state

    where = shown(chosen.database)
    try:
        state = schema_state(chosen.database)
    except ServiceError as fault:
        return _error("database", f"{where}: {fault.text}", "start it, or mend --database")
    if state == "ahead":
        return _error("database", f"{where} is of a newer version", "install that version")
    if state != "current":
        return _error("database", f"{where} is {state}: tables are missing", _MIGRATE)
    return _ok("database", f"{where} is reachable and at this version's revision")


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
        yield _ok("disk", text)


def mappings(chosen: Settings) -> Iterator[Finding]:
    """Whether mappings, directory and rules load."""
    try:
        loaded, _ = rules(chosen.mappings)
    except Exception as fault:
        faults = getattr(fault, "faults", (fault,))
        for one in faults:
            yield _error("mappings", str(one), "mend the file; discharge-relay check-mappings")
        return
    yield _ok("mappings", f"{len(list(loaded))} mappings, the directory and the rules load")


def placeholders(store: Store, directory: Directory) -> Iterator[Finding]:
    """Whether somebody is told under a code that is not theirs."""
    told = [e.ods for e in directory.placeholders if store.head(e.ods).n]
    if told:
        text = f"events went to {', '.join(told)}: these codes are placeholders"
        yield _error("directory", text, "enter their real ODS codes in directory.yaml")
    elif rest := len(directory.placeholders):
        text = f"{rest} organisations of directory.yaml have placeholders for codes"
        yield _warning("directory", text, "enter their real ODS codes before they are told")


def readers(store: Store, directory: Directory) -> Iterator[Finding]:
    """Whether those who are told have a client or a channel, and clients have keys."""
    clients = [one for one in store.clients.list() if not one.disabled]
    if not clients:
        yield _warning("clients", "no client is registered", "discharge-relay client add")
    for one in clients:
        if not (one.jwks or one.jwks_url):
            yield _warning("clients", f"{one.id} has no key: it gets no token", "register it anew")
    reading = {one.organisation for one in clients}
    reading |= {place.recipient for place in store.channels.places()}
    for entry in directory:
        n = store.count(entry.ods)
        if n and entry.ods not in reading:
            text = f"{entry.ods} {entry.name} has {n} events, and no client or channel of its own"
            yield _error("feeds", text, "register its client, or give it a channel")


def channels(store: Store) -> Iterator[Finding]:
    """Whether a channel waits for an operator."""
    for place in store.channels.places():
        if place.state == "parked":
            text = f"{place.recipient} is not sent to by {place.channel} any more: {place.reason}"
            todo = f"mend that, then: discharge-relay channels resume {place.recipient} "
            yield _error("channels", text, todo + place.channel)


def acknowledgements(store: Store) -> Iterator[Finding]:
    """Whether somebody is late, and whether anybody chases them."""
    from service.delivery.chase import LEASE

    waiting, late = store.deadlines.count(time.time_ns() // 1000)
    if late:
        text = f"{late} of {waiting} that are asked to act have not acknowledged in time"
        yield _warning("acknowledgements", text, "ring them: discharge-relay late")
    if waiting and not store.leases.is_held(LEASE):
        text = f"{waiting} answers are waited for, and no process reminds anybody"
        yield _error("chase", text, "start discharge-relay serve, or discharge-relay chase")


def dead_letters(store: Store) -> Iterator[Finding]:
    """Whether refused messages lie about."""
    waiting = store.dead_letters.list(count=1000)
    limit = datetime.now(UTC) - _LOOKED_AT
    old = [one for one in waiting if one.received_at.as_datetime() < limit]
    if waiting:
        text = f"{len(waiting)} messages were refused and wait, {len(old)} for more than a day"
        todo = "discharge-relay dead-letters; then replay or skip them"
        severity: Severity = "error" if old else "warning"
        yield Finding(severity=severity, about="dead letters", text=text, todo=todo)


def clock(chosen: Settings, store: Store, directory: Directory) -> Iterator[Finding]:
    """Whether this machine's clock can be right."""
    newest = max((store.head(entry.ods).updated for entry in directory), default=0)
    ahead = newest / 1_000_000 - time.time()
    off = [_server_ahead(chosen.database), ahead if ahead > _SKEW else 0.0]
    worst = max(off, key=abs)
    if abs(worst) > _SKEW:
        text = f"this machine's clock is {abs(worst):.0f} s from that of the database"
        yield _error("clock", text, "set both by NTP: deadlines and tokens depend on it")


def holidays() -> Iterator[Finding]:
    """Whether next year's bank holidays are known."""
    from service.delivery.bank_holidays import known_until

    if known_until() <= datetime.now(UTC).year:
        text = f"bank holidays are known up to {known_until()}"
        todo = "install a newer govuk-bank-holidays: deadlines come a day early until then"
        yield _warning("bank holidays", text, todo)


def examine(chosen: Settings) -> Iterator[Finding]:
    """Look at everything; without a database or directory that can be read, at what is left."""
    found = database(chosen)
    yield found
    yield from disk(chosen)
    loaded = list(mappings(chosen))
    yield from loaded
    yield from holidays()
    if found.severity == "error" or any(one.severity == "error" for one in loaded):
        return
    from service.cli.examination_keeping import backups, retention
    from service.store import open_store

    directory = rules(chosen.mappings)[1].directory
    with open_store(chosen.database) as store:
        looks: tuple[Callable[[], Iterator[Finding]], ...] = (
            lambda: placeholders(store, directory),
            lambda: readers(store, directory),
            lambda: channels(store),
            lambda: acknowledgements(store),
            lambda: dead_letters(store),
            lambda: retention(chosen, store),
            lambda: backups(store),
            lambda: clock(chosen, store, directory),
        )
        for look in looks:
            yield from look()


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


def _ok(about: str, text: str) -> Finding:
    return Finding(severity="ok", about=about, text=text)


def _warning(about: str, text: str, todo: str) -> Finding:
    return Finding(severity="warning", about=about, text=text, todo=todo)


def _error(about: str, text: str, todo: str) -> Finding:
    return Finding(severity="error", about=about, text=text, todo=todo)

"""What is looked at in a running relay: each look yields what it found, and what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from service.delivery.bank_holidays import known_until
from service.delivery.chase import LEASE
from service.delivery.directory import Directory
from service.operating.channels import Channels
from service.store import Store

Severity = Literal["ok", "warning", "error"]
_LOOKED_AT: Final = timedelta(days=1)  # within which somebody should have looked at a dead letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    severity: Severity
    about: str
    text: str
    todo: str = ""


def ok(about: str, text: str) -> Finding:
    """Return that something is well."""
    return Finding(severity="ok", about=about, text=text)


def warning(about: str, text: str, todo: str) -> Finding:
    """Return that somebody should look."""
    return Finding(severity="warning", about=about, text=text, todo=todo)


def error(about: str, text: str, todo: str) -> Finding:
    """Return that somebody must act."""
    return Finding(severity="error", about=about, text=text, todo=todo)


def placeholders(store: Store, directory: Directory) -> Iterator[Finding]:
    """Whether somebody is told under a code that is not theirs."""
    told = [e.ods for e in directory.placeholders if store.head(e.ods).n]
    if told:
        text = f"events went to {', '.join(told)}: these codes are placeholders"
        yield error("directory", text, "enter their real ODS codes in directory.yaml")
    elif rest := len(directory.placeholders):
        text = f"{rest} organisations of directory.yaml have placeholders for codes"
        yield warning("directory", text, "enter their real ODS codes before they are told")


def readers(store: Store, directory: Directory) -> Iterator[Finding]:
    """Whether those who are told have a client or a channel, and clients have keys."""
    clients = [one for one in store.clients.list() if not one.disabled]
    if not clients:
        yield warning("clients", "no client is registered", "discharge-relay client add")
    for one in clients:
        if not (one.jwks or one.jwks_url):
            yield warning("clients", f"{one.id} has no key: it gets no token", "register it anew")
    reading = {one.organisation for one in clients}
    reading |= {place.recipient for place in store.channels.places()}
    for entry in directory:
        n = store.count(entry.ods)
        if n and entry.ods not in reading:
            text = f"{entry.ods} {entry.name} has {n} events, and no client or channel of its own"
            yield error("feeds", text, "register its client, or give it a channel")


def channels(store: Store) -> Iterator[Finding]:
    """Whether a channel or subscription waits for somebody."""
    for one in Channels(store).standing():
        if one.is_stuck:
            place = one.place
            text = f"{place.recipient} is not sent to by {place.channel} any more: {one.reason}"
            todo = f"mend that, then: discharge-relay channels resume {place.recipient} "
            todo += place.channel
            if one.state == "off":  # which no operator can turn on again
                todo = "its owner mends that and asks for the subscription again by PUT"
            yield error("channels", text, todo)


def acknowledgements(store: Store) -> Iterator[Finding]:
    """Whether somebody is late, and whether anybody chases them."""
    waiting, late = store.deadlines.count(time.time_ns() // 1000)
    if late:
        text = f"{late} of {waiting} that are asked to act have not acknowledged in time"
        yield warning("acknowledgements", text, "ring them: discharge-relay late")
    if waiting and not store.leases.is_held(LEASE):
        text = f"{waiting} answers are waited for, and no process reminds anybody"
        yield error("chase", text, "start discharge-relay serve, or discharge-relay chase")


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


def holidays() -> Iterator[Finding]:
    """Whether next year's bank holidays are known."""
    if known_until() <= datetime.now(UTC).year:
        text = f"bank holidays are known up to {known_until()}"
        todo = "install a newer govuk-bank-holidays: deadlines come a day early until then"
        yield warning("bank holidays", text, todo)


def examined(store: Store, directory: Directory) -> Iterator[Finding]:
    """Look at everything that a running relay sees of itself."""
    yield from placeholders(store, directory)
    yield from readers(store, directory)
    yield from channels(store)
    yield from acknowledgements(store)
    yield from dead_letters(store)
    yield from holidays()

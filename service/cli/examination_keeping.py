"""What `doctor` looks at of retention and backups."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from service.cli.retain import keep_of
from service.operating.examination import Finding

if TYPE_CHECKING:
    from service.settings import Settings
    from service.store import Store

_DAY: Final = 86_400_000_000  # microseconds
_ROUND: Final = 2  # days within which there should have been a round
_BACKUP: Final = 7  # days after which a backup is old


def retention(chosen: Settings, store: Store) -> Iterator[Finding]:
    """Whether what is configured is done."""
    from service.retaining import last_round

    if keep_of(chosen).everything:
        return
    last = last_round(store)
    day = last.at.isoformat()[:10] if last else ""
    if last is None or _days_since(last.at) > _ROUND:
        text = "retention is configured, and was " + (f"done last on {day}" if last else "not done")
        todo = "start discharge-relay serve, or discharge-relay retain --remove"
        yield Finding(severity="warning", about="retention", text=text, todo=todo)
    else:
        yield Finding(severity="ok", about="retention", text=f"old things were removed on {day}")


def backups(store: Store) -> Iterator[Finding]:
    """When the last backup was made, as far as it was noted."""
    from service.model import Instant
    from service.store.backup import NOTED

    noted = store.settings.get(NOTED)
    if noted is None:
        text, todo = "no backup was noted", "discharge-relay backup; after pg_dump: --noted"
        yield Finding(severity="ok", about="backup", text=text, todo=todo)
        return
    text = f"the last backup that was noted is of {Instant(int(noted)).isoformat()[:10]}"
    if _days_since(int(noted)) > _BACKUP:
        todo = "make one: discharge-relay backup"
        yield Finding(severity="warning", about="backup", text=text, todo=todo)
    else:
        yield Finding(severity="ok", about="backup", text=text)


def _days_since(instant: int) -> float:
    return (time.time_ns() // 1000 - instant) / _DAY

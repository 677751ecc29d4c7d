"""The audit trail as it lies in the database, read past the store."""

from __future__ import annotations

import time

from tests.store_samples import query

PATIENCE = 5.0  # seconds; entries of reads are written a moment later


def audited(url: str, action: str, *, count: int = 1) -> list[tuple[str, str, str, str, str]]:
    """Return (client, organisation, type, subject, outcome) of an action, oldest first.

    Waits until there are `count` of them.
    """
    statement = (
        "SELECT client, organisation, type, subject, outcome FROM audit"  # noqa: S608  # a test's own
        f" WHERE action = '{action}' ORDER BY at"
    )
    until = time.monotonic() + PATIENCE
    while len(found := query(url, statement)) < count and time.monotonic() < until:
        time.sleep(0.02)
    return [tuple(row) for row in found]

"""What a database holds, read past the store: for checks that must not trust it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg

CURRENT = (
    "SELECT body FROM delivery",
    "SELECT body FROM resource WHERE media_type = '' AND NOT deleted",
    "SELECT body FROM resource_history WHERE method <> 'DELETE' AND type <> 'Binary'",
)


def stored_resources(url: str) -> Iterator[dict[str, Any]]:
    """Yield every version of every FHIR resource in a database."""
    path = url.removeprefix("sqlite:///")
    connection: Any = sqlite3.connect(path) if path != url else psycopg.connect(url)
    with closing(connection):
        for statement in CURRENT:
            for (body,) in connection.execute(statement).fetchall():
                yield json.loads(bytes(body))

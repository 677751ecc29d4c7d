"""What the installation keeps about itself: the token secret, the epoch of its feeds."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from service.store.database import Database, Row, Transaction

GET = "SELECT value FROM setting WHERE key = :key"
PUT = """
    INSERT INTO setting (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value"""
EPOCH = "epoch"


class StoredSettings:
    """Values by key, the same for every process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """Return a value, None if it was never put."""
        found = self._database.select(GET, {"key": key})
        return str(found[0][0]) if found else None

    def put(self, key: str, value: str) -> None:
        """Set a value."""
        self._database.write(lambda tx: tx.run(PUT, {"key": key, "value": value}))

    def once(self, key: str, make: Callable[[], str]) -> str:
        """Return the value, made by whoever is first and the same for all."""
        while (value := self.get(key)) is None:
            row = (key, make())
            self._database.write(partial(_insert, row))
        return value

    def epoch(self) -> str:
        """Return the epoch of the feeds: cursors of another one are refused with 410."""
        return self.once(EPOCH, random_epoch)

    def new_epoch(self) -> str:
        """Begin a new epoch, after a restore from backup; return it."""
        epoch = random_epoch()
        self.put(EPOCH, epoch)
        return epoch


def random_epoch() -> str:
    """Return an epoch that never was."""
    return secrets.token_hex(8)


def _insert(row: Row, tx: Transaction) -> None:
    tx.insert("setting", [row], skip_known=True)

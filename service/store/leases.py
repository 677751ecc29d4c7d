"""Leases: what only one process at a time may do, until it lets go or is not heard of."""

from __future__ import annotations

from collections.abc import Callable

from service.model import Instant
from service.store.database import Database, Transaction

LOCK = "SELECT holder, until FROM lease WHERE name = :name FOR NO KEY UPDATE"
HELD = "SELECT holder FROM lease WHERE name = :name AND holder <> '' AND until > :now"
TAKE = "UPDATE lease SET holder = :holder, until = :until WHERE name = :name"
RENEW = "UPDATE lease SET until = :until WHERE holder = :holder"
RELEASE = "UPDATE lease SET holder = '', until = 0 WHERE holder = :holder"


class LeaseLost(Exception):
    """Another process does this now."""


class Leases:
    """Named leases; a holder is whoever asks, by an id of its own."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database = database
        self._clock = clock

    def claim(self, name: str, holder: str, seconds: float) -> bool:
        """Take a lease, or keep it; False while another holds it."""
        return self._database.write(lambda tx: self._claim(tx, name, holder, seconds))

    def _claim(self, tx: Transaction, name: str, holder: str, seconds: float) -> bool:
        tx.insert("lease", [(name, "", 0)], skip_known=True)
        [(known, until)] = tx.select(LOCK, {"name": name})()
        now = self._clock()
        if known not in ("", holder) and until > now:
            return False
        tx.run(TAKE, {"name": name, "holder": holder, "until": _later(now, seconds)})
        return True

    def is_held(self, name: str) -> bool:
        """Whether somebody has a lease that has not run out."""
        found = self._database.select(HELD, {"name": name, "now": self._clock()})
        return bool(found)

    def renew(self, holder: str, seconds: float) -> None:
        """Keep every lease of a holder."""
        params = {"holder": holder, "until": _later(self._clock(), seconds)}
        self._database.write(lambda tx: tx.run(RENEW, params))

    def release(self, holder: str) -> None:
        """Let go of every lease of a holder."""
        self._database.write(lambda tx: tx.run(RELEASE, {"holder": holder}))


def require(tx: Transaction, name: str, holder: str) -> None:
    """Raise LeaseLost unless `holder` still has the lease; nobody can take it until the commit.

    One that ran out is still had until another takes it.
    """
    if not any(known == holder for known, _ in tx.select(LOCK, {"name": name})()):
        raise LeaseLost(name)


def _later(now: Instant, seconds: float) -> int:
    return now + int(seconds * 1_000_000)

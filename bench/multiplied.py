"""A database with as much in it as years bring: what some messages left, many times over.

Each copy has ids, numbers, times and keys of its own, where new ones would stand. What bodies say
is not changed: nothing that is measured looks into them. SQLite only.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

_FAST: Final = "PRAGMA synchronous=OFF; PRAGMA cache_size=-2000000"
_ID_BYTES: Final = 36  # of a UUID as text
_MANY: Final = 50  # rows under a key: it stands for something that all messages have
# How a copy's columns differ, with :k the copy's number, :n and :t what one copy holds of each
_NUMBER, _TIME = "{0} + :k * :n", "{0} + :k * :t"
_ID: Final = (
    f"CASE LENGTH({{0}}) WHEN {_ID_BYTES} THEN PRINTF('%08x', :k) || SUBSTR({{0}}, 9)"
    " ELSE {0} END"
)
_CHANGED: Final[dict[str, dict[str, str]]] = {
    "message": {"id": _ID, "control_id": "{0} || :k"},
    "resource": {"id": _ID, "message_id": _ID, "updated": _TIME},
    "delivery": {
        **dict.fromkeys(("communication_id", "message_id", "patient_id"), _ID),
        **dict.fromkeys(("ts", "updated"), _TIME),
        "n": _NUMBER,
    },
    "visible": {"id": _ID, "n": _NUMBER},
    "deadline": {
        **dict.fromkeys(("task_id", "message_id", "communication_id", "chase"), _ID),
        "n": _NUMBER,
    },
    "occurrence": {
        **dict.fromkeys(("id", "message_id", "patient_id"), _ID),
        "at": _TIME,
        "place": "MOVED({0}, 0, :k)",
    },
    "audit": {"seq": "NULL", "subject": _ID, "request_id": _ID},
    "search_index": {"place": "MOVED({0}, what, :k)", "id": _ID},
}


def multiply(path: Path, times: int) -> None:
    """Make `times` as many messages of those that are there, all to one recipient."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(_FAST)
        db.create_function("MOVED", 3, _mover(db), deterministic=True)
        for table in _CHANGED:
            db.execute(f"CREATE TEMP TABLE base_{table} AS SELECT * FROM {table}")  # noqa: S608
        (n, begun, ended) = db.execute("SELECT COUNT(*), MIN(ts), MAX(ts) FROM delivery").fetchone()
        one = {"n": n, "t": ended - begun + 1}
        for table in _CHANGED:
            _copy(db, table, ({**one, "k": k} for k in range(1, times)))
        counted = "UPDATE recipient SET n = :n * :k, updated = updated + :t * (:k - 1) WHERE n = :n"
        db.execute(counted, {**one, "k": times})
        db.execute("ANALYZE")


def _copy(db: sqlite3.Connection, table: str, copies: Iterator[dict[str, int]]) -> None:
    columns = [one[1] for one in db.execute(f"PRAGMA table_info({table})")]
    changed = [_CHANGED[table].get(column, "{0}").format(column) for column in columns]
    sql = f"INSERT INTO {table} SELECT {', '.join(changed)} FROM base_{table} ORDER BY 1, 2"  # noqa: S608
    db.execute("BEGIN")
    for copy in copies:
        db.execute(sql, copy)
    db.execute("COMMIT")


def _mover(db: sqlite3.Connection) -> Any:
    """Return what says where a copy's key stands: elsewhere, unless it is the same for many."""
    sql = "SELECT place, what FROM search_index GROUP BY place, what HAVING COUNT(*) > ?"
    common = set(db.execute(sql, (_MANY,)))

    def moved(place: bytes, what: int, copy: int) -> bytes:
        if (place, what) in common:
            return place
        return hashlib.blake2b(place + copy.to_bytes(4, "big"), digest_size=len(place)).digest()

    return moved

"""Looking up by search key: which resources an organisation already has."""

from __future__ import annotations

from collections.abc import Sequence

from service.store.commit import Key
from service.store.database import Database, Params, Rows, Transaction
from service.store.keys import search_key

# CROSS JOIN: SQLite looks up the key first, and does not walk through all that the owner has.
FIND = """
    SELECT r.id AS id, r.version AS version FROM search_index s CROSS JOIN resource r
    WHERE s.place = :place AND s.what = :what
        AND r.id = s.id AND r.type = :type AND r.owner = :owner
    ORDER BY s.id"""
FIND_COMMUNICATION = f"""{FIND.replace("ORDER BY s.id", "UNION ALL")}
    SELECT d.communication_id, d.version FROM search_index s CROSS JOIN delivery d
    WHERE s.place = :place AND s.what = :what AND d.communication_id = s.id AND d.sender = :owner
    ORDER BY id"""  # noqa: S608


def _asked(owner: str, type_: str, key: Key) -> tuple[str, Params]:
    sql = FIND_COMMUNICATION if type_ == "Communication" else FIND
    return sql, {"owner": owner, "type": type_, **search_key(type_, *key)._asdict()}


def find_rows(tx: Transaction, owner: str, type_: str, key: Key) -> Rows:
    """Ask for (id, version) within a transaction."""
    return tx.select(*_asked(owner, type_, key))


def find(database: Database, owner: str, type_: str, key: Key) -> list[tuple[str, int]]:
    """Return (id, version), by rising id."""
    return [(id_, version) for id_, version in database.select(*_asked(owner, type_, key))]


def find_many(
    database: Database, owner: str, wanted: Sequence[tuple[str, Key]]
) -> list[list[tuple[str, int]]]:
    """Return what `find` gives for each (type, key)."""
    found = database.select_each([_asked(owner, type_, key) for type_, key in wanted])
    return [[(id_, version) for id_, version in rows] for rows in found]

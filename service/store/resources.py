"""Reading resources: what an organisation may see, and nothing of what it may not.

`visible` is part of every statement here. Where a resource lives depends on its type: a
Communication in a feed or, with several recipients, among the resources; a Binary among the
resources or as the bytes of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.store.commit import Key, Reference
from service.store.database import Database, Params
from service.store.records import Position, Stored
from service.store.rows import BY_TYPE, SELDOM, indexed

_PLAIN = (
    "r.version, r.updated, r.deleted, r.media_type, r.body, v.n, r.method, r.owner",
    "JOIN resource r ON r.id = v.id AND r.type = v.type",
    "NOT r.deleted",
)
_COMMUNICATION = (
    "COALESCE(d.version, r.version), COALESCE(d.updated, r.updated), COALESCE(r.deleted, FALSE),"
    " '', COALESCE(d.body, r.body), v.n, COALESCE(d.method, r.method),"
    " COALESCE(d.sender, r.owner)",
    "LEFT JOIN delivery d ON d.communication_id = v.id"
    " LEFT JOIN resource r ON r.id = v.id AND r.type = v.type",
    "(d.n IS NOT NULL OR NOT r.deleted)",
)
_BINARY = (
    "COALESCE(r.version, 1), COALESCE(r.updated, m.received_at), COALESCE(r.deleted, FALSE),"
    " COALESCE(r.media_type, m.media_type), COALESCE(r.body, m.body), v.n,"
    " COALESCE(r.method, 'POST'), COALESCE(r.owner, m.sender)",
    "LEFT JOIN message m ON m.id = v.id LEFT JOIN resource r ON r.id = v.id AND r.type = v.type",
    "(m.id IS NOT NULL OR NOT r.deleted)",
)
_KINDS = {"Communication": _COMMUNICATION, "Binary": _BINARY}

_READ = """
    SELECT v.type, v.id, {columns} FROM visible v {joins}
    WHERE v.organisation = :organisation AND v.id = :id AND v.type = :type"""
_STREAM = """
    SELECT v.type, v.id, {columns} FROM visible v {joins}
    WHERE v.organisation = :organisation AND (v.n, v.id) {beyond} (:n, :after)
        AND v.type = :type AND {kept}
    ORDER BY v.n {order}, v.id {order} LIMIT :count"""
_FEW = 1000  # resources under a key that are sorted; of more, the organisation's own are walked
COUNT_KEYED = f"""
    SELECT COUNT(*) FROM (SELECT 1 FROM search_index
        WHERE value = :value AND type = :type AND param = :param LIMIT {_FEW}) few"""  # noqa: S608
_FILTERED = _STREAM.replace(
    "AND {kept}",
    """AND (SELECT 1 FROM search_index s WHERE s.value = :value AND s.id = v.id
            AND s.type = :type AND s.param = :param) IS NOT NULL
        AND {kept}""",
)
_KEYED = """
    WITH found AS MATERIALIZED (
        SELECT id, type FROM search_index
        WHERE value = :value AND type = :type AND param = :param)
    SELECT v.type, v.id, {columns}
    FROM found CROSS JOIN visible v {joins}
    WHERE v.organisation = :organisation AND v.id = found.id AND v.type = found.type
        AND (v.n, v.id) {beyond} (:n, :after) AND {kept}
    ORDER BY v.n {order}, v.id {order} LIMIT :count"""
VERSION = """
    SELECT h.type, h.id, h.version, h.updated, h.deleted, h.media_type, h.body, v.n, h.method
    FROM visible v JOIN resource_history h ON h.id = v.id AND h.type = v.type
    WHERE v.organisation = :organisation AND v.id = :id AND v.type = :type
        AND h.version = :version"""
VERSIONS = """
    SELECT h.type, h.id, h.version, h.updated, h.deleted, h.media_type, h.body, v.n, h.method
    FROM visible v JOIN resource_history h ON h.id = v.id AND h.type = v.type
    WHERE v.organisation = :organisation AND v.id = :id AND v.type = :type
        AND h.version < :before
    ORDER BY h.version DESC LIMIT :count"""
_CHANGED = """
    SELECT r.type, r.id, r.version, r.updated, r.deleted, r.media_type, r.body, v.n, r.method,
        r.owner
    FROM resource r CROSS JOIN visible v
    WHERE (r.updated, r.id) {beyond} (:since, :after) AND r.type = :type
        AND v.organisation = :organisation AND v.id = r.id AND v.type = r.type
    ORDER BY r.updated {order}, r.id {order} LIMIT :count"""
_CHANGED_SENT = """
    SELECT 'Communication', communication_id, version, updated, FALSE, '', body, 0, method, sender
    FROM delivery
    WHERE sender = :organisation AND (updated, communication_id) {beyond} (:since, :after)
    ORDER BY updated {order}, communication_id {order} LIMIT :count"""
AUDIENCE = """
    SELECT v.organisation FROM visible v
        LEFT JOIN resource r ON r.id = v.id AND r.type = v.type
        LEFT JOIN delivery d ON d.communication_id = v.id
    WHERE v.id = :id AND v.type = :type AND v.organisation <> COALESCE(d.sender, r.owner, '')
    ORDER BY v.organisation"""


def _statement(template: str, type_: str, *, descending: bool = False) -> str:
    columns, joins, kept = _KINDS.get(type_, _PLAIN)
    beyond, order = ("<", "DESC") if descending else (">", "ASC")
    return template.format(columns=columns, joins=joins, kept=kept, beyond=beyond, order=order)


class Statements(dict[tuple[str, str, bool], str]):
    """A statement a (template, type, descending), made when it is first needed."""

    def __missing__(self, key: tuple[str, str, bool]) -> str:
        template, type_, descending = key
        self[key] = _statement(template, type_, descending=descending)
        return self[key]


_KIND_STATEMENTS = Statements()


def statement(template: str, type_: str, descending: bool = False) -> str:
    """Return the statement for this type of resource."""
    kind = type_ if type_ in _KINDS else ""
    return _KIND_STATEMENTS[template, kind, descending]


def read(database: Database, organisation: str, type_: str, id_: str) -> Stored | None:
    """Return the current version."""
    rows = database.select(
        statement(_READ, type_), {"organisation": organisation, "type": type_, "id": id_}
    )
    return Stored(*rows[0]) if rows and rows[0][2] is not None else None


def read_many(
    database: Database, organisation: str, references: Sequence[Reference]
) -> dict[Reference, Stored]:
    """Return the current versions of those that are visible."""
    asked = [
        (statement(_READ, t), {"organisation": organisation, "type": t, "id": i})
        for t, i in dict.fromkeys(references)
    ]
    found = [Stored(*row) for rows in database.select_each(asked) for row in rows if row[2]]
    return {(stored.type, stored.id): stored for stored in found}


def vread(
    database: Database, organisation: str, type_: str, id_: str, version: int
) -> Stored | None:
    """Return one version."""
    current = read(database, organisation, type_, id_)
    if current is None or current.version == version:
        return current
    params = {"organisation": organisation, "type": type_, "id": id_, "version": version}
    rows = database.select(VERSION, params)
    return Stored._make((*rows[0], current.owner)) if rows else None


def history(
    database: Database,
    organisation: str,
    type_: str,
    id_: str,
    *,
    count: int,
    before: int | None,
) -> list[Stored]:
    """Return versions below `before`, newest first.

    The current one is read first, so that an update in between shows twice to nobody.
    """
    current = read(database, organisation, type_, id_)
    if current is None:
        return []
    shown = [current] if before is None or current.version < before else []
    params = {
        "organisation": organisation,
        "type": type_,
        "id": id_,
        "before": current.version if shown else before,
        "count": count - len(shown),
    }
    return shown + [
        Stored._make((*row, current.owner)) for row in database.select(VERSIONS, params)
    ]


def stream(
    database: Database,
    organisation: str,
    type_: str,
    position: Position,
    *,
    count: int,
    key: Key | None,
    descending: bool,
) -> list[Stored]:
    """Return visible resources beyond a position; the seldom types are found by their key."""
    if key is None and type_ in SELDOM:
        key = (BY_TYPE, type_)
    params: dict[str, Any] = {"organisation": organisation, "type": type_, "count": count}
    params |= {"n": position.n, "after": position.id}
    template = _STREAM
    if key is not None:
        params |= {"param": key[0], "value": indexed(key[1])}
        template = _KEYED if _few(database, params) else _FILTERED
    rows = database.select(statement(template, type_, descending), params)
    return [Stored(*row) for row in rows]


def _few(database: Database, params: Params) -> bool:
    return bool(database.select(COUNT_KEYED, params)[0][0] < _FEW)


def changed(
    database: Database,
    organisation: str,
    type_: str,
    beyond: tuple[int, str],
    *,
    count: int,
    descending: bool,
) -> list[Stored]:
    """Return resources by (updated, id)."""
    params: Params = {
        "organisation": organisation,
        "type": type_,
        "since": beyond[0],
        "after": beyond[1],
        "count": count,
    }
    templates = (_CHANGED, _CHANGED_SENT) if type_ == "Communication" else (_CHANGED,)
    asked = [(statement(template, type_, descending), params) for template in templates]
    found = [Stored(*row) for rows in database.select_each(asked) for row in rows]
    found.sort(key=lambda stored: (stored.updated, stored.id), reverse=descending)
    return found[:count]


def audience(database: Database, type_: str, id_: str) -> list[str]:
    """Return the organisations that may see a resource, without its owner."""
    return [ods for (ods,) in database.select(AUDIENCE, {"type": type_, "id": id_})]

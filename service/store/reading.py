"""Reading resources by id: what an organisation may see, and nothing of what it may not.

It sees what it owns, and what `visible` names. Where a resource lives depends on its type: a
Communication in a feed or, with several recipients, among the resources; a Binary among the
resources or as the bytes of a message.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.store.commit import Reference
from service.store.database import Database, Params
from service.store.records import Stored

# The columns of a Stored; {n} is the number of the delivery that brought it, 0 for one's own.
RESOURCE = (
    "r.type, r.id, r.version, r.updated, r.deleted, r.media_type, r.body, {n}, r.method, r.owner"
)
DELIVERY = (
    "'Communication', d.communication_id, d.version, d.updated, FALSE, '', d.body, {n}, d.method,"
    " d.sender"
)
MESSAGE = "'Binary', m.id, 1, m.received_at, FALSE, m.media_type, m.body, {n}, 'POST', m.sender"

# For whom: joined to r, one row of `visible` or none, and then it must be one's own.
SEEN = "LEFT JOIN visible v ON v.id = r.id AND v.type = r.type AND v.organisation = :organisation"
MAY_SEE = "(r.owner = :organisation OR v.n IS NOT NULL)"
N_SEEN = "COALESCE(v.n, 0)"
MAY_SEE_DELIVERY = "(d.recipient = :organisation OR d.sender = :organisation)"
N_DELIVERED = "CASE WHEN d.recipient = :organisation THEN d.n ELSE 0 END"

_READ = f"""
    SELECT {RESOURCE.format(n=N_SEEN)} FROM resource r {SEEN}
    WHERE r.id = :id AND r.type = :type AND {MAY_SEE}"""  # noqa: S608
_READ_DELIVERY = f"""
    SELECT {DELIVERY.format(n=N_DELIVERED)} FROM delivery d
    WHERE d.communication_id = :id AND {MAY_SEE_DELIVERY}"""  # noqa: S608
_READ_MESSAGE = f"""
    SELECT {MESSAGE.format(n=N_SEEN)} FROM message m
        LEFT JOIN visible v
            ON v.id = m.id AND v.type = :type AND v.organisation = :organisation
    WHERE m.id = :id AND m.state = 'committed' AND length(m.body) > 0
        AND (m.sender = :organisation OR v.n IS NOT NULL)"""  # noqa: S608
_PLACES = {"Communication": (_READ_DELIVERY, _READ), "Binary": (_READ, _READ_MESSAGE)}
_ANY_PLACE = (_READ,)

_REMOVED = """
    SELECT version, at FROM removed
    WHERE id = :id AND type = :type AND organisation = :organisation"""
_OLD = "type, id, version, updated, deleted, media_type, body, 0, method"
VERSION = f"""
    SELECT {_OLD} FROM resource_history
    WHERE id = :id AND type = :type AND version = :version"""  # noqa: S608
VERSIONS = f"""
    SELECT {_OLD} FROM resource_history
    WHERE id = :id AND type = :type AND version < :before
    ORDER BY version DESC LIMIT :count"""  # noqa: S608
AUDIENCE = """
    SELECT organisation FROM visible WHERE id = :id AND type = :type ORDER BY organisation"""
RECIPIENT = "SELECT recipient FROM delivery WHERE communication_id = :id AND recipient <> sender"


def _asked(organisation: str, type_: str, id_: str) -> list[tuple[str, Params]]:
    params = {"organisation": organisation, "type": type_, "id": id_}
    return [(sql, params) for sql in _PLACES.get(type_, _ANY_PLACE)]


def read(database: Database, organisation: str, type_: str, id_: str) -> Stored | None:
    """Return the current version; of what retention removed that it is gone."""
    for sql, params in _asked(organisation, type_, id_):
        for row in database.select(sql, params):
            return Stored._make(row)
    key = {"organisation": organisation, "type": type_, "id": id_}
    for version, at in database.select(_REMOVED, key):
        return Stored(type_, id_, version + 1, at, True, "", b"", method="DELETE")
    return None


def read_many(
    database: Database, organisation: str, references: Sequence[Reference]
) -> dict[Reference, Stored]:
    """Return the current versions of those that are visible."""
    asked = [one for t, i in dict.fromkeys(references) for one in _asked(organisation, t, i)]
    found = [Stored._make(row) for rows in database.select_each(asked) for row in rows]
    return {(stored.type, stored.id): stored for stored in found}


def vread(
    database: Database, organisation: str, type_: str, id_: str, version: int
) -> Stored | None:
    """Return one version. Whoever sees the current one sees those before it."""
    current = read(database, organisation, type_, id_)
    if current is None or current.version == version:
        return current
    for row in database.select(VERSION, {"id": id_, "type": type_, "version": version}):
        return _earlier(row, current)
    return current if current.deleted and 0 < version < current.version else None


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
        "type": type_,
        "id": id_,
        "before": current.version if shown else before,
        "count": count - len(shown),
    }
    return shown + [_earlier(row, current) for row in database.select(VERSIONS, params)]


def _earlier(row: tuple[object, ...], current: Stored) -> Stored:
    return Stored._make((*row, current.owner))._replace(n=current.n)


def audience(database: Database, type_: str, id_: str) -> list[str]:
    """Return the organisations that may see a resource, without its owner."""
    sql = (AUDIENCE, RECIPIENT) if type_ == "Communication" else (AUDIENCE,)
    found = database.select_each([(one, {"type": type_, "id": id_}) for one in sql])
    return sorted({ods for rows in found for (ods,) in rows})

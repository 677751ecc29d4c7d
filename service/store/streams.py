"""Reading resources one page after the other: an organisation's own, and what it was sent.

A stream is ordered by (n, id): its own come first with n = 0, then what each delivery brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from service.store.commit import Key
from service.store.database import Database
from service.store.keys import search_key
from service.store.reading import (
    DELIVERY,
    MAY_SEE,
    MAY_SEE_DELIVERY,
    N_DELIVERED,
    N_SEEN,
    RESOURCE,
    SEEN,
)
from service.store.records import Position, Stored
from service.store.rows import BY_TYPE, SELDOM

_OWN = f"""
    SELECT {RESOURCE.format(n=0)} FROM resource r
    WHERE r.owner = :organisation AND r.id {{beyond}} :after AND r.type = :type
        AND NOT r.deleted {{under_key}}
    ORDER BY r.id {{order}} LIMIT :count"""  # noqa: S608
_SENT = f"""
    SELECT {DELIVERY.format(n=0)} FROM delivery d
    WHERE d.sender = :organisation AND d.communication_id {{beyond}} :after
        AND d.recipient <> :organisation {{under_key}}
    ORDER BY d.communication_id {{order}} LIMIT :count"""  # noqa: S608
_BROUGHT = f"""
    SELECT {RESOURCE.format(n="v.n")} FROM visible v
        JOIN resource r ON r.id = v.id AND r.type = v.type
    WHERE v.organisation = :organisation AND (v.n, v.id) {{beyond}} (:n, :after)
        AND v.type = :type AND NOT r.deleted {{under_key}}
    ORDER BY v.n {{order}}, v.id {{order}} LIMIT :count"""  # noqa: S608
_FED = f"""
    SELECT {DELIVERY.format(n="d.n")} FROM delivery d
    WHERE d.recipient = :organisation AND d.n {{beyond}} :n {{under_key}}
    ORDER BY d.n {{order}} LIMIT :count"""  # noqa: S608
_UNDER_KEY = """AND (SELECT 1 FROM search_index s WHERE s.place = :place AND s.what = :what
            AND s.id = {id}) IS NOT NULL"""

_FEW = 1000  # resources under a key that are sorted; of more, the organisation's own are walked
COUNT_KEYED = f"""
    SELECT COUNT(*) FROM (SELECT 1 FROM search_index
        WHERE place = :place AND what = :what LIMIT {_FEW}) few"""  # noqa: S608
_FOUND = """
    WITH found AS MATERIALIZED (
        SELECT id FROM search_index WHERE place = :place AND what = :what)"""
_KEYED = f"""{_FOUND}
    SELECT {RESOURCE.format(n=N_SEEN)} FROM found CROSS JOIN resource r {SEEN}
    WHERE r.id = found.id AND r.type = :type AND {MAY_SEE}
        AND ({N_SEEN}, r.id) {{beyond}} (:n, :after) AND NOT r.deleted
    ORDER BY {N_SEEN} {{order}}, r.id {{order}} LIMIT :count"""  # noqa: S608
_KEYED_DELIVERY = f"""{_FOUND}
    SELECT {DELIVERY.format(n=N_DELIVERED)} FROM found CROSS JOIN delivery d
    WHERE d.communication_id = found.id AND {MAY_SEE_DELIVERY}
        AND ({N_DELIVERED}, d.communication_id) {{beyond}} (:n, :after)
    ORDER BY {N_DELIVERED} {{order}}, d.communication_id {{order}} LIMIT :count"""  # noqa: S608

_CHANGED = f"""
    SELECT {RESOURCE.format(n=N_SEEN)} FROM resource r {SEEN}
    WHERE (r.updated, r.id) {{beyond}} (:since, :after) AND r.type = :type AND {MAY_SEE}
    ORDER BY r.updated {{order}}, r.id {{order}} LIMIT :count"""  # noqa: S608
_CHANGED_SENT = f"""
    SELECT {DELIVERY.format(n=0)} FROM delivery d
    WHERE d.sender = :organisation AND (d.updated, d.communication_id) {{beyond}} (:since, :after)
    ORDER BY d.updated {{order}}, d.communication_id {{order}} LIMIT :count"""  # noqa: S608

# What to ask for Communications, and for every other type.
_ARMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "own": ((_OWN, _SENT), (_OWN,)),
    "brought": ((_BROUGHT, _FED), (_BROUGHT,)),
    "keyed": ((_KEYED, _KEYED_DELIVERY), (_KEYED,)),
    "changed": ((_CHANGED, _CHANGED_SENT), (_CHANGED,)),
}
_IDS = {_OWN: "r.id", _SENT: "d.communication_id", _BROUGHT: "v.id", _FED: "d.communication_id"}
_TOP = "~"  # after every id
Params = dict[str, Any]


@lru_cache(maxsize=64)
def _statement(template: str, descending: bool, filtered: bool) -> str:
    beyond, order = ("<", "DESC") if descending else (">", "ASC")
    under_key = _UNDER_KEY.format(id=_IDS[template]) if filtered else ""
    return template.format(beyond=beyond, order=order, under_key=under_key)


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
    """Return resources beyond a position; the seldom types are found by their key."""
    if key is None and type_ in SELDOM:
        key = (BY_TYPE, type_)
    params: Params = {"organisation": organisation, "type": type_, "count": count}
    reader = _Reader(database, type_, descending, filtered=key is not None)
    if key is not None:
        params |= search_key(type_, *key)._asdict()
        if database.select(COUNT_KEYED, params)[0][0] < _FEW:
            return reader.page("keyed", params | {"n": position.n, "after": position.id})
    return reader.own_and_brought(params, position)


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
    params = {"organisation": organisation, "type": type_, "count": count}
    asked = params | {"since": beyond[0], "after": beyond[1]}
    return _Reader(database, type_, descending).page("changed", asked, by_time=True)


class _Reader:
    """Asks for pages of one type in one direction."""

    def __init__(
        self, database: Database, type_: str, descending: bool, *, filtered: bool = False
    ) -> None:
        self._database = database
        self._place = 0 if type_ == "Communication" else 1
        self._descending = descending
        self._filtered = filtered

    def own_and_brought(self, params: Mapping[str, Any], position: Position) -> list[Stored]:
        """Return a page that may go on from one's own to what was brought, or the other way."""
        parts: list[tuple[str, Params]] = []
        if position.n <= 0 or self._descending:
            after = position.id if position.n == 0 else _TOP if self._descending else ""
            parts.append(("own", {**params, "after": after}))
        if position.n > 0 or not self._descending:
            n, after = position if position.n > 0 else (0, "")
            parts.append(("brought", {**params, "n": n, "after": after}))
        return self._joined(reversed(parts) if self._descending else parts, params["count"])

    def _joined(self, parts: Iterable[tuple[str, Params]], count: int) -> list[Stored]:
        found: list[Stored] = []
        for arms, params in parts:
            if len(found) < count:
                found += self.page(arms, params)
        return found[:count]

    def page(self, arms: str, params: Params, *, by_time: bool = False) -> list[Stored]:
        """Return the page of one or two statements, in order."""
        filtered = self._filtered and arms in ("own", "brought")
        templates: Sequence[str] = _ARMS[arms][self._place]
        asked = [(_statement(one, self._descending, filtered), params) for one in templates]
        if len(asked) == 1:
            return [Stored._make(row) for row in self._database.select(*asked[0])]
        found = [Stored._make(row) for rows in self._database.select_each(asked) for row in rows]
        found.sort(key=_by_time if by_time else _by_number, reverse=self._descending)
        return found[: params["count"]]


def _by_time(stored: Stored) -> tuple[int, str]:
    return stored.updated, stored.id


def _by_number(stored: Stored) -> tuple[int, str]:
    return stored.n, stored.id

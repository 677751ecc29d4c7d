"""New versions: the one before goes to the history, the search keys follow the current one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from service.store import rows
from service.store.commit import Key
from service.store.database import Params, Row, Transaction
from service.store.keys import search_key
from service.store.rows import Stamped

REMEMBER = """
    INSERT INTO resource_history
        (type, id, version, updated, method, deleted, media_type, body)
    SELECT type, id, version, updated, method, deleted, media_type, body
    FROM resource WHERE id = :id AND type = :type"""
REMEMBER_DELIVERED = """
    INSERT INTO resource_history
        (type, id, version, updated, method, deleted, media_type, body)
    SELECT 'Communication', communication_id, version, updated, method, FALSE, '', body
    FROM delivery WHERE recipient = :recipient AND n = :n"""
REPLACE = """
    UPDATE resource SET version = :version, updated = :updated, method = :method,
        deleted = :deleted, media_type = :media_type, keys = :keys, body = :body
    WHERE id = :id AND type = :type"""
REPLACE_DELIVERED = """
    UPDATE delivery SET version = :version, updated = :updated, method = :method,
        keys = :keys, body = :body
    WHERE recipient = :recipient AND n = :n"""
UNKEY = """
    DELETE FROM search_index
    WHERE place = :place AND what = :what AND id = :id"""


class Prior(NamedTuple):
    """The version there is, and where it lives."""

    version: int
    updated: int
    keys: str
    recipient: str  # "" unless it is in a feed
    n: int

    def all_keys(self) -> list[Key]:
        """Return its search keys."""
        return [(param, value) for param, value in orjson.loads(self.keys)]


def create(tx: Transaction, new: Sequence[Stamped], message_id: str) -> None:
    """Insert first versions, in one order everywhere."""
    tx.insert("resource", [rows.resource(s, message_id) for s in sorted(new, key=_place)])


def _place(stamped: Stamped) -> tuple[str, str]:
    return stamped.write.id, stamped.write.type


def replace(tx: Transaction, stamped: Stamped, prior: Prior) -> list[Row]:
    """Put a version in the place of the one before; return the search keys it adds."""
    remember, exchange = (
        (REMEMBER_DELIVERED, REPLACE_DELIVERED) if prior.recipient else (REMEMBER, REPLACE)
    )
    before = prior.all_keys()
    after = _keys_after(stamped, prior, before)
    params = _params(stamped, prior, after)
    tx.run(remember, params)
    tx.run(exchange, params)
    _unkey(tx, stamped, set(before) - set(after))
    return rows.search_index(
        stamped.write.type, stamped.write.id, [key for key in after if key not in set(before)]
    )


def _keys_after(stamped: Stamped, prior: Prior, before: Sequence[Key]) -> Sequence[Key]:
    """A Communication in a feed keeps the keys of its patient, which no write names."""
    kept = [key for key in before if prior.recipient and key[0].startswith("patient")]
    return tuple(dict.fromkeys([*rows.keys(stamped.write), *kept]))


def _params(stamped: Stamped, prior: Prior, after: Sequence[Key]) -> Params:
    write, updated = stamped
    return {
        "type": write.type,
        "id": write.id,
        "recipient": prior.recipient,
        "n": prior.n,
        "version": write.version,
        "updated": updated,
        "method": write.method,
        "deleted": write.deleted,
        "media_type": write.media_type,
        "keys": rows.keys_json(after),
        "body": rows.body(write, updated),
    }


def _unkey(tx: Transaction, stamped: Stamped, gone: set[Key]) -> None:
    write = stamped.write
    tx.run_each(
        UNKEY,
        [
            {"id": write.id, **search_key(write.type, param, value)._asdict()}
            for param, value in sorted(gone)
        ],
    )

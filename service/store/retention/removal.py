"""Removing rows: a resource or an event with everything of it, and who is told so from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

from service.store import versions
from service.store.commit import Reference
from service.store.database import Row, Transaction
from service.store.keys import search_key

FORGET_VERSIONS: Final = "DELETE FROM resource_history WHERE id = :id AND type = :type"
FORGET_RESOURCE: Final = "DELETE FROM resource WHERE id = :id AND type = :type"
FORGET_EVENT: Final = "DELETE FROM delivery WHERE recipient = :recipient AND n = :n"
FORGET_DISPATCH: Final = """
    DELETE FROM dispatch WHERE recipient = :recipient AND channel = :channel AND n = :n"""
FORGET_VISIBLE: Final = """
    DELETE FROM visible WHERE organisation = :organisation AND n = :n AND id = :id
        AND type = :type"""
SEEN: Final = "SELECT organisation, n FROM visible WHERE id = :id AND type = :type"
OF_TASK: Final = (
    "DELETE FROM deadline WHERE task_id = :id",
    "DELETE FROM reached WHERE task_id = :id",
)


class Member(NamedTuple):
    """A resource as its row has it."""

    type: str
    id: str
    version: int
    updated: int
    owner: str
    message_id: str
    media_type: str
    keys: str  # JSON
    body: bytes

    @property
    def place(self) -> Reference:
        """Its key."""
        return self.type, self.id

    def named(self) -> list[tuple[str, str]]:
        """Return its search keys."""
        return [(param, value) for param, value in orjson.loads(self.keys)]


class KeptEvent(NamedTuple):
    """An event of a feed, without its body."""

    recipient: str
    n: int
    ts: int
    updated: int
    communication_id: str
    version: int
    sender: str
    message_id: str
    nhs_number: str
    keys: str  # JSON

    def named(self) -> list[tuple[str, str]]:
        """Return its search keys."""
        return [(param, value) for param, value in orjson.loads(self.keys)]


def remove_resource(tx: Transaction, member: Member, at: int) -> None:
    """Remove a resource, its versions and keys; those who saw it are told that it is gone."""
    key = {"id": member.id, "type": member.type}
    _tell(tx, member.place, member.version, [member.owner], at)
    _unkey(tx, member.place, member.keys)
    tx.run(FORGET_VERSIONS, key)
    if member.type == "Task":
        for sql in OF_TASK:
            tx.run(sql, key)
    tx.run(FORGET_RESOURCE, key)


def remove_event(tx: Transaction, event: KeptEvent, channels: Iterable[str], at: int) -> None:
    """Remove an event of a feed, with what channels noted of it."""
    place = ("Communication", event.communication_id)
    _tell(tx, place, event.version, [event.sender, event.recipient], at)
    _unkey(tx, place, event.keys)
    tx.run(FORGET_VERSIONS, {"id": event.communication_id, "type": "Communication"})
    number = {"recipient": event.recipient, "n": event.n}
    tx.run_each(FORGET_DISPATCH, [{**number, "channel": name} for name in channels])
    tx.run(FORGET_EVENT, number)


def hide_original(tx: Transaction, message_id: str, sender: str, at: int) -> None:
    """Let those who could read a message's bytes be told that they are gone."""
    _tell(tx, ("Binary", message_id), 1, [sender], at)


def _tell(tx: Transaction, place: Reference, version: int, owners: Iterable[str], at: int) -> None:
    """Exchange who may see something for who is told that it is gone."""
    key = {"type": place[0], "id": place[1]}
    seen: list[Row] = tx.select(SEEN, key)()
    told = sorted({*(ods for ods in owners if ods), *(organisation for organisation, _ in seen)})
    gone = [(place[1], place[0], ods, version, at) for ods in told]
    tx.insert("removed", gone, skip_known=True)
    each = [{**key, "organisation": organisation, "n": n} for organisation, n in seen]
    tx.run_each(FORGET_VISIBLE, each)


def _unkey(tx: Transaction, place: Reference, keys: str) -> None:
    type_, id_ = place
    named = [search_key(type_, param, value)._asdict() for param, value in orjson.loads(keys)]
    tx.run_each(versions.UNKEY, [{**one, "id": id_} for one in named])

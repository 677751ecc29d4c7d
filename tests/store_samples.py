"""Commits of synthetic messages to put into a store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import uuid_utils

from service.model import Instant
from service.store import (
    LAST_UPDATED,
    Answer,
    Check,
    Commit,
    Delivery,
    Dispatch,
    Key,
    RawMessage,
    Store,
    Write,
)
from service.store.opening import database

NOON = Instant(1_741_953_600_000_000)  # 2025-03-14T12:00:00Z


class Clock:
    """Shows `now`."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> Instant:
        return self.now


def new_id() -> str:
    return str(uuid_utils.uuid7())


def body(type_: str, id_: str, version: int = 1, text: str = "") -> bytes:
    """A resource as the store is given it."""
    head = f'{{"resourceType":"{type_}","id":"{id_}","meta":{{"versionId":"{version}",'
    rest = f'"lastUpdated":"{LAST_UPDATED.decode()}"}},"text":"{text}"}}'
    return (head + rest).encode()


def write(type_: str, owner: str = "RJZ", *keys: Key, id_: str = "", **changed: Any) -> Write:
    """A first version, or with prior=… a later one."""
    id_ = id_ or new_id()
    version = changed.get("prior", 0) + 1
    fields = {"version": version, "body": body(type_, id_, version)} | changed
    return Write(type=type_, id=id_, owner=owner, keys=keys, **fields)


def delivery(recipient: str, sender: str = "RJZ", *keys: Key, **changed: Any) -> Delivery:
    """A Communication with its Task."""
    communication = write("Communication", sender, *keys)
    task = write("Task", sender, ("focus", f"Communication/{communication.id}"))
    fields = {"kind": "discharge", "communication": communication, "task": task} | changed
    return Delivery(recipient=recipient, **fields)


def dispatch(recipient: str, n: int = 1, **changed: Any) -> Dispatch:
    """An event that was handed to MESH."""
    fields = {"round": 0, "communication_id": new_id(), "message_id": new_id()} | changed
    handle = fields.pop("handle", f"MESH{n}")
    return Dispatch(recipient=recipient, channel="mesh", n=n, handle=handle, sent_at=NOON, **fields)


def message(
    content: bytes = b"MSH|^~\\&|", sender: str = "RJZ", control_id: str = "", **changed: Any
) -> RawMessage:
    """A raw message; without a control id, one that nobody sent before."""
    fields = {"media_type": "application/hl7-v2", "received_at": NOON} | changed
    return RawMessage(
        id=fields.pop("id", "") or new_id(),
        sender=sender,
        control_id=control_id or new_id(),
        digest=hashlib.sha256(content).digest(),
        body=content,
        **fields,
    )


ANSWER = Answer(status=200, media_type="application/hl7-v2", body=b"MSA|AA|" + LAST_UPDATED)


def commit(*recipients: str, sender: str = "RJZ", **changed: Any) -> Commit:
    """A message for these recipients, with a Patient of its own."""
    patient = write("Patient", sender)
    fields = {
        "message": message(sender=sender),
        "answer": ANSWER,
        "writes": (patient,),
        "deliveries": tuple(delivery(r, sender, patient_id=patient.id) for r in recipients),
    } | changed
    return Commit(**fields)


def numbers(store: Store, recipient: str) -> list[int]:
    """Every event number of a feed, as a poller gets them, a few a page."""
    found: list[int] = []
    while events := store.feed(recipient, found[-1] if found else None, 7).events:
        found.extend(event.n for event in events)
    return found


def expecting(owner: str, type_: str, key: Key, ids: Sequence[str] = ()) -> Check:
    """A check that this key finds exactly these."""
    return Check(owner=owner, type=type_, key=key, expected=tuple(ids))


def query(url: str, sql: str) -> list[Any]:
    """What a statement finds in a database, through a connection of its own."""
    opened = database(url)
    try:
        return opened.select(sql, {})
    finally:
        opened.close()

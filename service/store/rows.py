"""Records to rows: what stands in each table for a write, a delivery, a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import orjson

from service.errors import Issue
from service.model import Instant
from service.store.commit import (
    LAST_UPDATED,
    RELAY,
    Answer,
    AuditEntry,
    Delivery,
    Key,
    RawMessage,
    Write,
)
from service.store.database import Params, Row
from service.store.keys import search_key
from service.store.layout import written

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
BY_TYPE = "_type"  # search parameter of the types that no message brings in numbers
SELDOM = {
    "Endpoint",
    "Group",
    "HealthcareService",
    "Location",
    "Measure",
    "MeasureReport",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Subscription",
}


class Stamped(NamedTuple):
    """A write with its meta.lastUpdated."""

    write: Write
    updated: Instant


class Numbered(NamedTuple):
    """A delivery with its event number."""

    delivery: Delivery
    n: int
    ts: Instant


@lru_cache(maxsize=64)
def stamp(updated: Instant) -> bytes:
    """Return an instant as it stands in meta.lastUpdated; asked for once a resource."""
    return updated.isoformat().encode()


def body(write: Write, updated: Instant) -> bytes:
    """Return what readers get: a Binary's content as it is, JSON with its lastUpdated."""
    if write.media_type:
        return write.body
    return write.body.replace(LAST_UPDATED, stamp(updated), 1)


def keys(write: Write) -> tuple[Key, ...]:
    """Return the search keys of a resource, each once."""
    if write.deleted:
        return ()
    own = ((BY_TYPE, write.type),) if write.type in SELDOM else ()
    return tuple(dict.fromkeys(write.keys + own))


def communication_keys(delivery: Delivery) -> tuple[Key, ...]:
    """Return the search keys of a delivered Communication: its own, and those of its patient."""
    found = dict.fromkeys(delivery.communication.keys)
    if delivery.patient_id:
        found["patient", f"Patient/{delivery.patient_id}"] = None
    if delivery.nhs_number:
        found["patient.identifier", f"{NHS_NUMBER}|{delivery.nhs_number}"] = None
    return tuple(found)


def keys_json(keys: Iterable[Key]) -> str:
    """Return keys as they stand in their resource's row."""
    return orjson.dumps(list(keys)).decode()


def resource(stamped: Stamped, message_id: str) -> Row:
    """Return the row in `resource`."""
    write, updated = stamped
    return (
        write.type,
        write.id,
        write.version,
        updated,
        write.method,
        write.owner,
        write.deleted,
        message_id,
        write.media_type,
        keys_json(keys(write)),
        body(write, updated),
    )


def delivered(numbered: Numbered, sender: str, message_id: str) -> Row:
    """Return the row in `delivery`."""
    delivery, n, ts = numbered
    return (
        delivery.recipient,
        n,
        ts,
        ts,
        delivery.kind,
        delivery.communication.id,
        delivery.communication.version,
        delivery.communication.method,
        RELAY if delivery.discreet else sender,
        message_id,
        delivery.patient_id,
        delivery.nhs_number,
        keys_json(communication_keys(delivery)),
        body(delivery.communication, ts),
    )


def resource_keys(write: Write) -> list[Row]:
    """Return the rows in `search_index` of a resource's first version."""
    return search_index(write.type, write.id, keys(write))


def delivery_keys(delivery: Delivery) -> list[Row]:
    """Return the rows in `search_index` of a delivered Communication."""
    return search_index("Communication", delivery.communication.id, communication_keys(delivery))


def search_index(type_: str, id_: str, keys: Iterable[Key]) -> list[Row]:
    """Return the rows in `search_index`."""
    return [(*search_key(type_, param, value), id_) for param, value in keys]


def issues_json(issues: Sequence[Issue]) -> str:
    """Return issues as they stand in a message's row."""
    return orjson.dumps(list(issues)).decode()


def answered(answer: Answer, updated: Instant) -> Answer:
    """Return the answer with its instants in place."""
    then, blank = stamp(updated), LAST_UPDATED.decode()
    return Answer(
        status=answer.status,
        media_type=answer.media_type,
        body=answer.body.replace(LAST_UPDATED, then),
        headers=tuple(
            (name, value.replace(blank, then.decode())) for name, value in answer.headers
        ),
    )


def message(message: RawMessage, state: str, answer: Answer) -> Row:
    """Return the row in `message`."""
    return (
        message.id,
        message.sender,
        message.control_id,
        message.digest,
        message.media_type,
        message.body,
        message.received_at,
        state,
        1,
        message.mapping,
        message.mapping_version,
        issues_json(message.issues),
        answer.status,
        answer.media_type,
        orjson.dumps(answer.headers).decode(),
        answer.body,
    )


def deadline(numbered: Numbered, sender: str, message_id: str) -> Row | None:
    """Return the row in `deadline`, if the delivery has one."""
    delivery, n, _ = numbered
    task, set_ = delivery.task, delivery.deadline
    if task is None or set_ is None:
        return None
    return (
        task.id,
        set_.message_id or message_id,
        delivery.communication.id,
        delivery.recipient,
        n,
        RELAY if delivery.discreet else sender,
        set_.role,
        set_.due,
        set_.step.name,
        set_.step.at,
        set_.instead_of,
        set_.chase or task.id,
    )


def audit(entry: AuditEntry) -> Row:
    """Return the row in `audit`."""
    return (
        entry.at,
        entry.client,
        entry.organisation,
        entry.action,
        entry.type,
        entry.subject,
        entry.outcome,
        entry.request_id,
    )


def named(table: str, row: Row) -> Params:
    """Return a row as parameters by column name."""
    return dict(zip(written(table), row, strict=True))

"""The tables as the running service needs them: column names and types, nothing else.

`schema.py` has the whole truth for migrations, and loading it costs 25 MB a process; a test holds
the two together. The order of the columns is the order of a row in `Transaction.insert`.
"""

from __future__ import annotations

REVISION = "0003"  # the newest migration

COLUMNS: dict[str, dict[str, str]] = {
    "message": {
        "id": "text",
        "sender": "text",
        "control_id": "text",
        "digest": "bytea",
        "media_type": "text",
        "body": "bytea",
        "received_at": "bigint",
        "state": "text",
        "attempts": "integer",
        "mapping": "text",
        "mapping_version": "text",
        "issues": "text",
        "answer_status": "integer",
        "answer_media_type": "text",
        "answer_headers": "text",
        "answer": "bytea",
    },
    "transition": {
        "seq": "bigint",
        "message_id": "text",
        "at": "bigint",
        "state": "text",
        "actor": "text",
        "reason": "text",
    },
    "recipient": {"ods": "text", "n": "bigint", "updated": "bigint", "floor": "bigint"},
    "delivery": {
        "recipient": "text",
        "n": "bigint",
        "ts": "bigint",
        "updated": "bigint",
        "kind": "text",
        "communication_id": "text",
        "version": "integer",
        "method": "text",
        "sender": "text",
        "message_id": "text",
        "patient_id": "text",
        "nhs_number": "text",
        "keys": "text",
        "body": "bytea",
    },
    "resource": {
        "type": "text",
        "id": "text",
        "version": "integer",
        "updated": "bigint",
        "method": "text",
        "owner": "text",
        "deleted": "boolean",
        "message_id": "text",
        "media_type": "text",
        "keys": "text",
        "body": "bytea",
    },
    "resource_history": {
        "type": "text",
        "id": "text",
        "version": "integer",
        "updated": "bigint",
        "method": "text",
        "deleted": "boolean",
        "media_type": "text",
        "body": "bytea",
    },
    "search_index": {"place": "bytea", "what": "bigint", "id": "text"},
    "visible": {"organisation": "text", "n": "bigint", "id": "text", "type": "text"},
    "client": {
        "id": "text",
        "organisation": "text",
        "name": "text",
        "scopes": "text",
        "jwks": "text",
        "jwks_url": "text",
        "created": "bigint",
        "disabled": "boolean",
    },
    "used_assertion": {"issuer": "text", "jti": "text", "expires": "bigint"},
    "lease": {"name": "text", "holder": "text", "until": "bigint"},
    "channel": {
        "recipient": "text",
        "name": "text",
        "state": "text",
        "n": "bigint",
        "trying": "bigint",
        "round": "integer",
        "attempts": "integer",
        "next_at": "bigint",
        "reason": "text",
        "updated": "bigint",
    },
    "dispatch": {
        "recipient": "text",
        "channel": "text",
        "n": "bigint",
        "round": "integer",
        "communication_id": "text",
        "message_id": "text",
        "handle": "text",
        "sent_at": "bigint",
        "state": "text",
        "changed_at": "bigint",
        "reason": "text",
    },
    "setting": {"key": "text", "value": "text"},
    "audit": {
        "seq": "bigint",
        "at": "bigint",
        "client": "text",
        "organisation": "text",
        "action": "text",
        "type": "text",
        "subject": "text",
        "outcome": "text",
        "request_id": "text",
    },
}

GENERATED = {("transition", "seq"), ("audit", "seq")}  # numbered by the database


def written(table: str) -> dict[str, str]:
    """Return the columns of a row to insert, with their types."""
    return {c: t for c, t in COLUMNS[table].items() if (table, c) not in GENERATED}

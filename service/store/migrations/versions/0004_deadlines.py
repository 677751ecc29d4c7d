"""Deadlines of Tasks; those there are get theirs, and nobody is reminded of what is late now."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UNANSWERED = sa.text("next_at > 0")
OPEN = ("requested", "received")
LATER = 1 << 62
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEPT = """
    SELECT id, body FROM resource WHERE type = 'Task' AND NOT deleted"""
INSERT = """
    INSERT INTO deadline VALUES (:task_id, :message_id, :communication_id, :recipient, :n, :sender,
        :role, :due, :step, :next_at, :instead_of, :chase)"""
DELIVERED = """
    SELECT recipient, n, sender, message_id, body FROM delivery WHERE communication_id = :id"""


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "deadline",
        *_text("task_id", "message_id", "communication_id", "recipient"),
        _number("n"),
        *_text("sender", "role"),
        _number("due"),
        *_text("step"),
        _number("next_at"),
        *_text("instead_of", "chase"),
        sa.PrimaryKeyConstraint("task_id"),
        sa.CheckConstraint("role IN ('action', 'information')", "deadline_role"),
        sqlite_with_rowid=False,
    )
    op.create_index("deadline_message", "deadline", ["message_id", "task_id"])
    op.create_index(
        "deadline_unanswered",
        "deadline",
        ["next_at", "task_id"],
        sqlite_where=UNANSWERED,
        postgresql_where=UNANSWERED,
    )
    for row in _kept():
        op.get_bind().execute(sa.text(INSERT), row)


def downgrade() -> None:
    op.drop_table("deadline")


def _kept() -> Iterator[dict[str, Any]]:
    """Yield the row of every Task to acknowledge."""
    bind = op.get_bind()
    for id_, body in bind.execute(sa.text(KEPT)).fetchall():
        task = orjson.loads(bytes(body))
        end = task.get("restriction", {}).get("period", {}).get("end")
        focus = task.get("focus", {}).get("reference", "").removeprefix("Communication/")
        for delivered in bind.execute(sa.text(DELIVERED), {"id": focus}).fetchall() if end else ():
            yield _row(id_, task, focus, delivered)


def _row(id_: str, task: dict[str, Any], focus: str, delivered: Any) -> dict[str, Any]:
    recipient, n, sender, message_id, body = delivered
    tags = {tag.get("code") for tag in orjson.loads(bytes(body))["meta"].get("tag", ())}
    role = "action" if "FA" in tags else "information"
    due = datetime.fromisoformat(task["restriction"]["period"]["end"])
    waits = task["status"] == "requested" or (task["status"] == "received" and role == "action")
    step, at = ("waiting", LATER) if waits else ("", 0)
    if waits and role == "action" and due > datetime.now(UTC):
        step, at = "late", (due - EPOCH) // timedelta(microseconds=1)
    return {
        "task_id": id_,
        "message_id": message_id,
        "communication_id": focus,
        "recipient": recipient,
        "n": n,
        "sender": sender,
        "role": role,
        "due": (due - EPOCH) // timedelta(microseconds=1),
        "step": step,
        "next_at": at,
        "instead_of": "",
        "chase": id_,
    }

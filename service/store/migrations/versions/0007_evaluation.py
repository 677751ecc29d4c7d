"""What was reached with each notice; for those there are it is read from their Tasks' versions."""

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TASKS = "SELECT task_id FROM deadline"
VERSIONS = """
    SELECT version, updated, body FROM resource_history WHERE id = :id AND type = 'Task'
    UNION ALL
    SELECT version, updated, body FROM resource WHERE id = :id AND type = 'Task' AND NOT deleted
    ORDER BY 1"""
ESCALATED = """
    SELECT DISTINCT m.control_id, m.received_at
    FROM delivery d JOIN message m ON m.id = d.message_id
    WHERE d.kind IN ('late', 'rejected')"""
ANSWERS = ("accepted", "rejected", "completed")
INSERT = "INSERT INTO reached VALUES (:task_id, :step, :at) ON CONFLICT DO NOTHING"


def upgrade() -> None:
    op.create_table(
        "reached",
        sa.Column("task_id", TEXT, nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("task_id", "step", "at"),
        sqlite_with_rowid=False,
    )
    op.create_index("reached_step", "reached", ["step", "at"])
    op.create_index("deadline_feed", "deadline", ["recipient", "n"])
    bind = op.get_bind()
    for (id_,) in bind.execute(sa.text(TASKS)).fetchall():
        for step, at in _steps(bind.execute(sa.text(VERSIONS), {"id": id_}).fetchall()):
            bind.execute(sa.text(INSERT), {"task_id": id_, "step": step, "at": at})
    for control_id, at in bind.execute(sa.text(ESCALATED)).fetchall():
        task_id = control_id.split("|")[1]
        bind.execute(sa.text(INSERT), {"task_id": task_id, "step": "escalated", "at": at})


def downgrade() -> None:
    op.drop_index("deadline_feed", "deadline")
    op.drop_table("reached")


def _steps(versions: Any) -> Iterator[tuple[str, int]]:
    """Yield each step that a Task's versions came to, with the first time that it did."""
    first: dict[str, int] = {}
    for _, updated, body in versions:
        status = orjson.loads(bytes(body)).get("status")
        if status == "received" or status in ANSWERS:
            first.setdefault("received", updated)
        if status in ANSWERS:
            first.setdefault("answered", updated)
        if status == "cancelled":
            first.setdefault("cancelled", updated)
    yield from first.items()

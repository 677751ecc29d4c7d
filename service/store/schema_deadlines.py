"""The table of deadlines: whose answer is waited for, until when."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.schema import TEXT, metadata

UNANSWERED = sa.text("next_at > 0")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


# Until when a recipient is to answer, and what is done next while it does not.
deadline = sa.Table(
    "deadline",
    metadata,
    sa.Column("task_id", TEXT, primary_key=True, nullable=False),
    _text("message_id"),  # the message that it is about, however the recipient came to it
    _text("communication_id"),
    _text("recipient"),
    _number("n"),  # in the recipient's feed
    _text("sender"),
    _text("role"),
    _number("due"),
    _text("step"),
    _number("next_at"),  # when the step is due; 0: it is answered
    _text("instead_of"),
    _text("chase"),
    sa.CheckConstraint("role IN ('action', 'information')", "deadline_role"),
    sa.Index("deadline_message", "message_id", "task_id"),
    sa.Index(
        "deadline_unanswered",
        "next_at",
        "task_id",
        sqlite_where=UNANSWERED,
        postgresql_where=UNANSWERED,
    ),
    sqlite_with_rowid=False,
)

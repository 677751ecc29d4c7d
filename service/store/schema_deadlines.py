"""The table of deadlines: whose answer is waited for, until when."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.columns import metadata, number, text

UNANSWERED = sa.text("next_at > 0")


# Until when a recipient is to answer, and what is done next while it does not.
deadline = sa.Table(
    "deadline",
    metadata,
    text("task_id", key=True),
    text("message_id"),  # the message that it is about, however the recipient came to it
    text("communication_id"),
    text("recipient"),
    number("n"),  # in the recipient's feed
    text("sender"),
    text("role"),
    number("due"),
    text("step"),
    number("next_at"),  # when the step is due; 0: it is answered
    text("instead_of"),
    text("chase"),
    sa.CheckConstraint("role IN ('action', 'information')", "deadline_role"),
    sa.Index("deadline_message", "message_id", "task_id"),
    sa.Index("deadline_feed", "recipient", "n"),
    sa.Index(
        "deadline_unanswered",
        "next_at",
        "task_id",
        sqlite_where=UNANSWERED,
        postgresql_where=UNANSWERED,
    ),
    sqlite_with_rowid=False,
)

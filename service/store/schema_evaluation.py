"""The table of what was reached with a notice, and when: what figures are made of."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.columns import metadata, number, text

# One row a step of a notice's Task; see Reached in commit.py for the steps.
reached = sa.Table(
    "reached",
    metadata,
    text("task_id", key=True),
    text("step", key=True),
    number("at", key=True),
    sa.Index("reached_step", "step", "at"),
    sqlite_with_rowid=False,
)

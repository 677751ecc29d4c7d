"""The tables of retention: what must stay, what was there, and since when feeds are kept."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.columns import metadata, number, small, text

IN_FORCE = sa.text("lifted = 0")

# What nobody may remove, whatever its age, until it is lifted.
hold = sa.Table(
    "hold",
    metadata,
    text("id", key=True),
    text("kind"),
    text("subject"),  # NHS number, id of a message, or ODS code
    text("reason"),
    number("since"),
    text("by"),
    number("lifted"),  # 0 while it holds
    text("lifted_by"),
    text("lifted_reason"),
    sa.CheckConstraint("kind IN ('patient', 'message', 'team')", "hold_kind"),
    sa.Index(
        "hold_once",
        "kind",
        "subject",
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    ),
)

# Who is told that something was there and is no longer kept.
removed = sa.Table(
    "removed",
    metadata,
    text("id", key=True),
    text("type", key=True),
    text("organisation", key=True),
    small("version"),  # the last there was
    number("at"),
    sa.Index("removed_at", "at"),
    sqlite_with_rowid=False,
)

# The latest meta.lastUpdated of what was removed from a feed: who asks for what changed since an
# earlier instant would miss it.
feed_floor = sa.Table(
    "feed_floor",
    metadata,
    text("recipient", key=True),
    number("updated"),
    sqlite_with_rowid=False,
)

"""The tables of subscriptions; see schema.py."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.columns import metadata, number, octets, small, text

LIVE = sa.text("status IN ('requested', 'active', 'error')")


# What a team wants to be told of, and where; how far it was told stands in `channel`.
subscription = sa.Table(
    "subscription",
    metadata,
    text("id", key=True),
    text("recipient"),
    text("client"),  # who made it, whose rights are asked for again at each sending
    text("scopes"),  # that its token had
    small("version"),
    text("status"),
    text("topic"),
    text("headers"),  # JSON; secret: never shown, never logged
    octets("body"),  # as posted, without headers and status
    number("begins"),  # events up to this number were there before
    number("ends"),  # microseconds; 0: no end
    number("created"),
    number("updated"),
    text("reason"),  # of its state
    sa.CheckConstraint(
        "status IN ('requested', 'active', 'error', 'off', 'deleted')", "subscription_status"
    ),
    sa.Index("subscription_recipient", "recipient", "id"),
    sa.Index("subscription_live", "id", sqlite_where=LIVE, postgresql_where=LIVE),
)

# Topics whose events are no feed: gathered by the time of change, which no commit overtakes.
topic = sa.Table(
    "topic",
    metadata,
    text("recipient", key=True),
    text("name", key=True),
    number("n"),  # the last event
    number("since"),  # what changed up to this instant was gathered
)

topic_event = sa.Table(
    "topic_event",
    metadata,
    text("recipient", key=True),
    text("name", key=True),
    number("n", key=True),
    number("at"),
    text("focus"),  # id
    small("version"),
    sqlite_with_rowid=False,
)

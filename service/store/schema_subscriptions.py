"""The tables of subscriptions; see schema.py."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.schema import TEXT, metadata

LIVE = sa.text("status IN ('requested', 'active', 'error')")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


# What a team wants to be told of, and where; how far it was told stands in `channel`.
subscription = sa.Table(
    "subscription",
    metadata,
    _text("id", key=True),
    _text("recipient"),
    _text("client"),  # who made it, whose rights are asked for again at each sending
    _text("scopes"),  # that its token had
    sa.Column("version", sa.Integer, nullable=False),
    _text("status"),
    _text("topic"),
    _text("headers"),  # JSON; secret: never shown, never logged
    sa.Column("body", sa.LargeBinary, nullable=False),  # as posted, without headers and status
    _number("begins"),  # events up to this number were there before
    _number("ends"),  # microseconds; 0: no end
    _number("created"),
    _number("updated"),
    _text("reason"),  # of its state
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
    _text("recipient", key=True),
    _text("name", key=True),
    _number("n"),  # the last event
    _number("since"),  # what changed up to this instant was gathered
)

topic_event = sa.Table(
    "topic_event",
    metadata,
    _text("recipient", key=True),
    _text("name", key=True),
    _number("n", key=True),
    _number("at"),
    _text("focus"),  # id
    sa.Column("version", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

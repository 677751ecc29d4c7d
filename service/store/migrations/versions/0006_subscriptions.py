"""Subscriptions, and the events of topics that are no feed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
LIVE = sa.text("status IN ('requested', 'active', 'error')")


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _number(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.BigInteger, nullable=False, autoincrement=False) for n in names]


def _version() -> sa.Column[Any]:
    return sa.Column("version", sa.Integer, nullable=False)


def upgrade() -> None:
    op.create_table(
        "subscription",
        *_text("id", "recipient", "client", "scopes"),
        _version(),
        *_text("status", "topic", "headers"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *_number("begins", "ends", "created", "updated"),
        *_text("reason"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "status IN ('requested', 'active', 'error', 'off', 'deleted')", "subscription_status"
        ),
    )
    op.create_index("subscription_recipient", "subscription", ["recipient", "id"])
    op.create_index(
        "subscription_live", "subscription", ["id"], sqlite_where=LIVE, postgresql_where=LIVE
    )
    op.create_table(
        "topic",
        *_text("recipient", "name"),
        *_number("n", "since"),
        sa.PrimaryKeyConstraint("recipient", "name"),
    )
    op.create_table(
        "topic_event",
        *_text("recipient", "name"),
        *_number("n", "at"),
        *_text("focus"),
        _version(),
        sa.PrimaryKeyConstraint("recipient", "name", "n"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("topic_event", "topic", "subscription"):
        op.drop_table(table)

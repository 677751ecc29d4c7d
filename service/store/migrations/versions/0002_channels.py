"""Leases, and how far each channel has come with each feed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _number(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.BigInteger, nullable=False, autoincrement=False) for n in names]


def _small(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    op.create_table(
        "lease", *_text("name", "holder"), *_number("until"), sa.PrimaryKeyConstraint("name")
    )
    op.create_index("lease_holder", "lease", ["holder"])
    op.create_table(
        "channel",
        *_text("recipient", "name", "state"),
        *_number("n", "trying"),
        _small("round"),
        _small("attempts"),
        *_number("next_at"),
        *_text("reason"),
        *_number("updated"),
        sa.PrimaryKeyConstraint("recipient", "name"),
        sa.CheckConstraint("state IN ('active', 'parked')", "channel_state"),
    )
    op.create_table(
        "dispatch",
        *_text("recipient", "channel"),
        *_number("n"),
        _small("round"),
        *_text("communication_id", "message_id", "handle"),
        *_number("sent_at"),
        *_text("state"),
        *_number("changed_at"),
        *_text("reason"),
        sa.PrimaryKeyConstraint("recipient", "channel", "n"),
        sa.CheckConstraint(
            "state IN ('sent', 'confirmed', 'undelivered', 'refused')", "dispatch_state"
        ),
    )
    op.create_index("dispatch_message", "dispatch", ["message_id"])
    op.create_index("dispatch_handle", "dispatch", ["handle"])
    waiting = sa.text("state = 'sent'")
    op.create_index(
        "dispatch_waiting",
        "dispatch",
        ["recipient", "channel", "n"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    for table in ("dispatch", "channel", "lease"):
        op.drop_table(table)

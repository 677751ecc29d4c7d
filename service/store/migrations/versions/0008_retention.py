"""Legal holds, what was removed, and since when feeds are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
IN_FORCE = sa.text("lifted = 0")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "hold",
        *_text("id", "kind", "subject", "reason"),
        _number("since"),
        *_text("by"),
        _number("lifted"),
        *_text("lifted_by", "lifted_reason"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("kind IN ('patient', 'message', 'team')", "hold_kind"),
    )
    op.create_index(
        "hold_once",
        "hold",
        ["kind", "subject"],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.create_table(
        "removed",
        *_text("id", "type", "organisation"),
        sa.Column("version", sa.Integer, nullable=False),
        _number("at"),
        sa.PrimaryKeyConstraint("id", "type", "organisation"),
        sqlite_with_rowid=False,
    )
    op.create_index("removed_at", "removed", ["at"])
    op.create_table(
        "feed_floor",
        *_text("recipient"),
        _number("updated"),
        sa.PrimaryKeyConstraint("recipient"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("feed_floor", "removed", "hold"):
        op.drop_table(table)

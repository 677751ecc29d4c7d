"""Caseloads: whom a team has in its care, near matches, and what was told of whom lately."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OPEN = sa.text("ended = 0")
TABLES = ("recalled", "occurrence", "caseload_review", "caseload_list", "caseload")


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _number(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.BigInteger, nullable=False, autoincrement=False) for n in names]


def _bytes(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.LargeBinary, nullable=False) for n in names]


def _find(name: str, *columns: str, unique: bool = False) -> None:
    op.create_index(
        name, "caseload", list(columns), unique=unique, sqlite_where=OPEN, postgresql_where=OPEN
    )


def upgrade() -> None:
    _make_lists()
    _make_reviews()
    _make_occurrences()


def _make_lists() -> None:
    op.create_table(
        "caseload",
        *_text("id", "team"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_bytes("number", "likeness"),
        *_text("nhs_number", "birth_date", "family", "given", "postcode"),
        *_text("kinds", "basis", "starts", "ends"),
        *_number("added"),
        *_text("added_by"),
        *_number("changed"),
        *_text("changed_by"),
        *_number("ended"),
        *_text("ended_by"),
        sa.PrimaryKeyConstraint("id"),
    )
    _find("caseload_once", "team", "number", unique=True)
    _find("caseload_number", "number")
    _find("caseload_likeness", "likeness")
    op.create_index("caseload_team", "caseload", ["team", "id"])
    op.create_table(
        "caseload_list",
        *_text("team"),
        sa.Column("version", sa.Integer, nullable=False),
        *_number("updated"),
        sa.PrimaryKeyConstraint("team"),
    )


def _make_reviews() -> None:
    op.create_table(
        "caseload_review",
        *_text("id", "entry", "patient_id", "team", "why", "state"),
        *_number("asked", "decided"),
        *_text("decided_by", "reason"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("state IN ('open', 'accepted', 'rejected')", "caseload_review_state"),
    )
    op.create_index("caseload_review_once", "caseload_review", ["entry", "patient_id"], unique=True)
    op.create_index("caseload_review_team", "caseload_review", ["team", "state", "id"])


def _make_occurrences() -> None:
    op.create_table(
        "occurrence",
        *_text("id"),
        *_number("at"),
        *_text("sender", "message_id", "kind", "patient_id"),
        *_bytes("place"),
        *_text("nhs_number", "birth_date", "seen", "told"),
        *_bytes("body"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("occurrence_place", "occurrence", ["place"])
    op.create_table(
        "recalled", *_text("occurrence", "team"), sa.PrimaryKeyConstraint("occurrence", "team")
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)

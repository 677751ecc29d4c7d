"""The search index by digests: see service/store/keys.py. It is made anew from the keys kept."""

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from service.store.keys import search_key

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOST = 10_000  # rows in one INSERT
KEPT = (
    "SELECT type, id, keys FROM resource WHERE NOT deleted",
    "SELECT 'Communication', communication_id, keys FROM delivery",
)


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def upgrade() -> None:
    op.drop_table("search_index")
    op.create_table(
        "search_index",
        sa.Column("place", sa.LargeBinary, nullable=False),
        sa.Column("what", sa.BigInteger, nullable=False, autoincrement=False),
        *_text("id"),
        sa.PrimaryKeyConstraint("place", "what", "id"),
        sqlite_with_rowid=False,
    )
    insert = sa.text("INSERT INTO search_index VALUES (:place, :what, :id)")
    waiting: list[dict[str, Any]] = []
    for row in _rows(lambda type_, param, value: search_key(type_, param, value)._asdict()):
        waiting.append(row)
        if len(waiting) == MOST:
            op.get_bind().execute(insert, waiting)
            waiting.clear()
    if waiting:
        op.get_bind().execute(insert, waiting)


def downgrade() -> None:
    op.drop_table("search_index")
    op.create_table(
        "search_index",
        *_text("value", "id", "type", "param"),
        sa.PrimaryKeyConstraint("value", "id", "type", "param"),
        sqlite_with_rowid=False,
    )
    insert = sa.text("INSERT INTO search_index VALUES (:value, :id, :type, :param)")
    for row in _rows(lambda type_, param, value: {"value": value, "type": type_, "param": param}):
        op.get_bind().execute(insert, row | {"value": _turned(row["value"])})


def _rows(key: Any) -> Iterator[dict[str, Any]]:
    """Yield the row of every key of every current version."""
    for kept in KEPT:
        for type_, id_, keys in op.get_bind().execute(sa.text(kept)):
            for param, value in orjson.loads(keys):
                yield {**key(type_, param, value), "id": id_}


def _turned(value: str) -> str:
    """Return "Patient/id" as "id/Patient", which the earlier index had."""
    kind, slash, id_ = value.partition("/")
    return f"{id_}/{kind}" if "|" not in value and slash and kind[:1].isupper() else value

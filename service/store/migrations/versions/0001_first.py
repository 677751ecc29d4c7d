"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Compared byte by byte on both databases, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _number(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.BigInteger, nullable=False, autoincrement=False) for n in names]


def _small(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _serial(name: str) -> sa.Column[Any]:
    return sa.Column(name, SERIAL, sa.Identity(), primary_key=True)


def _index(
    name: str, table: str, columns: list[str], where: str = "", *, unique: bool = False
) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


def upgrade() -> None:
    _messages()
    _feeds()
    _resources()
    _looking_up()
    _access()


def _messages() -> None:
    op.create_table(
        "message",
        *_text("id", "sender", "control_id"),
        _bytes("digest"),
        *_text("media_type"),
        _bytes("body"),
        *_number("received_at"),
        *_text("state"),
        _small("attempts"),
        *_text("mapping", "mapping_version", "issues"),
        _small("answer_status"),
        *_text("answer_media_type", "answer_headers"),
        _bytes("answer"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "state IN ('received', 'committed', 'refused', 'skipped', 'replayed')", "message_state"
        ),
    )
    _index("message_once", "message", ["sender", "control_id"], "state = 'committed'", unique=True)
    _index(
        "message_refused_once",
        "message",
        ["sender", "control_id", "digest"],
        "state = 'refused'",
        unique=True,
    )
    _index("message_kept", "message", ["state", "id"], "state <> 'committed'")
    op.create_table(
        "transition",
        _serial("seq"),
        *_text("message_id"),
        *_number("at"),
        *_text("state", "actor", "reason"),
    )
    _index("transition_message", "transition", ["message_id", "seq"])


def _feeds() -> None:
    op.create_table(
        "recipient",
        *_text("ods"),
        *_number("n", "updated", "floor"),
        sa.PrimaryKeyConstraint("ods"),
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "delivery",
        *_text("recipient"),
        *_number("n", "ts", "updated"),
        *_text("kind", "communication_id"),
        _small("version"),
        *_text("method", "sender", "message_id", "patient_id", "nhs_number", "keys"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("recipient", "n"),
    )
    _index("delivery_communication", "delivery", ["communication_id"], unique=True)
    _index("delivery_updated", "delivery", ["recipient", "updated", "n"])
    _index("delivery_sent", "delivery", ["sender", "communication_id"])
    _index("delivery_sent_updated", "delivery", ["sender", "updated", "communication_id"])


def _resources() -> None:
    op.create_table(
        "resource",
        *_text("type", "id"),
        _small("version"),
        *_number("updated"),
        *_text("method", "owner"),
        _flag("deleted"),
        *_text("message_id", "media_type", "keys"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("id", "type"),
    )
    _index("resource_owner", "resource", ["owner", "id", "type"])
    _index("resource_updated", "resource", ["updated", "id", "type"])
    op.create_table(
        "resource_history",
        *_text("type", "id"),
        _small("version"),
        *_number("updated"),
        *_text("method"),
        _flag("deleted"),
        *_text("media_type"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("id", "type", "version"),
    )


def _looking_up() -> None:
    op.create_table(
        "search_index",
        *_text("value", "id", "type", "param"),
        sa.PrimaryKeyConstraint("value", "id", "type", "param"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visible",
        *_text("organisation"),
        *_number("n"),
        *_text("id", "type"),
        sa.PrimaryKeyConstraint("organisation", "n", "id", "type"),
        sqlite_with_rowid=False,
    )
    _index("visible_once", "visible", ["id", "type", "organisation"], unique=True)


def _access() -> None:
    op.create_table(
        "client",
        *_text("id", "organisation", "name", "scopes", "jwks", "jwks_url"),
        *_number("created"),
        _flag("disabled"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "used_assertion",
        *_text("issuer", "jti"),
        *_number("expires"),
        sa.PrimaryKeyConstraint("issuer", "jti"),
    )
    _index("used_assertion_expires", "used_assertion", ["expires"])
    op.create_table("setting", *_text("key", "value"), sa.PrimaryKeyConstraint("key"))
    op.create_table(
        "audit",
        _serial("seq"),
        *_number("at"),
        *_text("client", "organisation", "action", "type", "subject", "outcome", "request_id"),
    )
    _index("audit_at", "audit", ["at"])


def downgrade() -> None:
    for table in [
        "audit",
        "setting",
        "used_assertion",
        "client",
        "visible",
        "search_index",
        "resource_history",
        "resource",
        "delivery",
        "recipient",
        "transition",
        "message",
    ]:
        op.drop_table(table)

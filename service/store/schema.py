"""The tables: what stands in each column, and which index serves which statement.

Rows of one commit lie together: ids are UUIDv7, and the indexes of `visible` and `search_index`
begin with what the rows of a commit share, so that a commit touches few pages.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

# Compared byte by byte on both databases, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # only INTEGER numbers itself there
COMMITTED = sa.text("state = 'committed'")
REFUSED = sa.text("state = 'refused'")
KEPT = sa.text("state <> 'committed'")
WAITING = sa.text("state = 'sent'")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


# What came, byte for byte, and what was answered. Instants are microseconds since 1970 (UTC).
message = sa.Table(
    "message",
    metadata,
    _text("id", key=True),
    _text("sender"),
    _text("control_id"),
    _bytes("digest"),  # SHA-256 of body
    _text("media_type"),
    _bytes("body"),
    _number("received_at"),
    _text("state"),
    _small("attempts"),
    _text("mapping"),
    _text("mapping_version"),
    _text("issues"),  # JSON
    _small("answer_status"),
    _text("answer_media_type"),
    _text("answer_headers"),  # JSON
    _bytes("answer"),
    sa.CheckConstraint(
        "state IN ('received', 'committed', 'refused', 'skipped', 'replayed')", "message_state"
    ),
    # The idempotent receiver: one committed message a key; one dead letter for the same bytes.
    sa.Index(
        "message_once",
        "sender",
        "control_id",
        unique=True,
        sqlite_where=COMMITTED,
        postgresql_where=COMMITTED,
    ),
    sa.Index(
        "message_refused_once",
        "sender",
        "control_id",
        "digest",
        unique=True,
        sqlite_where=REFUSED,
        postgresql_where=REFUSED,
    ),
    sa.Index("message_kept", "state", "id", sqlite_where=KEPT, postgresql_where=KEPT),
)

transition = sa.Table(
    "transition",
    metadata,
    sa.Column("seq", BIG, sa.Identity(), primary_key=True),
    _text("message_id"),
    _number("at"),
    _text("state"),
    _text("actor"),
    _text("reason"),
    sa.Index("transition_message", "message_id", "seq"),
)

# The counter of each feed; its row lock makes the numbers gapless and in commit order.
recipient = sa.Table(
    "recipient",
    metadata,
    _text("ods", key=True),
    _number("n"),
    _number("updated"),  # latest meta.lastUpdated given in this feed
    _number("floor"),  # events up to this number were removed by retention
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 50},  # updated in place at every event
)

# The feeds: a Communication lives here, as the bytes that a poll returns.
delivery = sa.Table(
    "delivery",
    metadata,
    _text("recipient", key=True),
    _number("n", key=True),
    _number("ts"),  # when it was delivered
    _number("updated"),  # meta.lastUpdated of the current version
    _text("kind"),
    _text("communication_id"),
    _small("version"),
    _text("method"),
    _text("sender"),
    _text("message_id"),
    _text("patient_id"),
    _text("nhs_number"),
    _text("keys"),  # JSON, this version's rows in search_index
    _bytes("body"),
    sa.Index("delivery_communication", "communication_id", unique=True),
    sa.Index("delivery_updated", "recipient", "updated", "n"),
    sa.Index("delivery_sent", "sender", "communication_id"),
    sa.Index("delivery_sent_updated", "sender", "updated", "communication_id"),
)

resource = sa.Table(
    "resource",
    metadata,
    _text("type"),
    _text("id"),
    _small("version"),
    _number("updated"),
    _text("method"),
    _text("owner"),
    _flag("deleted"),
    _text("message_id"),
    _text("media_type"),
    _text("keys"),
    _bytes("body"),
    sa.PrimaryKeyConstraint("id", "type"),
    sa.Index("resource_owner", "owner", "id", "type"),
    sa.Index("resource_updated", "updated", "id", "type"),
)

# Versions before the current one, of resources and of Communications in feeds.
resource_history = sa.Table(
    "resource_history",
    metadata,
    _text("type"),
    _text("id"),
    _small("version"),
    _number("updated"),
    _text("method"),
    _flag("deleted"),
    _text("media_type"),
    _bytes("body"),
    sa.PrimaryKeyConstraint("id", "type", "version"),
)

# Keys by digest: see keys.py.
search_index = sa.Table(
    "search_index",
    metadata,
    _bytes("place"),
    _number("what"),
    _text("id"),
    sa.PrimaryKeyConstraint("place", "what", "id"),
    sqlite_with_rowid=False,
)

# Who may see what beside its owner; n is the number of the delivery that brought it.
visible = sa.Table(
    "visible",
    metadata,
    _text("organisation"),
    _number("n"),
    _text("id"),
    _text("type"),
    sa.PrimaryKeyConstraint("organisation", "n", "id", "type"),
    sa.Index("visible_once", "id", "type", "organisation", unique=True),
    sqlite_with_rowid=False,
)

client = sa.Table(
    "client",
    metadata,
    _text("id", key=True),
    _text("organisation"),
    _text("name"),
    _text("scopes"),
    _text("jwks"),
    _text("jwks_url"),
    _number("created"),
    _flag("disabled"),
)

used_assertion = sa.Table(
    "used_assertion",
    metadata,
    _text("issuer", key=True),
    _text("jti", key=True),
    _number("expires"),
    sa.Index("used_assertion_expires", "expires"),
)

# Who may do what only one process at a time may do, and until when unless it asks again.
lease = sa.Table(
    "lease",
    metadata,
    _text("name", key=True),
    _text("holder"),
    _number("until"),
    sa.Index("lease_holder", "holder"),
)

# How far a channel has come with a recipient's feed.
channel = sa.Table(
    "channel",
    metadata,
    _text("recipient", key=True),
    _text("name", key=True),
    _text("state"),
    _number("n"),  # events up to this one were handed to the channel
    _number("trying"),  # the event whose sending has begun and whose result is not known; 0: none
    _small("round"),  # how often it was resumed: sent again, an event is another message
    _small("attempts"),  # since the last success
    _number("next_at"),  # not before
    _text("reason"),  # of the last failure
    _number("updated"),
    sa.CheckConstraint("state IN ('active', 'parked')", "channel_state"),
)

# What a channel has handed over, and what became of it.
dispatch = sa.Table(
    "dispatch",
    metadata,
    _text("recipient", key=True),
    _text("channel", key=True),
    _number("n", key=True),
    _small("round"),
    _text("communication_id"),
    _text("message_id"),  # MessageHeader.id, which an answer names
    _text("handle"),  # the channel's own id of it, such as MESH's
    _number("sent_at"),
    _text("state"),
    _number("changed_at"),
    _text("reason"),
    sa.CheckConstraint(
        "state IN ('sent', 'confirmed', 'undelivered', 'refused')", "dispatch_state"
    ),
    sa.Index("dispatch_message", "message_id"),
    sa.Index("dispatch_handle", "handle"),
    sa.Index(
        "dispatch_waiting",
        "recipient",
        "channel",
        "n",
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    ),
)

setting = sa.Table("setting", metadata, _text("key", key=True), _text("value"))

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", BIG, sa.Identity(), primary_key=True),
    _number("at"),
    _text("client"),
    _text("organisation"),
    _text("action"),
    _text("type"),
    _text("subject"),
    _text("outcome"),
    _text("request_id"),
    sa.Index("audit_at", "at"),
)

from service.store import (  # noqa: E402, F401  # more tables
    schema_caseloads,
    schema_deadlines,
    schema_subscriptions,
)

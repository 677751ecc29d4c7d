"""The tables: what stands in each column, and which index serves which statement.

Rows of one commit lie together: ids are UUIDv7, and the indexes of `visible` and `search_index`
begin with what the rows of a commit share, so that a commit touches few pages.
"""

from __future__ import annotations

import sqlalchemy as sa

from service.store import (
    schema_caseloads,
    schema_deadlines,
    schema_evaluation,
    schema_retention,
    schema_subscriptions,
)
from service.store.columns import BIG, flag, metadata, number, octets, small, text

__all__ = [
    "metadata",
    "schema_caseloads",
    "schema_deadlines",
    "schema_evaluation",
    "schema_retention",
    "schema_subscriptions",
]

COMMITTED = sa.text("state = 'committed'")
REFUSED = sa.text("state = 'refused'")
KEPT = sa.text("state <> 'committed'")
WAITING = sa.text("state = 'sent'")

# What came, byte for byte, and what was answered. Instants are microseconds since 1970 (UTC).
message = sa.Table(
    "message",
    metadata,
    text("id", key=True),
    text("sender"),
    text("control_id"),
    octets("digest"),  # SHA-256 of body
    text("media_type"),
    octets("body"),
    number("received_at"),
    text("state"),
    small("attempts"),
    text("mapping"),
    text("mapping_version"),
    text("issues"),  # JSON
    small("answer_status"),
    text("answer_media_type"),
    text("answer_headers"),  # JSON
    octets("answer"),
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
    text("message_id"),
    number("at"),
    text("state"),
    text("actor"),
    text("reason"),
    sa.Index("transition_message", "message_id", "seq"),
)

# The counter of each feed; its row lock makes the numbers gapless and in commit order.
recipient = sa.Table(
    "recipient",
    metadata,
    text("ods", key=True),
    number("n"),
    number("updated"),  # latest meta.lastUpdated given in this feed
    number("floor"),  # events up to this number were removed by retention
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 50},  # updated in place at every event
)

# The feeds: a Communication lives here, as the bytes that a poll returns.
delivery = sa.Table(
    "delivery",
    metadata,
    text("recipient", key=True),
    number("n", key=True),
    number("ts"),  # when it was delivered
    number("updated"),  # meta.lastUpdated of the current version
    text("kind"),
    text("communication_id"),
    small("version"),
    text("method"),
    text("sender"),
    text("message_id"),
    text("patient_id"),
    text("nhs_number"),
    text("keys"),  # JSON, this version's rows in search_index
    octets("body"),
    sa.Index("delivery_communication", "communication_id", unique=True),
    sa.Index("delivery_updated", "recipient", "updated", "n"),
    sa.Index("delivery_sent", "sender", "communication_id"),
    sa.Index("delivery_sent_updated", "sender", "updated", "communication_id"),
)

resource = sa.Table(
    "resource",
    metadata,
    text("type"),
    text("id"),
    small("version"),
    number("updated"),
    text("method"),
    text("owner"),
    flag("deleted"),
    text("message_id"),
    text("media_type"),
    text("keys"),
    octets("body"),
    sa.PrimaryKeyConstraint("id", "type"),
    sa.Index("resource_owner", "owner", "id", "type"),
    sa.Index("resource_updated", "updated", "id", "type"),
)

# Versions before the current one, of resources and of Communications in feeds.
resource_history = sa.Table(
    "resource_history",
    metadata,
    text("type"),
    text("id"),
    small("version"),
    number("updated"),
    text("method"),
    flag("deleted"),
    text("media_type"),
    octets("body"),
    sa.PrimaryKeyConstraint("id", "type", "version"),
)

# Keys by digest: see keys.py.
search_index = sa.Table(
    "search_index",
    metadata,
    octets("place"),
    number("what"),
    text("id"),
    sa.PrimaryKeyConstraint("place", "what", "id"),
    sqlite_with_rowid=False,
)

# Who may see what beside its owner; n is the number of the delivery that brought it.
visible = sa.Table(
    "visible",
    metadata,
    text("organisation"),
    number("n"),
    text("id"),
    text("type"),
    sa.PrimaryKeyConstraint("organisation", "n", "id", "type"),
    sa.Index("visible_once", "id", "type", "organisation", unique=True),
    sqlite_with_rowid=False,
)

client = sa.Table(
    "client",
    metadata,
    text("id", key=True),
    text("organisation"),
    text("name"),
    text("scopes"),
    text("jwks"),
    text("jwks_url"),
    number("created"),
    flag("disabled"),
)

used_assertion = sa.Table(
    "used_assertion",
    metadata,
    text("issuer", key=True),
    text("jti", key=True),
    number("expires"),
    sa.Index("used_assertion_expires", "expires"),
)

# Who may do what only one process at a time may do, and until when unless it asks again.
lease = sa.Table(
    "lease",
    metadata,
    text("name", key=True),
    text("holder"),
    number("until"),
    sa.Index("lease_holder", "holder"),
)

# How far a channel has come with a recipient's feed.
channel = sa.Table(
    "channel",
    metadata,
    text("recipient", key=True),
    text("name", key=True),
    text("state"),
    number("n"),  # events up to this one were handed to the channel
    number("trying"),  # the event whose sending has begun and whose result is not known; 0: none
    small("round"),  # how often it was resumed: sent again, an event is another message
    small("attempts"),  # since the last success
    number("next_at"),  # not before
    text("reason"),  # of the last failure
    number("updated"),
    sa.CheckConstraint("state IN ('active', 'parked')", "channel_state"),
)

# What a channel has handed over, and what became of it.
dispatch = sa.Table(
    "dispatch",
    metadata,
    text("recipient", key=True),
    text("channel", key=True),
    number("n", key=True),
    small("round"),
    text("communication_id"),
    text("message_id"),  # MessageHeader.id, which an answer names
    text("handle"),  # the channel's own id of it, such as MESH's
    number("sent_at"),
    text("state"),
    number("changed_at"),
    text("reason"),
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

setting = sa.Table("setting", metadata, text("key", key=True), text("value"))

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", BIG, sa.Identity(), primary_key=True),
    number("at"),
    text("client"),
    text("organisation"),
    text("action"),
    text("type"),
    text("subject"),
    text("outcome"),
    text("request_id"),
    sa.Index("audit_at", "at"),
)

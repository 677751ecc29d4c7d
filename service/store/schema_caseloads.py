"""The tables of caseloads: whom a team has in its care, and what was told of whom."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.schema import TEXT, metadata

OPEN = sa.text("ended = 0")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, primary_key=key, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


# One patient in one team's care. What was ended stays, with who ended it.
caseload = sa.Table(
    "caseload",
    metadata,
    _text("id", key=True),
    _text("team"),
    _small("revision"),  # rises with every change
    _bytes("number"),  # digest of the NHS number
    _bytes("likeness"),  # digest of name, birth date and postcode; empty if one of them is not said
    _text("nhs_number"),
    _text("birth_date"),
    _text("family"),
    _text("given"),
    _text("postcode"),
    _text("kinds"),  # JSON
    _text("basis"),  # JSON: system, code, text
    _text("starts"),  # YYYY-MM-DD
    _text("ends"),  # the last day; "" for no end
    _number("added"),
    _text("added_by"),
    _number("changed"),
    _text("changed_by"),
    _number("ended"),  # 0 while it holds
    _text("ended_by"),
    sa.Index(
        "caseload_once",
        "team",
        "number",
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    ),
    sa.Index("caseload_number", "number", sqlite_where=OPEN, postgresql_where=OPEN),
    sa.Index("caseload_likeness", "likeness", sqlite_where=OPEN, postgresql_where=OPEN),
    sa.Index("caseload_team", "team", "id"),
)

# The list as a whole: its version is the Group's.
caseload_list = sa.Table(
    "caseload_list",
    metadata,
    _text("team", key=True),
    _small("version"),
    _number("updated"),
)

# One entry and one sender's record that nearly agree: whether a person takes them for the same.
caseload_review = sa.Table(
    "caseload_review",
    metadata,
    _text("id", key=True),
    _text("entry"),
    _text("patient_id"),
    _text("team"),
    _text("why"),
    _text("state"),
    _number("asked"),
    _number("decided"),
    _text("decided_by"),
    _text("reason"),
    sa.CheckConstraint("state IN ('open', 'accepted', 'rejected')", "caseload_review_state"),
    sa.Index("caseload_review_once", "entry", "patient_id", unique=True),
    sa.Index("caseload_review_team", "team", "state", "id"),
)

# What was told of a patient lately, as whoever adds the patient to a caseload is told it later.
occurrence = sa.Table(
    "occurrence",
    metadata,
    _text("id", key=True),
    _number("at"),
    _text("sender"),
    _text("message_id"),
    _text("kind"),
    _text("patient_id"),
    _bytes("place"),  # digest of the NHS number; of name, birth date and postcode without one
    _text("nhs_number"),
    _text("birth_date"),
    _text("seen"),  # JSON: (type, id) of what its recipients may see
    _text("told"),  # JSON: who was told at once
    _bytes("body"),  # compressed JSON: a Communication and a Task for nobody yet
    sa.Index("occurrence_place", "place"),
)

# Who was told of an occurrence later: once.
recalled = sa.Table(
    "recalled",
    metadata,
    _text("occurrence", key=True),
    _text("team", key=True),
)

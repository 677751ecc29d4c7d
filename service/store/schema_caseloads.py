"""The tables of caseloads: whom a team has in its care, and what was told of whom."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.columns import metadata, number, octets, small, text

OPEN = sa.text("ended = 0")


# One patient in one team's care. What was ended stays, with who ended it.
caseload = sa.Table(
    "caseload",
    metadata,
    text("id", key=True),
    text("team"),
    small("revision"),  # rises with every change
    octets("number"),  # digest of the NHS number
    octets("likeness"),  # digest of name, birth date and postcode; empty if one of them is not said
    text("nhs_number"),
    text("birth_date"),
    text("family"),
    text("given"),
    text("postcode"),
    text("kinds"),  # JSON
    text("basis"),  # JSON: system, code, text
    text("starts"),  # YYYY-MM-DD
    text("ends"),  # the last day; "" for no end
    number("added"),
    text("added_by"),
    number("changed"),
    text("changed_by"),
    number("ended"),  # 0 while it holds
    text("ended_by"),
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
    text("team", key=True),
    small("version"),
    number("updated"),
)

# One entry and one sender's record that nearly agree: whether a person takes them for the same.
caseload_review = sa.Table(
    "caseload_review",
    metadata,
    text("id", key=True),
    text("entry"),
    text("patient_id"),
    text("team"),
    text("why"),
    text("state"),
    number("asked"),
    number("decided"),
    text("decided_by"),
    text("reason"),
    sa.CheckConstraint("state IN ('open', 'accepted', 'rejected')", "caseload_review_state"),
    sa.Index("caseload_review_once", "entry", "patient_id", unique=True),
    sa.Index("caseload_review_team", "team", "state", "id"),
)

# What was told of a patient lately, as whoever adds the patient to a caseload is told it later.
occurrence = sa.Table(
    "occurrence",
    metadata,
    text("id", key=True),
    number("at"),
    text("sender"),
    text("message_id"),
    text("kind"),
    text("patient_id"),
    octets("place"),  # digest of the NHS number; of name, birth date and postcode without one
    text("nhs_number"),
    text("birth_date"),
    text("seen"),  # JSON: (type, id) of what its recipients may see
    text("told"),  # JSON: who was told at once
    octets("body"),  # compressed JSON: a Communication and a Task for nobody yet
    sa.Index("occurrence_place", "place"),
)

# Who was told of an occurrence later: once.
recalled = sa.Table(
    "recalled",
    metadata,
    text("occurrence", key=True),
    text("team", key=True),
)

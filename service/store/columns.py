"""The columns that tables are made of, and the one place where every table is known."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

# Compared byte by byte on both databases, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # only INTEGER numbers itself there


def text(name: str, *, key: bool = False) -> sa.Column[str]:
    """Return a column of text; "" where there is none."""
    return sa.Column(name, TEXT, primary_key=key, nullable=False)


def number(name: str, *, key: bool = False) -> sa.Column[int]:
    """Return a column of 64 bits: an event number, an instant in microseconds."""
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


def small(name: str) -> sa.Column[int]:
    """Return a column of 32 bits: a version, a count."""
    return sa.Column(name, sa.Integer, nullable=False)


def octets(name: str) -> sa.Column[bytes]:
    """Return a column of bytes."""
    return sa.Column(name, sa.LargeBinary, nullable=False)


def flag(name: str) -> sa.Column[bool]:
    """Return a column of yes or no."""
    return sa.Column(name, sa.Boolean, nullable=False)

"""What the two databases have in common: statements with :names, and one way to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]
Params = Mapping[str, Any]
Rows = Callable[[], list[Row]]  # the rows of a statement that may still be on its way
Work = Callable[["Transaction"], T]

_NAMED = re.compile(r"(?<!:):(\w+)")


class Duplicate(Exception):
    """A row with this key is there already; the transaction was rolled back."""


class Transaction(Protocol):
    """One open transaction. Rows are fetched when asked for, so that PostgreSQL is sent several
    statements at a time."""

    def select(self, sql: str, params: Params) -> Rows:
        """Run a query; `FOR NO KEY UPDATE` in it locks the rows."""
        ...

    def select_each(self, sql: str, params: Sequence[Params]) -> list[Rows]:
        """Run a query once for each of `params`, in that order."""
        ...

    def run(self, sql: str, params: Params) -> None:
        """Run a statement that returns nothing."""
        ...

    def run_each(self, sql: str, params: Sequence[Params]) -> None:
        """Run a statement once for each of `params`, in that order."""
        ...

    def insert(self, table: str, rows: Sequence[Row], *, skip_known: bool = False) -> None:
        """Insert rows with the columns of layout.written(table), in that order.

        Raises Duplicate, here or at commit, unless known keys are to be skipped.
        """
        ...

    def lock_names(self, names: Sequence[str]) -> None:
        """Keep other transactions that lock one of these names waiting, until the commit."""
        ...


class Database(Protocol):
    """A database that threads share."""

    def select(self, sql: str, params: Params) -> list[Row]:
        """Run a query by itself."""
        ...

    def select_each(self, asked: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        """Run queries in one round trip, all on the same state of the database."""
        ...

    def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction; when this returns, it is durable.

        `work` may be run again from the start if the database asks for it. Raises what `work`
        raises, Duplicate, or Unavailable, and then nothing is written.
        """
        ...

    def announce(self) -> None:
        """Tell other processes that feeds have grown: a hint, which may be lost."""
        ...

    def await_change(self, seconds: float) -> bool:
        """Sleep until another connection may have committed; False when nothing was heard.

        For one thread only. Holds none of the connections that serve requests.
        """
        ...

    def columns(self) -> dict[str, set[str]]:
        """Return the columns of every table that there is."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


@lru_cache(maxsize=512)
def for_sqlite(sql: str) -> str:
    """Return the statement without row locks: there is one writer at a time."""
    return sql.replace(" FOR NO KEY UPDATE", "")


@lru_cache(maxsize=512)
def for_postgres(sql: str) -> str:
    """Return the statement with psycopg's placeholders, e.g. %(name)s for :name."""
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))

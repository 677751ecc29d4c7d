"""Whether a database is ready for this version, and the command that makes it so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from service.store import Store

_SQLITE: Final = "sqlite:///"
_KINDS: Final = (_SQLITE, "postgresql://", "postgres://")
_NOT_READY: Final = {
    "empty": "the relay's tables are not in {url} yet; make them: discharge-relay migrate",
    "behind": "{url} is of an older version; back it up, then: discharge-relay migrate",
    "ahead": "{url} is of a newer version of the relay; install that one",
}


def known_kind(_: click.Context, __: click.Parameter, url: str) -> str:
    """Return the address of a database. Raises BadParameter if it is of no kind that is served."""
    if not url.startswith(_KINDS) or url == _SQLITE:
        raise click.BadParameter("it begins with sqlite:/// or postgresql://")
    return url


def shown(database: str) -> str:
    """Return the address of a database without its password."""
    password = urlsplit(database).password
    return database.replace(f":{password}@", ":…@", 1) if password else database


def existing_store(database: str) -> Store:
    """Open the database. Raises ClickException that names the command that makes it ready."""
    from service.store import open_store, schema_state

    state = schema_state(database)
    if state in _NOT_READY:
        raise click.ClickException(_NOT_READY[state].format(url=shown(database)))
    return open_store(database)


def make_if_fresh(database: str) -> bool:
    """Make the tables of an embedded database that is not there yet; True if that was done."""
    from service.store import migrate, schema_state

    if not database.startswith(_SQLITE) or schema_state(database) != "empty":
        return False
    migrate(database)
    return True

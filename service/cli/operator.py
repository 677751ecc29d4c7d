"""Who works at the command line, and the record of what they do to clients and messages."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.operating import Actor
    from service.store import Store

Action = Literal["client-add", "client-disable", "client-token"]


def operator() -> str:
    """Return the name under which an operator is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"


def actor() -> Actor:
    """Return who acts now, for what is shared with the operators' API."""
    from service.model import Instant
    from service.operating import Actor

    return Actor(name=f"operator:{operator()}", at=Instant.of(datetime.now(UTC)))


def record(store: Store, action: Action, subject: str, organisation: str) -> None:
    """Write to the audit trail what an operator did to a client.

    It is on disk when the store is closed.
    """
    store.audit([actor().did(action, "Client", subject, organisation)])

"""Who works at the command line, and the record of what they do to clients and messages."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.store import Store

Action = Literal["client-add", "client-disable", "client-token", "replay", "skip"]
FAILED = "4"  # FHIR audit-event-outcome: minor failure


def operator() -> str:
    """Return the name under which an operator is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"


def record(
    store: Store, action: Action, subject: str, organisation: str, outcome: str = "0"
) -> None:
    """Write to the audit trail what an operator did to a client or a message.

    It is on disk when the store is closed.
    """
    from service.model import Instant
    from service.store import AuditEntry

    kind = "Client" if action.startswith("client-") else "Message"
    entry = AuditEntry(
        at=Instant.of(datetime.now(UTC)),
        client=f"operator:{operator()}",
        organisation=organisation,
        action=action,
        type=kind,
        subject=subject,
        outcome=outcome,
    )
    store.audit([entry])

"""Who acts as an operator, and the record of what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.model import Instant
from service.store import AuditEntry

FAILED: Final = "4"  # FHIR audit-event-outcome: minor failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """An operator at the command line (operator:LOGIN), or an operator's client by its id."""

    name: str
    at: Instant
    request_id: str = ""

    def did(
        self, action: str, kind: str, subject: str, organisation: str, outcome: str = "0"
    ) -> AuditEntry:
        """Return the record of an action; `organisation` is the one whose matter it is."""
        return AuditEntry(
            at=self.at,
            client=self.name,
            organisation=organisation,
            action=action,
            type=kind,
            subject=subject,
            outcome=outcome,
            request_id=self.request_id,
        )

"""BaRS updates and cancellations: the referral that they name, and whether it still stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.delivery.earlier import Found
from service.errors import Conflict, Issue
from service.model import TransferOfCare

_CHANGES: Final = frozenset({"referral-update", "referral-cancelled"})
_OVER: Final = frozenset({"revoked", "entered-in-error", "completed"})  # FHIR request-status
_BARS: Final = "message:servicerequest-request"
_NOT_CURRENT: Final = (
    "this referral is not active any more: it was withdrawn or completed before; read it first"
)


def require_current(transfer: TransferOfCare, found: Found) -> None:
    """Raise Conflict if a BaRS message changes a referral that is over.

    https://simplifier.net/guide/nhsbookingandreferralstandard, Cancellation: a receiver must not
    process a cancellation of what is not current. One that was never sent here is not judged.
    """
    if transfer.kind not in _CHANGES or transfer.message.event != _BARS:
        return
    faults = [
        Issue(severity="error", code="conflict", text=_NOT_CURRENT, target=f"{slot}.status")
        for slot in _over(found)
    ]
    if faults:
        raise Conflict("The referral is not active any more.", faults)


def _over(found: Found) -> Iterator[str]:
    for slot, held in found.known.items():
        body = found.bodies.get(held.id, {})
        if slot.startswith("requests") and body.get("status") in _OVER:
            yield slot

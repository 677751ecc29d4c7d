"""Messages marked as training or debugging (MSH-11 T, D): no patient of theirs is real."""

from __future__ import annotations

from typing import Final

from service.errors import Issue, ServiceError
from service.model import TransferOfCare

_MARKS: Final = ("T", "D")
_TRIAL: Final = Issue(
    severity="error",
    code="not-supported",
    text="training and debugging messages (MSH-11 T, D) are not delivered here",
    source="MSH-11",
)


class TrialMessage(ServiceError):
    """The message is marked as training or debugging, and such are not delivered here."""

    issue_type = "not-supported"
    http_status = 422
    ack_code = "AR"


def require_live(transfer: TransferOfCare, *, takes_trials: bool) -> None:
    """Raise TrialMessage for a message so marked, unless such are taken here."""
    if (transfer.message.processing or "").upper() in _MARKS and not takes_trials:
        raise TrialMessage(issues=[_TRIAL])

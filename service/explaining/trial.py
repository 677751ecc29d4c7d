"""What would become of a body if it were sent now: for its sender, with nothing stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.conversion import Attempt, Converter, resources_of
from service.delivery.routing import Routing
from service.errors import ServiceError
from service.explaining.message import explained, explained_rules, told_issue, told_recipient
from service.model import Instant, OdsCode

Json = dict[str, Any]
MOST_MESSAGES: Final = 50  # of a batch; the answer to a trial is for reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Takes a body the whole way, up to what would be committed."""

    converter: Converter
    routing: Routing

    def run(self, sender: OdsCode, media_type: str, body: bytes, mapping_id: str) -> Json:
        """Return what would become of the messages in the body (the first of many), refused too.

        The shape is described in docs/explaining.md. Raises nothing that the message is at fault
        for: that is what is told.
        """
        try:
            attempts = self.converter.attempts(
                body,
                media_type=media_type,
                mapping_id=mapping_id,
                sender=sender,
                tracing=True,
                most=MOST_MESSAGES,
            )
        except ServiceError as refusal:
            issues = [told_issue(issue) for issue in refusal.issues]
            return {**_outcome([refusal]), "issues": issues, "messages": []}
        told = [self._told(attempt) for attempt in attempts]
        return {**_outcome([attempt.refusal for attempt in attempts]), "messages": told}

    def _told(self, attempt: Attempt) -> Json:
        now = Instant.of(self.converter.clock()).isoformat()
        made = resources_of(attempt.draft.built, now) if attempt.draft else ()
        return {
            **_outcome([attempt.refusal]),
            **explained(attempt),
            "recipients": [told_recipient(each) for each in attempt.recipients],
            "rules": explained_rules(attempt, self.routing),
            "resources": list(made),
        }


def _outcome(refusals: Sequence[ServiceError | None]) -> Json:
    """Return whether it would be taken in, and how it would be answered if not."""
    refused = [refusal for refusal in refusals if refusal]
    told: Json = {"stored": False, "outcome": "refused" if refused else "converted"}
    if refused:
        worst = max(refused, key=lambda refusal: refusal.http_status)
        told["would_answer"] = {"status": worst.http_status, "ack": worst.ack_code}
    return told

"""Who is told of a message and why, and why another is not: each condition of each rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from service.conversion import Attempt
from service.delivery.routing import OPEN, Routing
from service.explaining.message import told_issue, told_recipient, told_rule
from service.model import OdsCode

Json = dict[str, Any]


def routed(attempt: Attempt, routing: Routing, on: date | None = None) -> Json:
    """Return the recipients of one message and every rule, by the rules of a day (today).

    Without what was sent before: who holds what changes, and caseloads, are not asked.
    """
    transfer = attempt.transfer
    found = routing.recipients(transfer, on) if transfer else None
    return {
        "message_id": attempt.source.message_id,
        "sender": attempt.sender,
        "kind": transfer.kind if transfer else None,
        "restricted": bool(transfer and transfer.patient.restricted),
        "version": routing.version,
        "recipients": [told_recipient(one) for one in found.recipients] if found else [],
        "issues": [told_issue(one) for one in (found.issues if found else attempt.issues)],
        "rules": [
            {**told_rule(rule), "to": list(rule.to)}
            for rule in (routing.explain(transfer, on) if transfer else ())
        ],
    }


def why(told: Json, team: OdsCode, routing: Routing) -> Iterator[str]:
    """Yield in sentences why a team is told of a message that `routed` shows, or why not."""
    for one in told["recipients"]:
        if one["ods"] == team:
            yield f"{team} is told, for {one['role']}: {', '.join(one['because'])}"
            return
    yield f"{team} is not told"
    if team == told["sender"]:
        yield "it sends the message, and is not named as a recipient"
    else:
        yield "the message does not name it, and it is not the patient's GP practice"
    if routing.directory.by_code(team) is None:
        yield "it is not in directory.yaml: no rule can lead to it"
        return
    leading = [rule for rule in told["rules"] if team in rule["to"]]
    if not leading:
        yield "no rule of routing.yaml leads to it"
    for rule in leading:
        missing = [_missing(one["condition"]) for one in rule["conditions"] if not one["holds"]]
        yield f"rule {rule['rule']} does not hold: {'; '.join(missing)}"


def _missing(condition: str) -> str:
    return "the record is restricted" if condition == OPEN else f"not {condition}"

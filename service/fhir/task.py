"""The acknowledgement Task as a state machine, and what its recipient may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from service.errors import Conflict, Issue, NonconformantResource
from service.fhir.outcomes import Outcome, faults_of_outcomes, other_answers, with_outcomes
from service.fhir.search_parameters import Resource
from service.fhir.systems import COMMUNICATION_ID, DELIVERY_STATE, RECIPIENT_TYPE, TASK_CODE

Status = Literal["received", "accepted", "rejected", "completed"]
STATUSES: Final[tuple[Status, ...]] = ("received", "accepted", "rejected", "completed")

# From → the states that a recipient may move it to. A clinical answer implies the receipt;
# nothing moves back, and only what was accepted can be completed.
MOVES: Final[Mapping[str, Sequence[str]]] = {
    "requested": ("received", "accepted", "rejected"),
    "received": ("accepted", "rejected"),
    "accepted": ("completed",),
}
_BUSINESS: Final = {  # our delivery-state for each
    "received": ("read", "Received by the recipient's system"),
    "accepted": ("acknowledged", "Accepted by the recipient"),
    "rejected": ("acknowledged", "Rejected by the recipient"),
    "completed": ("acknowledged", "Completed by the recipient"),
}
_RECIPIENTS: Final = ("status", "statusReason", "note", "output", "text", "language")
_SERVERS: Final = ("meta", "businessStatus", "lastModified", "executionPeriod")


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """What a recipient says of one Communication."""

    status: Status = "received"
    reason: Mapping[str, Any] | None = None  # CodeableConcept; needed to reject
    practitioner: str = ""  # who, by name
    role: str = ""
    outcomes: tuple[Outcome, ...] = ()  # what was done with the patient


def is_acknowledgement(task: Resource) -> bool:
    """Whether this is one of the relay's own acknowledgement Tasks."""
    codings = task.get("code", {}).get("coding", ())
    return any(coding.get("system") == TASK_CODE for coding in codings)


def is_delivered(communication: Resource) -> bool:
    """Whether this Communication is one that the relay delivered to its recipient."""
    return any(one.get("system") == COMMUNICATION_ID for one in communication.get("identifier", ()))


def acknowledged(task: Resource, said: Acknowledgement, now: str) -> Resource | None:
    """Return the Task moved on, or None if it is already where it is asked to be, or beyond.

    `now` is a FHIR instant. Raises Conflict for a move that there is not, NonconformantResource
    for a rejection without a reason.
    """
    status = task["status"]
    if status == said.status or (said.status == "received" and status != "requested"):
        recorded = with_outcomes(task, said.outcomes)
        return {**recorded, "lastModified": now} if recorded is not task else None
    _check_move(status, said.status, said.reason)
    moved = {**with_outcomes(task, said.outcomes), "status": said.status, "lastModified": now}
    moved["businessStatus"] = _business(said.status)
    if said.reason:
        moved["statusReason"] = dict(said.reason)
    if said.practitioner or said.role:
        moved["output"] = [*moved.get("output", ()), _by(said)]
    return moved


def checked_update(before: Resource, after: Resource, now: str) -> Resource:
    """Return a recipient's new version of its Task, completed with what the server owns.

    Raises NonconformantResource naming every element that is not the recipient's to change,
    Conflict for a move that there is not.
    """
    faults = [
        _issue("business-rule", f"Task.{name}", "This element is not yours to change.")
        for name in sorted(before.keys() | after.keys())
        if name not in (*_RECIPIENTS, *_SERVERS) and before.get(name) != after.get(name)
    ]
    faults += _lost_output(before, after)
    faults += faults_of_outcomes(before, after, date.fromisoformat(now[:10]))
    if faults:
        raise NonconformantResource("Only the answer in a Task is yours to change.", faults)
    if before["status"] == after["status"]:
        return {**after, **_kept(before), "lastModified": now}
    _check_move(before["status"], after["status"], after.get("statusReason"))
    kept = {**_kept(before), "businessStatus": _business(after["status"])}
    return {**after, **kept, "lastModified": now}


def role_of(communication: Resource) -> str:
    """Return what the recipient of a delivered Communication is told it for."""
    tags = communication.get("meta", {}).get("tag", ())
    told = {tag.get("code") for tag in tags if tag.get("system") == RECIPIENT_TYPE}
    return "information" if told == {"FI"} else "action"


def is_awaited(status: str, role: str) -> bool:
    """Whether an answer is still waited for: who is to act must say so, not its system alone."""
    return status == "requested" or (status == "received" and role == "action")


def received(communication: Resource, said: Status, now: str) -> Resource | None:
    """Return the Communication as its recipient's answer leaves it, None if unchanged.

    `received` is set once, by the first receipt; accepted or completed closes it.
    """
    changed = dict(communication)
    changed.setdefault("received", now)
    if said in ("accepted", "completed") and changed["status"] == "in-progress":
        changed["status"] = "completed"
    return changed if changed != communication else None


def _check_move(before: str, after: str, reason: Mapping[str, Any] | None) -> None:
    if after not in MOVES.get(before, ()):
        text = f"A Task that is {before} cannot become {after if after in STATUSES else 'that'}."
        raise Conflict(text, [_issue("conflict", "Task.status", text)])
    if after == "rejected" and not reason:
        text = "A rejection needs a statusReason."
        raise NonconformantResource(text, [_issue("required", "Task.statusReason", text)])


def _lost_output(before: Resource, after: Resource) -> list[Issue]:
    said = other_answers(before)
    if other_answers(after)[: len(said)] == said:
        return []
    return [_issue("business-rule", "Task.output", "What was answered before stays.")]


def _kept(before: Resource) -> Resource:
    return {name: before[name] for name in _SERVERS if name in before}


def _business(status: str) -> dict[str, Any]:
    code, display = _BUSINESS[status]
    return {"coding": [{"system": DELIVERY_STATE, "code": code}], "text": display}


def _by(said: Acknowledgement) -> dict[str, Any]:
    who = ", ".join(part for part in (said.practitioner, said.role) if part)
    return {"type": {"text": f"{said.status} by"}, "valueString": who}


def _issue(code: str, target: str, text: str) -> Issue:
    return Issue(severity="error", code=code, text=text, target=target)

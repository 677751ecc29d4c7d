"""What is said while nobody answers: a reminder, a request to another, a report to the sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.build.communication import BASES, TAGS
from service.fhir.build.parts import coding, concept
from service.fhir.build.wording import narrative
from service.fhir.guard import finished
from service.fhir.search_parameters import Resource
from service.fhir.systems import (
    COMMUNICATION_CATEGORY,
    COMMUNICATION_ID,
    DELIVERY_STATE,
    EVENT_ID,
    ODS,
    ROUTING_BASIS,
    TASK_ID,
)
from service.fhir.validate.primitives import LAST_UPDATED

REMINDER: Final = [concept(COMMUNICATION_CATEGORY, "reminder", "Reminder")]
ALERT: Final = [concept(COMMUNICATION_CATEGORY, "alert", "Alert")]
NOTIFICATION: Final = [concept(COMMUNICATION_CATEGORY, "notification", "Notification")]
_OF_ITS_OWN: Final = ("received", "partOf", "statusReason", "note", "text")
_ANSWERS: Final = ("output", "statusReason", "note", "executionPeriod", "partOf", "text")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What is said, to whom, about which Communication."""

    id: str  # of the Communication that says it
    purpose: str  # reminder | late | …: makes its number
    to: str  # ODS code
    name: str | None  # of whom it is said to, where the directory knows it
    role: str  # action | information
    line: str  # in words, before what the original says
    category: list[Any]
    source: str  # meta.source
    now: str  # instant


def told(original: Resource, said: Said) -> Resource:
    """Return a Communication that goes out in the wake of another, with all that one refers to.

    Its number is that of the event with purpose and recipient: the same is never said twice.
    """
    event = event_of(original)
    own = {"system": COMMUNICATION_ID, "value": f"{event}-{said.to}-{said.purpose}"}
    line = f"{said.line} {first_line(original)}"
    kept = {name: value for name, value in original.items() if name not in _OF_ITS_OWN}
    made: Resource = {
        **kept,
        "meta": {**original["meta"], "source": said.source, "tag": [TAGS[said.role]]},
        "text": narrative(line),
        "identifier": [own, *_identifiers(original)],
        "inResponseTo": [_reference(original, said)],
        "status": "in-progress" if said.role == "action" else "completed",
        "category": said.category,
        "sent": said.now,
        "recipient": [organisation(said.to, said.name)],
        "payload": [{"contentString": line}, *_papers(original)],
        "note": [*original.get("note", ()), {"text": said.line}],
    }
    return finished(made, said.id, 1, LAST_UPDATED)


def reminded(original: Resource, said: Said) -> Resource:
    """Return the Communication to whoever has the Task already: there is nothing new to answer."""
    return {**told(original, said), "status": "completed"}


def task_instead(
    task: Resource, communication: Resource, said: Said, because: str, id_: str
) -> Resource:
    """Return the Task of whoever is asked in another's place; its end is still to be said.

    `because`: "fallback:ODS" or "on-duty:ODS".
    """
    kept = {name: value for name, value in task.items() if name not in _ANSWERS}
    basis = because.partition(":")[0]
    reason = {"coding": [coding(ROUTING_BASIS, basis, BASES[basis])], "text": because}
    value = f"{event_of(communication)}-{said.to}-{said.purpose}"
    made = {
        **kept,
        "meta": {**task["meta"], "source": said.source},
        "identifier": [{"system": TASK_ID, "value": value}],
        "status": "requested",
        "businessStatus": concept(DELIVERY_STATE, "queued", "Queued"),
        "focus": {"reference": f"Communication/{communication['id']}"},
        "authoredOn": said.now,
        "lastModified": said.now,
        "owner": communication["recipient"][0],
        "reasonCode": reason,
        "note": [{"time": said.now, "text": said.line}],
    }
    return finished(made, id_, 1, LAST_UPDATED)


def noted(task: Resource, text: str, now: str, **changed: Any) -> Resource:
    """Return the next version of a Task with a note of what was done about it."""
    note = [*task.get("note", ()), {"time": now, "text": text}]
    version = int(task["meta"]["versionId"]) + 1
    after = {**task, **changed, "note": note, "lastModified": now}
    return finished(after, task["id"], version, LAST_UPDATED)


def cancelled(task: Resource, text: str, now: str) -> Resource:
    """Return a Task that need not be done any more."""
    return noted(task, text, now, status="cancelled", statusReason={"text": text})


def stopped(communication: Resource, text: str) -> Resource:
    """Return a Communication whose request is taken back."""
    after = {**communication, "status": "stopped", "statusReason": {"text": text}}
    version = int(communication["meta"]["versionId"]) + 1
    return finished(after, communication["id"], version, LAST_UPDATED)


def organisation(ods: str, name: str | None) -> Resource:
    """Return a reference to an organisation; literal where the directory has it."""
    made: Resource = {"reference": f"Organization/{ods}"} if name else {}
    made |= {"type": "Organization", "identifier": {"system": ODS, "value": ods}}
    return made | {"display": name} if name else made


def first_line(communication: Resource) -> str:
    """Return what a delivered Communication says in words."""
    for part in communication.get("payload", ()):
        if text := part.get("contentString"):
            return str(text)
    return ""


def event_of(communication: Resource) -> str:
    """Return the number of the event that a Communication tells of."""
    numbers = (i for i in communication["identifier"] if i.get("system") == EVENT_ID)
    return str(next(numbers)["value"])


def _identifiers(original: Resource) -> list[Mapping[str, Any]]:
    return [one for one in original["identifier"] if one.get("system") != COMMUNICATION_ID]


def _papers(original: Resource) -> list[Mapping[str, Any]]:
    return [part for part in original.get("payload", ()) if "contentString" not in part]


def _reference(original: Resource, said: Said) -> Resource:
    """Name the original; only whom it is addressed to, or who sent it, can read it."""
    number = next(i for i in original["identifier"] if i.get("system") == COMMUNICATION_ID)
    named: Resource = {"type": "Communication", "identifier": {**number}}
    literal = {"reference": f"Communication/{original['id']}"}
    return named if said.purpose.startswith("instead") else {**literal, **named}

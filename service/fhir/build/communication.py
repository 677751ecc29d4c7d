"""Communication and its acknowledgement Task: one of each for every recipient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from service.errors import Issue
from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import Held
from service.fhir.build.parts import (
    coding,
    concept,
    event_number,
    meta,
    organisation_reference,
    present,
)
from service.fhir.build.wording import TITLES, is_alert, narrative, summary
from service.fhir.systems import (
    COMMUNICATION_CATEGORY,
    COMMUNICATION_ID,
    COMMUNICATION_TOPIC,
    DELIVERY_STATE,
    EVENT_ID,
    EVENT_KIND,
    PARTICIPATION_MODE,
    RECIPIENT_TYPE,
    ROUTING_BASIS,
    SNOMED,
    TASK_CODE,
    TASK_ID,
    local_system,
)
from service.model import Organisation, Recipient

# How long a recipient has to acknowledge, by the request's priority, where nobody says otherwise.
DEADLINES: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "stat": timedelta(hours=2),
        "asap": timedelta(hours=8),
        "urgent": timedelta(hours=24),
        "routine": timedelta(hours=72),
    }
)
Due = Callable[[Recipient, str, datetime], datetime]  # by priority, from its release on


def elapsed(_: Recipient, urgency: str, released: datetime) -> datetime:
    """Return until when a recipient that always works is to acknowledge."""
    return released + DEADLINES[urgency]


CATEGORIES: Final = {
    True: [concept(COMMUNICATION_CATEGORY, "alert", "Alert")],
    False: [concept(COMMUNICATION_CATEGORY, "notification", "Notification")],
}
MEDIUM: Final = [concept(PARTICIPATION_MODE, "ELECTRONIC", "electronic data")]
TAGS: Final = {
    "action": coding(RECIPIENT_TYPE, "FA", "For action"),
    "information": coding(RECIPIENT_TYPE, "FI", "For information"),
}
TOPICS: Final[dict[str, Json]] = {
    kind: {"coding": [coding(EVENT_KIND, kind, title)], "text": title}
    for kind, title in TITLES.items()
}
TOPICS["discharge"]["coding"] += [
    coding(SNOMED, "373942005", "Discharge summary"),
    coding(COMMUNICATION_TOPIC, "summary-report", "Summary Report"),
]
BASES: Final = {
    "named": "Named",
    "performer": "Performer",
    "discharged-to": "Takes the patient over",
    "gp-practice": "GP practice",
    "rule": "Routing rule",
    "caseload": "Caseload",
    "holds-what-changes": "Holds what changes",
    "fallback": "In the place of another",
    "on-duty": "On duty",
}


def communication(
    context: Context,
    held: Held,
    recipient: Recipient,
    asked: Mapping[int, Json],
    about: Sequence[Json],
) -> Resource:
    """https://hl7.org/fhir/R4/communication.html, one for each recipient.

    `asked` are references to what it is asked, by index in the transfer; `about` the documents.
    """
    transfer = context.transfer
    line = summary(context, recipient, [transfer.requests[i] for i in asked])
    return present(
        {
            "resourceType": "Communication",
            "id": held.id,
            "meta": meta(context, held, TAGS[recipient.role]),
            "text": narrative(line),
            "identifier": _identifiers(context, recipient),
            "basedOn": list(asked.values()),
            "partOf": _part_of(context, held, recipient),
            "inResponseTo": _replaced(context),
            "status": "in-progress",  # "completed" once this recipient acknowledges
            "category": CATEGORIES[is_alert(transfer)],
            "priority": priority(context, asked),
            "medium": MEDIUM,
            "subject": context.subject,
            "topic": TOPICS[transfer.kind],
            "about": list(about),
            "encounter": context.encounter,
            "sent": context.instant,
            "recipient": [_recipient(context, recipient)],
            "sender": context.sender,
            "payload": [{"contentString": line}, *({"contentReference": each} for each in about)],
            "note": [_note(issue) for issue in _doubts(context)],
        }
    )


def acknowledgement(
    context: Context,
    held: Held,
    recipient: Recipient,
    communicated: Resource,
    due: Due,
) -> Resource:
    """https://hl7.org/fhir/R4/task.html: acknowledge one Communication, by when."""
    urgency = communicated.get("priority") or _when_unknown(context)
    number = f"{event_number(context)}-{recipient.ods or recipient.name}"
    return present(
        {
            "resourceType": "Task",
            "id": held.id,
            "meta": meta(context, held),
            "identifier": [{"system": TASK_ID, "value": number}],
            "basedOn": communicated.get("basedOn"),
            "groupIdentifier": {"system": EVENT_ID, "value": event_number(context)},
            "status": "requested",
            "businessStatus": concept(DELIVERY_STATE, "queued", "Queued"),
            "intent": "order",
            "priority": communicated.get("priority"),
            "code": concept(TASK_CODE, "acknowledge-discharge", "Acknowledge"),
            "focus": {"reference": f"Communication/{communicated['id']}"},
            "for": context.subject,
            "encounter": context.encounter,
            "authoredOn": context.instant,
            "lastModified": context.instant,
            "requester": context.sender,
            "owner": communicated["recipient"][0],
            "reasonCode": _basis(recipient.because),
            "restriction": {
                "period": {
                    "end": due(recipient, urgency, context.now).isoformat(timespec="seconds")
                }
            },
        }
    )


def priority(context: Context, mine: Iterable[int]) -> str | None:
    """Return the most urgent priority among the requests of a recipient."""
    asked = {context.transfer.requests[i].priority for i in mine}
    return next((urgency for urgency in DEADLINES if urgency in asked), None)


def _when_unknown(context: Context) -> str:
    """Return how soon to acknowledge without a priority: soon, if one was not understood."""
    requests = context.transfer.requests
    return "urgent" if any(r.priority_text and not r.priority for r in requests) else "routine"


def _identifiers(context: Context, recipient: Recipient) -> list[Json]:
    message = context.transfer.message
    event = event_number(context)
    return [
        {"system": COMMUNICATION_ID, "value": f"{event}-{recipient.ods or recipient.name}"},
        {"system": EVENT_ID, "value": event},
        {"system": local_system(message.sender, "message"), "value": message.id},
    ]


def _recipient(context: Context, recipient: Recipient) -> Json:
    return organisation_reference(Organisation(ods=recipient.ods, name=recipient.name), context)


def _part_of(context: Context, held: Held, recipient: Recipient) -> list[Json]:
    """Return the sender's own Communication, where it is not this one."""
    own = recipient.reference
    return [{"reference": own}] if own and own != held.reference else []


def _replaced(context: Context) -> list[Json]:
    message = context.transfer.message
    if not message.replaces:
        return []
    system = local_system(message.sender, "message")
    return [{"type": "Communication", "identifier": {"system": system, "value": message.replaces}}]


def _doubts(context: Context) -> list[Issue]:
    return [*context.transfer.issues, *context.issues]


def _note(issue: Issue) -> Json:
    places = [place for place in (issue.target, issue.source) if place]
    where = f" ({', '.join(places)})" if places else ""
    return {"text": f"{issue.severity.capitalize()}: {issue.text}{where}"}


def _basis(because: str) -> Json:
    """Return why this recipient is told: every reason coded, the whole in words."""
    reasons = dict.fromkeys(each.partition(":")[0] for each in because.split(", "))
    codings = [
        coding(ROUTING_BASIS, reason, BASES[reason])
        if reason in BASES
        else coding(ROUTING_BASIS, "other", "Other")
        for reason in reasons
    ]
    return {"coding": codings, "text": because}

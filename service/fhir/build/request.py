"""ServiceRequest from what the sender asks of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import Held
from service.fhir.build.parts import (
    ABSENT,
    coded,
    concept,
    event_number,
    identifier,
    identifiers,
    meta,
    organisation_reference,
    period,
    plain,
    practitioner_reference,
    present,
)
from service.fhir.build.wording import narrative, words
from service.fhir.systems import EVENT_ID, SNOMED
from service.model import Organisation, Recipient, Request

PATIENT_REFERRAL: Final = concept(SNOMED, "3457005", "Patient referral")
ONWARD_ACTION: Final[Json] = {"text": "Action requested on discharge"}


def service_request(
    context: Context,
    held: Held,
    index: int,
    recipients: Sequence[Recipient],
    supporting: Sequence[Json],
) -> Resource:
    """https://hl7.org/fhir/R4/servicerequest.html

    A referral is an order; what a discharge asks of others is a plan, as sent.
    """
    given = context.transfer.requests[index]
    authored = plain(given.authored_at or context.transfer.message.sent_at)
    return present(
        {
            "resourceType": "ServiceRequest",
            "id": held.id,
            "meta": meta(context, held),
            "text": narrative(words(given.service) or "Request for a service"),
            "identifier": _identifiers(given, context, index),
            "requisition": given.requisition
            and identifier(given.requisition, context, "ServiceRequest"),
            "status": _status(given, context),
            "intent": given.intent,
            "category": _categories(given),
            "priority": given.priority,
            "doNotPerform": given.do_not_perform or None,
            "code": coded(given.service) or ABSENT,
            "subject": context.subject,
            "encounter": context.encounter,
            "occurrencePeriod": period(
                given.starts_at, given.ends_at, context, f"requests[{index}]"
            ),
            **({"authoredOn": authored} if authored else {"_authoredOn": ABSENT}),
            "requester": _requester(given, context),
            "performer": _performers(given, recipients, context),
            "reasonCode": [made for each in given.reasons if (made := coded(each))] or [ABSENT],
            "supportingInfo": list(supporting),
            "note": [{"text": note} for note in (*_priority_as_sent(given), *given.notes) if note],
        }
    )


def addressed_to(
    recipient: Recipient, requests: Sequence[Request], everybody: Sequence[Recipient]
) -> list[int]:
    """Return which requests are for this recipient of `everybody` who is told.

    They are those that name it; and where a request names nobody, or none whom it reaches, all
    who are to act are asked.
    """
    return [
        i
        for i, request in enumerate(requests)
        if any(performer.ods == recipient.ods for performer in request.performers)
        or (recipient.role == "action" and not _reached(request, everybody))
    ]


def _reached(request: Request, everybody: Sequence[Recipient]) -> bool:
    told = {recipient.ods for recipient in everybody}
    return any(performer.ods in told for performer in request.performers if performer.ods)


def _priority_as_sent(given: Request) -> list[str]:
    return [f"Priority as sent: {given.priority_text}"] if given.priority_text else []


def _status(given: Request, context: Context) -> str:
    is_over = given.status in ("revoked", "entered-in-error", "completed")
    withdrawn = context.transfer.kind == "referral-cancelled" and not is_over
    return "revoked" if withdrawn else given.status


def _identifiers(given: Request, context: Context, index: int) -> list[Json]:
    """Return the sender's numbers; where it gave none, one made of the message's."""
    if given.identifiers:
        return identifiers(given.identifiers, context, "ServiceRequest")
    value = f"{event_number(context)}-request-{index + 1}"
    return [{"system": EVENT_ID, "value": value}]


def _categories(given: Request) -> list[Json]:
    """Return what was sent; a plan without it says what it is, an order is a referral as well."""
    sent = coded(given.category)
    if given.intent == "plan":
        return [sent or ONWARD_ACTION]
    return [PATIENT_REFERRAL, sent] if sent else [PATIENT_REFERRAL]


def _requester(given: Request, context: Context) -> Json:
    """Return who asks: the professional (of the organisation in words), else the organisation."""
    organisation = given.requesting_organisation
    if given.requester is None:
        return organisation_reference(organisation, context) if organisation else context.sender
    made = practitioner_reference(given.requester, context)
    if organisation is None or organisation == given.requester.organisation:
        return made
    asking = organisation_reference(organisation, context)
    where = [asking.get("display"), organisation.ods and f"({organisation.ods})"]
    display = [made.get("display"), " ".join(word for word in where if word)]
    return {**made, "display": ", ".join(word for word in display if word)}


def _performers(given: Request, recipients: Sequence[Recipient], context: Context) -> list[Json]:
    """Return whom the sender named; where that reaches nobody, the recipients that are to act."""
    named = list(given.performers)
    if not _reached(given, recipients):
        acting = [each for each in recipients if each.role == "action"]
        named += [Organisation(ods=each.ods, name=each.name) for each in acting]
    return [organisation_reference(each, context) for each in named] or [ABSENT]

"""The few words a recipient reads first: what happened, and what is asked of whom.

One line, without the patient's name, number or diagnoses: it also stands in lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from service.errors import Issue
from service.fhir.build.context import Context
from service.fhir.systems import XHTML
from service.model import Coded, Document, Encounter, Recipient, Request, TransferOfCare

TITLES: Final = {
    "admission": "Admission",
    "admission-cancelled": "Admission cancelled",
    "transfer": "Moved within the hospital",
    "discharge": "Discharge",
    "discharge-cancelled": "Discharge cancelled",
    "death": "Death notification",
    "referral": "Referral",
    "referral-update": "Referral changed",
    "referral-cancelled": "Referral withdrawn",
    "document": "Document",
    "patient-update": "Patient details changed",
    "patient-merge": "Patient records merged",
}
_ROLES: Final = {"action": "For action.", "information": "For information."}
_DISREGARD: Final = "Disregard the earlier notice."
_WITHDRAWN: Final = "entered-in-error"  # of documents, compositions and stays alike
_NO_STAY: Final = {  # FHIR encounter-status: then the patient need not be there
    "planned": "planned, not begun",
    "cancelled": "cancelled",
    _WITHDRAWN: "entered in error",
}
_HELD_BEFORE: Final = "holds-what-changes"
_LIVE: Final = frozenset({"active"})  # FHIR request-status
_STATUS: Final = {
    "draft": "marked as a draft",
    "on-hold": "marked as on hold",
    "revoked": "marked as revoked (withdrawn, rejected or expired)",
    "completed": "marked as completed",
    "entered-in-error": "marked as entered in error",
    "unknown": "of unknown status",
}
_IN_BRACKETS: Final = re.compile(r"\s*\([^)]*\)")
_CONDITION: Final = re.compile(r"[,;]| unless | e\.g\.")
_MONTHS: Final = (
    *("", "Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def summary(context: Context, recipient: Recipient, requests: Sequence[Request]) -> str:
    """Return the line for one recipient; `requests` are those addressed to it.

    A referral says to everyone what is asked; a discharge to whom it is asked of.
    """
    transfer = context.transfer
    by = context.sender.get("display") or str(transfer.message.sender)
    asked = transfer.requests if transfer.kind in _REFERRALS else requests
    said = [_HAPPENED[transfer.kind](transfer, by)]
    if transfer.kind != "death" and any(map(_is_of_a_death, transfer.issues)):
        said.append("The patient may have died: see the notes before anybody visits or calls.")
    if not is_alert(transfer):
        said += _not_as_usual(transfer)
        said += [text for request in asked if (text := _asked(request, by))]
        said += _asked_of_others(context, recipient)
    return " ".join([*said, _ROLES[recipient.role]])


def _is_of_a_death(issue: Issue) -> bool:
    return issue.target == "patient.deceased" and issue.code == "conflict"


def _asked_of_others(context: Context, recipient: Recipient) -> Iterator[str]:
    """Tell who had a referral before, and is not named in it now, of whom it is asked."""
    if context.transfer.kind not in _REFERRALS or _HELD_BEFORE not in recipient.because:
        return
    named = {
        performer.name or (performer.ods and context.organisation_name(performer.ods))
        for request in context.transfer.requests
        for performer in request.performers
        if request.status in _LIVE
    }
    if names := ", ".join(sorted(filter(None, named))):
        yield f"It is now asked of {names}: if you were asked before, you no longer are."


def is_alert(transfer: TransferOfCare) -> bool:
    """Whether the notice warns or takes back: a death, or something that was withdrawn."""
    return transfer.kind in _ALERTS or _is_withdrawn(transfer)


def _discharge(transfer: TransferOfCare, by: str) -> str:
    stay = transfer.encounter or Encounter()
    to = _place(stay.discharge_destination)
    where = (f"from {by}", stay.ward, f"to: {to}" if to else None)
    told = f"Discharged{_on(stay.discharged_at)} {', '.join(filter(None, where))}."
    if stay.status in (None, "finished"):
        return told
    return f"{told} The stay itself is marked as {stay.status}: ask {by} whether it has ended."


def _discharge_cancelled(transfer: TransferOfCare, by: str) -> str:
    stay = transfer.encounter or Encounter()
    if stay.status in _NO_STAY:
        return f"{by} has marked the stay as {_NO_STAY[stay.status]}. {_DISREGARD}"
    when = _on(stay.discharged_at)
    told = f"The discharge from {by}{when} was cancelled: the patient is still there."
    return f"{told} {_DISREGARD}"


def _admission(transfer: TransferOfCare, by: str) -> str:
    stay = transfer.encounter or Encounter()
    if transfer.kind == "admission-cancelled":
        return f"The admission to {by}{_on(stay.admitted_at)} was cancelled. {_DISREGARD}"
    where = ", ".join(filter(None, (by, stay.ward)))
    if transfer.kind == "transfer":
        return f"The patient is now at {where}."
    return f"Admitted{_on(stay.admitted_at)} to {where}."


def _death(transfer: TransferOfCare, by: str) -> str:
    died = transfer.patient.died_at
    if died:
        return f"The patient died{_on(died)}, as told by {by}. Do not arrange a visit."
    ended = transfer.encounter and transfer.encounter.discharged_at
    told = f"The patient has died, as told by {by}. Do not arrange a visit."
    return f"{told} The stay ended{_on(ended)}." if ended else told


def _referral(transfer: TransferOfCare, by: str) -> str:
    told = _REFERRALS[transfer.kind].format(by=by)
    if transfer.kind != "referral-cancelled":
        return f"{told}."
    what = ", ".join(filter(None, (words(request.service) for request in transfer.requests)))
    return f"{told}{': ' + what if what else ''}. {_DISREGARD}"


def _document(transfer: TransferOfCare, by: str) -> str:
    document = _named(transfer.documents)
    if _is_withdrawn(transfer):
        if not (transfer.documents or transfer.sections):
            return f"{by} has withdrawn an earlier notice about the patient. {_DISREGARD}"
        return f"{by} has withdrawn {document} about the patient. {_DISREGARD}"
    told = f"{by} has sent {document} about the patient."
    if any(each.replaces for each in transfer.documents):
        told = f"{by} has sent a new version of {document} about the patient."
    return told


def _named(documents: Sequence[Document]) -> str:
    kinds = ", ".join(dict.fromkeys(filter(None, (words(each.type) for each in documents))))
    return f"a document ({kinds})" if kinds else "a document"


def _not_as_usual(transfer: TransferOfCare) -> Iterator[str]:
    """Yield what keeps a document, or what is said in words, from being relied upon."""
    documents = transfer.documents
    states = {transfer.message.doc_status, *(each.doc_status for each in documents)}
    if any(each.status == "superseded" for each in documents):
        yield "A document is marked as obsolete: there is a newer one."
    if any(each.status == _WITHDRAWN for each in documents):
        yield "A document is marked as entered in error."
    if "preliminary" in states:
        yield "What was sent is not final yet."
    if transfer.message.replaces and not any(each.replaces for each in documents):
        yield "It replaces an earlier version."
    if "amended" in states:
        yield "What was sent corrects an earlier version."


def _details(transfer: TransferOfCare, by: str) -> str:
    if transfer.kind == "patient-merge":
        return f"{by} has found two of its records to be of this patient, and joined them."
    return f"{by} has changed the patient's details."


def _is_withdrawn(transfer: TransferOfCare) -> bool:
    """Whether all that a document says was taken back."""
    if transfer.kind != "document":
        return False
    states = {each.status for each in transfer.documents}
    return transfer.message.doc_status == _WITHDRAWN or states == {_WITHDRAWN}


_ALERTS: Final = frozenset(
    {"death", "admission-cancelled", "discharge-cancelled", "referral-cancelled"}
)
_REFERRALS: Final = {
    "referral": "Referred by {by}",
    "referral-update": "A referral by {by} was changed",
    "referral-cancelled": "A referral by {by} was withdrawn",
}
_HAPPENED: Final[dict[str, Callable[[TransferOfCare, str], str]]] = {
    **dict.fromkeys(("admission", "admission-cancelled", "transfer"), _admission),
    "discharge": _discharge,
    "discharge-cancelled": _discharge_cancelled,
    "death": _death,
    **dict.fromkeys(_REFERRALS, _referral),
    "document": _document,
    "patient-update": _details,
    "patient-merge": _details,
}


def words(given: Coded | None) -> str:
    """Return a concept in words: the sender's, else the code system's."""
    return "" if given is None else (given.text or given.display or given.code or "").strip()


def _place(given: Coded | None) -> str:
    """Return a destination in the sender's words, else the display without its conditions.

    "Usual place of residence unless listed below, for example, …" is for coders, and so are the
    brackets of "Non-NHS (other than Local Authority) run Hospice".
    """
    if given is None or given.text or not given.display:
        return words(given)
    return _CONDITION.split(_IN_BRACKETS.sub("", given.display))[0].strip()


def spoken_time(moment: str) -> str:
    """Return a FHIR dateTime as a British reader expects it, e.g. "14 Mar 2025 16:15".

    A time is told in London's time, whatever offset it was sent with.
    """
    if "T" in moment:
        at = datetime.fromisoformat(moment).astimezone(_london())
        return f"{at.day} {_MONTHS[at.month]} {at.year} {at:%H:%M}"
    year, *parts = moment.split("-")
    month = [_MONTHS[int(parts[0])]] if parts else []
    return " ".join([*(part.lstrip("0") for part in parts[1:]), *month, year])


@cache
def _london() -> ZoneInfo:
    return ZoneInfo("Europe/London")


def narrative(text: str) -> dict[str, str]:
    """Return a generated Narrative with this text."""
    return {"status": "generated", "div": div(escape(text))}


def div(inner: str) -> str:
    """Return a narrative div around markup."""
    return f'<div xmlns="{XHTML}">{inner}</div>'


def _on(moment: str | None) -> str:
    return f" on {spoken_time(moment)}" if moment else ""


def _asked(request: Request, by: str) -> str:
    """Return what is asked, and how urgently; a request that is not live says so instead."""
    service = words(request.service)
    if request.status not in _LIVE:
        what = service or "a service"
        told = _STATUS.get(request.status, "not active")
        return f"The request for {what} is {told}: ask {by} before acting."
    if request.do_not_perform:
        return f"Asked NOT to be done: {service or 'a service'}."
    urgency = f" ({_urgency(request)})" if _urgency(request) else ""
    until = f" by {spoken_time(request.ends_at)}" if request.ends_at else ""
    what = f": {service}" if service else ""
    return f"Requested{urgency}{until}{what}." if urgency or until or what else ""


def _urgency(request: Request) -> str:
    """Return the priority; one that was not understood as it was sent."""
    if request.priority or not request.priority_text:
        return request.priority or ""
    return f"priority as sent: {request.priority_text}"

"""The few words a recipient reads first: what happened, and what is asked of whom.

One line, without the patient's name, number or diagnoses: it also stands in lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from service.fhir.build.context import Context
from service.fhir.systems import XHTML
from service.model import Coded, Encounter, Recipient, Request

TITLES: Final = {
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
_PLAIN: Final = {
    "patient-update": "The patient's details were changed.",
    "patient-merge": "Two records of the sender were found to be of this patient and were joined.",
    "document": "A document about the patient.",
}
_ROLES: Final = {"action": "For action.", "information": "For information."}
_CONDITION: Final = re.compile(r"[,;(]| unless | e\.g\.")
_MONTHS: Final = (
    *("", "Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def summary(context: Context, recipient: Recipient, requests: Sequence[Request]) -> str:
    """Return the line for one recipient; `requests` are those addressed to it."""
    said = [what_happened(context)]
    if context.transfer.kind in ("death", "discharge-cancelled", "referral-cancelled"):
        return " ".join([*said, _ROLES[recipient.role]])
    said += [text for request in requests if (text := _asked(request))]
    return " ".join([*said, _ROLES[recipient.role]])


def what_happened(context: Context) -> str:
    """Return what the transfer is, with time and place where they are known."""
    transfer = context.transfer
    stay = transfer.encounter or Encounter()
    by = context.sender.get("display") or transfer.message.sender
    if transfer.kind == "discharge":
        to = _place(stay.discharge_destination)
        where = (f"from {by}", stay.ward, f"to: {to}" if to else None)
        return f"Discharged{_on(stay.discharged_at)} {', '.join(filter(None, where))}."
    if transfer.kind == "discharge-cancelled":
        return (
            f"The discharge from {by}{_on(stay.discharged_at)} was cancelled: the patient is"
            " still there. Disregard the earlier notice."
        )
    if transfer.kind == "death":
        died = transfer.patient.died_at
        said = f"The patient died{_on(died)}" if died else "The patient has died"
        ended = f" The stay ended{_on(stay.discharged_at)}." if stay.discharged_at else ""
        return f"{said}, as told by {by}. Do not arrange a visit.{ended}"
    if transfer.kind.startswith("referral"):
        return _REFERRALS[transfer.kind].format(by=by)
    return f"{_PLAIN[transfer.kind]} Sent by {by}."


_REFERRALS: Final = {
    "referral": "Referred by {by}.",
    "referral-update": "A referral by {by} was changed.",
    "referral-cancelled": "A referral by {by} was withdrawn. Disregard the earlier notice.",
}


def words(given: Coded | None) -> str:
    """Return a concept in words: the sender's, else the code system's."""
    return "" if given is None else given.text or given.display or given.code or ""


def _place(given: Coded | None) -> str:
    """Return a destination in the sender's words, else the display up to its first condition.

    "Usual place of residence unless listed below, for example, …" is for coders.
    """
    if given is None or given.text or not given.display:
        return words(given)
    return _CONDITION.split(given.display)[0].strip()


def spoken_time(moment: str) -> str:
    """Return a FHIR dateTime as a British reader expects it, e.g. "14 Mar 2025 16:15"."""
    day, _, time = moment.partition("T")
    parts = day.split("-")
    if len(parts) > 1:
        parts[1] = _MONTHS[int(parts[1])]
    if len(parts) > 2:  # noqa: PLR2004
        parts[2] = parts[2].lstrip("0")
    return " ".join([*reversed(parts), time[:5]]).strip()


def narrative(text: str) -> dict[str, str]:
    """Return a generated Narrative with this text."""
    return {"status": "generated", "div": div(escape(text))}


def div(inner: str) -> str:
    """Return a narrative div around markup."""
    return f'<div xmlns="{XHTML}">{inner}</div>'


def _on(moment: str | None) -> str:
    return f" on {spoken_time(moment)}" if moment else ""


def _asked(request: Request) -> str:
    service = words(request.service)
    if not service:
        return ""
    urgency = f" ({request.priority})" if request.priority else ""
    by = f" by {spoken_time(request.ends_at)}" if request.ends_at else ""
    return f"Requested{urgency}{by}: {service}."

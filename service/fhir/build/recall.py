"""From stored resources back to the canonical record: what a notice must tell of what holds now."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from service.fhir.build.context import Json, Resource
from service.fhir.build.parts import ABSENT
from service.model import Coded, Encounter, Moment, Request, TransferOfCare

_AS_SENT: Final = "Priority as sent: "


def as_it_stands(transfer: TransferOfCare, stay: Resource) -> TransferOfCare:
    """Return a transfer that tells of its stay as it is stored: its times, ward and destination."""
    period, places = stay.get("period", {}), stay.get("location", ())
    told = transfer.encounter or Encounter()
    wards = [one["location"].get("display") for one in places]
    recalled = replace(
        told,
        status=None,
        admitted_at=_moment(period.get("start")),
        discharged_at=_moment(period.get("end")),
        ward=next((ward for ward in wards if ward), None),
        bed=None,
        discharge_destination=_coded(
            stay.get("hospitalization", {}).get("dischargeDisposition", {})
        ),
    )
    return replace(transfer, encounter=recalled)


def request_as_it_stands(request: Request, stored: Resource) -> Request:
    """Return a request with the status, urgency, service and time that are stored."""
    code, when = stored.get("code", ABSENT), stored.get("occurrencePeriod", {})
    notes = [note["text"] for note in stored.get("note", ())]
    sent = [n.removeprefix(_AS_SENT) for n in notes if n.startswith(_AS_SENT)]
    return replace(
        request,
        status=stored["status"],
        priority=stored.get("priority"),
        priority_text=sent[0] if sent else None,
        do_not_perform=stored.get("doNotPerform", False),
        service=request.service if code == ABSENT else _coded(code),
        ends_at=_moment(when.get("end")),
    )


def _moment(text: str | None) -> Moment | None:
    return Moment(text) if text else None


def _coded(concept: Json) -> Coded | None:
    if not concept:
        return None
    coding: Json = next(iter(concept.get("coding", ())), {})
    return Coded(
        code=coding.get("code"),
        system=coding.get("system"),
        display=coding.get("display"),
        text=concept.get("text"),
    )

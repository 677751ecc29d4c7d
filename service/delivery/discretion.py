"""A record that was marked as restricted stays so until its sender lifts that.

An empty field says nothing: a later message without the mark must not be fanned out, and must
not open what the earlier one closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from service.delivery.earlier import Found
from service.errors import Issue
from service.fhir.build.continuity import is_restricted
from service.fhir.search_parameters import Resource
from service.model import TransferOfCare

_LIFTED: Final = "N"  # v3-Confidentiality: said of the patient by this very message
_STILL: Final = Issue(
    severity="information",
    code="suppressed",
    text="the record was marked as restricted before, and this message does not say that it is "
    "not any more: it is taken for restricted",
    target="patient.restricted",
)


def as_marked_before(transfer: TransferOfCare, found: Found) -> TransferOfCare:
    """Return the transfer as restricted as the record that it goes to."""
    held, patient = found.known.get("patient"), transfer.patient
    if held is None or patient.restricted or patient.confidentiality == _LIFTED:
        return transfer
    stored = found.bodies.get(held.id, {})
    if not is_restricted(stored):
        return transfer
    marked = replace(patient, restricted=True, confidentiality=_level(stored))
    return replace(transfer, patient=marked, issues=(*transfer.issues, _STILL))


def _level(stored: Resource) -> str:
    codes = {label.get("code") for label in stored["meta"]["security"]}
    return "V" if "V" in codes else "R"

"""Hypothesis strategies for transfers of care, made from the dataclasses themselves.

A field without a rule of its own gets any text, so that a new field is tried at once.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from hypothesis import strategies as st

from service.errors import Issue
from service.model import (
    KINDS,
    Moment,
    NhsNumber,
    OdsCode,
    PartialDate,
    Recipient,
    TransferOfCare,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
URIS = st.sampled_from(["http://snomed.info/sct", "urn:oid:2.16.840.1.113883.2.1", "a b"])
CODES = st.sampled_from(["A", "01", "C79.5", " odd  code ", "2 words"])
NUMBERS = st.sampled_from(["9990123454", "9994512307", "9998765439"]).map(NhsNumber.parse)
ODS = st.sampled_from(["RJZ", "RJ1", "8HX03", "G85001"]).map(OdsCode.parse)
DATES = st.sampled_from(["1946", "1946-02", "1946-02-28"])
MOMENTS = st.one_of(
    DATES, st.sampled_from(["2025-03-14T16:15:00+00:00", "2025-03-30T01:30:00.5+01:00"])
)


def _codes(*codes: str) -> st.SearchStrategy[str]:
    return st.sampled_from(codes)


# What the comments of the dataclasses say of a field, by class and field or by field.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "system": URIS,
    "id_system": URIS,
    "code": CODES,
    "TransferOfCare.kind": st.sampled_from(KINDS),
    "Patient.gender": _codes("male", "female", "other", "unknown"),
    "Patient.nhs_number_status": _codes("01", "08", "99"),
    "Patient.nhs_number_unavailable": _codes("overseas-patient", "lost"),
    "Patient.language": _codes("en", "cy", "British Sign Language"),
    "Address.use": _codes("home", "work", "temp", "old"),
    "Telecom.system": _codes("phone", "email", "fax"),
    "Telecom.use": _codes("home", "work", "mobile"),
    "Encounter.status": _codes("planned", "in-progress", "finished", "entered-in-error"),
    "Message.doc_status": _codes("preliminary", "final", "amended", "entered-in-error"),
    "Patient.confidentiality": _codes("R", "V"),
    "Encounter.klass": _codes("IMP", "EMER", "AMB", "X"),
    "Diagnosis.status": _codes("active", "recurrence", "inactive", "resolved"),
    "Diagnosis.verification": _codes("unconfirmed", "provisional", "differential", "confirmed"),
    "Allergy.status": _codes("active", "inactive", "resolved"),
    "Allergy.verification": _codes("unconfirmed", "confirmed"),
    "Medication.status": _codes("active", "completed", "intended", "unknown"),
    "Allergy.category": _codes("food", "medication", "environment", "biologic"),
    "Request.status": _codes("draft", "active", "on-hold", "revoked", "completed", "unknown"),
    "Request.intent": _codes("order", "plan", "proposal"),
    "Request.priority": _codes("routine", "urgent", "asap", "stat"),
    "Document.status": _codes("current", "superseded", "entered-in-error"),
    "Document.doc_status": _codes("preliminary", "final", "amended", "entered-in-error"),
    "Section.content_type": _codes("text/plain", "application/xhtml+xml"),
    "Section.narrative": st.one_of(
        TEXT,
        _codes(
            '<div xmlns="http://www.w3.org/1999/xhtml"><p>Stable</p></div>',
            "<p>Stable &amp; well</p>",
            "<script>alert(1)</script>",
            "<p>not closed",
            "",
        ),
    ),
    "Patient.reference": st.just("Patient/p1"),
    "Encounter.reference": st.just("Encounter/e1"),
    "Request.reference": st.just("ServiceRequest/s1"),
    "Document.reference": st.just("DocumentReference/d1"),
    "Recipient.reference": st.sampled_from(["Communication/c1", "Communication/c2"]),
    "Recipient.ods": ODS,
    "Issue.severity": _codes("warning", "information"),
}
TYPES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-1, 9),
    bytes: st.binary(max_size=20),
    NhsNumber: NUMBERS,
    OdsCode: ODS,
    PartialDate: DATES.map(PartialDate.parse),
    Moment: MOMENTS.map(Moment.parse),
}


def instances(cls: type) -> st.SearchStrategy[Any]:
    """Any instance of a dataclass of the model."""
    hints = typing.get_type_hints(cls)
    return st.builds(
        cls, **{f.name: _field(cls, f.name, hints[f.name]) for f in dataclasses.fields(cls)}
    )


def _field(cls: type, name: str, hint: Any) -> st.SearchStrategy[Any]:
    rule = FIELDS.get(f"{cls.__name__}.{name}")
    if rule is None and name in ("system", "id_system", "code"):
        rule = FIELDS[name]
    optional = isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)
    if rule is None:
        return _of(hint)
    return st.none() | rule if optional else rule


def _of(hint: Any) -> st.SearchStrategy[Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return st.one_of(*(st.none() if each is type(None) else _of(each) for each in args))
    if origin is tuple:
        return st.lists(_of(args[0]), max_size=2).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(args)
    return TYPES[hint] if hint in TYPES else st.deferred(lambda: instances(hint))


def _says_who(transfer: TransferOfCare) -> bool:
    """A message about nobody in particular is refused by the profile, and rightly so."""
    who = transfer.patient
    named = (who.name, who.family, who.given, who.prefix, who.suffix)
    return bool(who.nhs_number or who.identifiers or any(named))


TRANSFERS = instances(TransferOfCare).filter(_says_who)
# Routing hands over organisations with a code, each once.
RECIPIENTS = st.lists(
    instances(Recipient).filter(lambda each: each.ods is not None),
    max_size=3,
    unique_by=lambda each: each.ods,
)

__all__ = ["RECIPIENTS", "TRANSFERS", "Issue", "instances"]

"""Every value of a transfer of care stands in some resource that is built of it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
import pytest
from build_fixtures import made

from service.model import (
    Moment,
    NhsNumber,
    OdsCode,
    PartialDate,
    TransferOfCare,
)

# Fields whose values are codes of FHIR's own: any of them will do, and they are looked for too.
CODES = {
    "TransferOfCare.kind": "discharge",
    "Patient.gender": "female",
    "Patient.nhs_number_status": "01",
    "Patient.nhs_number_unavailable": "overseas-patient",
    "Address.use": "home",
    "Telecom.system": "phone",
    "Telecom.use": "mobile",
    "Encounter.klass": "IMP",
    "Encounter.status": "onleave",
    "Message.doc_status": "amended",
    "Patient.confidentiality": "V",
    "Diagnosis.status": "remission",
    "Diagnosis.verification": "differential",
    "Allergy.category": "medication",
    "Allergy.status": "inactive",
    "Allergy.verification": "unconfirmed",
    "Medication.status": "intended",
    "Request.status": "on-hold",
    "Request.intent": "order",
    "Request.priority": "asap",
    "Document.status": "current",
    "Document.doc_status": "amended",
    "Document.confidentiality": "V",
    "Document.content_type": "application/pdf",
    "Section.content_type": "text/plain",
    "Issue.severity": "warning",
    "Recipient.because": "named",
    "Message.processing": "T",
}
# What is not there in its own words, and why that loses nothing.
TOLD_OTHERWISE = {
    "Encounter.patient_class": "class says it in FHIR's code; shown where there is none",
    "Issue.severity": "begins the note, with a capital",
    "Issue.code": "sorts issues for machines; the answer to the sender has it",
    "Recipient.role": "meta.tag FA or FI",
    "Recipient.party": "routing hands over organisations only",
    "Recipient.because": "looked for in its own test",
    "Message.processing": "meta.security HTEST",
    "Section.content_type": "what is not XHTML is shown as plain text",
    "Diagnosis.kind": "verificationStatus and the role in Encounter.diagnosis",
    "Practitioner.telecoms.system": "the number stands among the words on a professional",
    "Practitioner.telecoms.use": "the number stands among the words on a professional",
}
WHOLE_NAME = {"name"}
PARTED_NAME = {"family", "given", "prefix", "suffix"}
PEOPLE = {"Patient", "Practitioner", "Contact"}
Leaf = tuple[str, Any]  # "Class.field" and its value


class Filling:
    """Makes a transfer in which every field has a value of its own."""

    def __init__(self, *, parted: bool) -> None:
        self._left_out = WHOLE_NAME if parted else PARTED_NAME
        self._numbers = count(10)

    def instance(self, cls: type) -> Any:
        hints = typing.get_type_hints(cls)
        return cls(
            **{
                field.name: self._value(cls.__name__, field.name, hints[field.name])
                for field in dataclasses.fields(cls)
                if not self._is_left_out(cls.__name__, field.name)
            }
        )

    def _is_left_out(self, owner: str, name: str) -> bool:
        return name == "reference" or (owner in PEOPLE and name in self._left_out)

    def _value(self, owner: str, name: str, hint: Any) -> Any:
        if f"{owner}.{name}" in CODES:
            return CODES[f"{owner}.{name}"]
        if isinstance(hint, types.UnionType):
            hint = next(each for each in typing.get_args(hint) if each is not type(None))
        if typing.get_origin(hint) is tuple:
            return (self._value(owner, name, typing.get_args(hint)[0]),)
        if typing.get_origin(hint) is typing.Literal:
            return typing.get_args(hint)[0]
        if dataclasses.is_dataclass(hint):
            return self.instance(hint)
        return self._plain(name, hint)

    def _plain(self, name: str, hint: Any) -> Any:
        n = next(self._numbers)
        if name.endswith("system"):
            return f"urn:x-{n}x"
        made: dict[Any, Any] = {
            NhsNumber: NhsNumber("9990123454"),
            OdsCode: OdsCode(f"Z{n}Z"),
            PartialDate: PartialDate("1946-02-28"),
            Moment: Moment(f"2025-01-{n // 24 + 1:02d}T{n % 24:02d}:15:00+00:00"),
            bool: True,
            int: n,
            bytes: b"content",
            str: f"value {n}x",
        }
        return made[hint]


def leaves(value: Any, place: str = "") -> Iterator[Leaf]:
    """Yield every value with the class and field it stands in."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            yield from leaves(inner, f"{type(value).__name__}.{field.name}")
    elif isinstance(value, tuple):
        for item in value:
            yield from (
                (f"{place}.{leaf.partition('.')[2]}" if leaf.startswith("Telecom.") else leaf, v)
                for leaf, v in leaves(item, place)
            )
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield place, value


@pytest.mark.parametrize("parted", [True, False], ids=["names in parts", "whole names"])
def test_every_value_of_a_transfer_stands_in_some_resource(parted):
    transfer = Filling(parted=parted).instance(TransferOfCare)

    built = made(transfer, *transfer.recipients)

    told = orjson.dumps([built.resources, [each[1:] for each in built.communications]]).decode()
    lost = [
        leaf
        for leaf, value in leaves(transfer)
        if value is not None and leaf not in TOLD_OTHERWISE and str(value) not in told
    ]
    assert lost == []
    assert [content.data for content in built.contents] == [b"content"]


def test_the_exceptions_are_fields_that_there_are():
    transfer = Filling(parted=True).instance(TransferOfCare)

    known = {leaf for leaf, _ in leaves(transfer)}

    assert set(TOLD_OTHERWISE) <= known

"""A document within a message: what it says is read as well, and joined with what the message says.

A message that carries a FHIR or CDA document as an attachment (base64 in a DocumentReference, a
Binary or an OBX) says little itself: who it is about and for whom it is. The document's own
mapping reads the rest. Only one of the same person is joined; a referral's attachments are only
attached, and so is what was withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, Final

from service import formats
from service.errors import Issue, ServiceError, UnmappableMessage
from service.formats import SourceMessage
from service.mapping.mappings import Mappings
from service.model import (
    Document,
    Encounter,
    Message,
    Moment,
    OdsCode,
    PartialDate,
    Patient,
    TransferOfCare,
)

_CARRIERS: Final = frozenset({"document", "discharge"})  # kinds that may be a document's envelope
_READ: Final = ("fhir-stu3", "fhir-r4", "cda")  # formats of documents that are read within others
_SIGNS: Final = (b"http://hl7.org/fhir", b'"resourceType"', b"ClinicalDocument")
_INHERITED: Final = ("replaces", "doc_status", "operator")  # of the message
_EITHER: Final = ("diagnoses", "procedures", "medications", "allergies", "requests")
_BOTH: Final = ("sections", "recipients", "documents")
_OF_THE_MESSAGE: Final = ("message", "message.claimed_sender")  # said of the message already
_LETTERS: Final = ("document", "message", "ClinicalDocument")  # types of messages
_DAY: Final = len("2025-05-14")
_ANOTHER_STAY: Final = "the document within tells of another stay; that of the message was taken"
_SOMEBODY_ELSE: Final = "the document within is about somebody else than the message"


def with_enclosed(
    transfer: TransferOfCare, mappings: Mappings, source: SourceMessage
) -> TransferOfCare:
    """Return what `source` became with what a FHIR or CDA document among its documents says.

    Raises UnmappableMessage if that is about another person.
    """
    if transfer.kind not in _CARRIERS or source.format == "cda":  # which is its own document
        return transfer
    found = [(at, each) for at, each in enumerate(transfer.documents) if _is_to_be_read(each)]
    if len(found) != 1:
        text = "several documents in FHIR or CDA are within; none was read, all are attached"
        return _noted(transfer, [_warning("not-supported", text)]) if found else transfer
    ((at, document),) = found
    try:
        inner = _read(document, transfer.message.sender, mappings)
    except ServiceError as refusal:
        text = "the document within could not be read; it is attached as it is"
        reasons = [replace(each, severity="warning") for each in refusal.issues]
        return _noted(transfer, [_warning("incomplete", text), *_placed(reasons, at)])
    return _joined(transfer, inner, at)


def _is_to_be_read(document: Document) -> bool:
    """Whether it is a FHIR bundle or CDA that holds: its bytes say so, whatever it is called."""
    content = document.content
    if document.status != "current" or document.doc_status == "entered-in-error":
        return False
    if not any(sign in content for sign in _SIGNS):
        return False
    return any(formats.FORMATS[name].matches("", content) for name in _READ)


def _read(document: Document, sender: OdsCode, mappings: Mappings) -> TransferOfCare:
    reader = formats.detect("", document.content)
    (source,) = _documents(reader.read(document.content))
    told = mappings.for_source(sender, source).apply(source, sender)
    if source.format != "cda":
        return told
    attached = (each for each in told.documents if not _is_to_be_read(each))
    return replace(told, documents=tuple(attached))  # the document itself is attached already


def _documents(sources: Iterable[SourceMessage]) -> Iterator[SourceMessage]:
    """Yield the one document or message; anything else that is FHIR is no letter to anybody."""
    found = [each for each in sources if each.message_type.startswith(_LETTERS)]
    if len(found) != 1:
        text = "what is within is not one document"
        raise UnmappableMessage(issues=[_warning("not-supported", text)])
    yield from found


def _joined(outer: TransferOfCare, inner: TransferOfCare, at: int) -> TransferOfCare:
    """Return both as one: the message's own word goes first, the document fills the rest."""
    _require_same_person(outer.patient, inner.patient)
    patient = _person(outer.patient, inner.patient)
    issues = [*_still_true(outer, inner), *_placed(_of_the_document(inner), at)]
    if outer.encounter and inner.encounter and _is_another(outer.encounter, inner.encounter):
        issues.append(replace(_warning("conflict", _ANOTHER_STAY), target="encounter"))
    told: dict[str, Any] = {name: getattr(outer, name) or getattr(inner, name) for name in _EITHER}
    told["encounter"] = _stay(outer.encounter, inner.encounter)
    told |= {name: (*getattr(outer, name), *getattr(inner, name)) for name in _BOTH}
    kind = inner.kind if outer.kind == "document" or inner.kind == "death" else outer.kind
    message = _message(outer.message, inner.message)
    return replace(outer, kind=kind, message=message, patient=patient, issues=tuple(issues), **told)


def _message(outer: Message, inner: Message) -> Message:
    told = {name: getattr(outer, name) or getattr(inner, name) for name in _INHERITED}
    return replace(outer, **told)


def _person(outer: Patient, inner: Patient) -> Patient:
    """Return what is known of the person; where either is restricted, all of it is."""
    held: dict[str, Any] = {
        field.name: getattr(outer, field.name) or getattr(inner, field.name)
        for field in fields(Patient)
    }
    strictest = "V" if "V" in (outer.confidentiality, inner.confidentiality) else None
    return Patient(**{**held, "confidentiality": strictest or held["confidentiality"]})


def _require_same_person(outer: Patient, inner: Patient) -> None:
    """Refuse another number; and, unless both have one, another name or date of birth."""
    numbers = {each for each in (outer.nhs_number, inner.nhs_number) if each}
    has_same = len(numbers) == 1 and outer.nhs_number == inner.nhs_number
    names = {each.casefold() for each in (outer.family, inner.family) if each}
    other_name = len(names) > 1
    other_birth = _are_apart(outer.birth_date, inner.birth_date)
    differ = (other_name and other_birth) if has_same else (other_name or other_birth)
    if len(numbers) > 1 or differ:
        wrong = Issue(severity="error", code="conflict", text=_SOMEBODY_ELSE, target="patient")
        raise UnmappableMessage(issues=[wrong])


def _are_apart(one: PartialDate | None, other: PartialDate | None) -> bool:
    """Whether two dates differ in what both tell: a year is not apart from a day in it."""
    a, b = str(one or ""), str(other or "")
    return not (a.startswith(b) or b.startswith(a))


def _stay(outer: Encounter | None, inner: Encounter | None) -> Encounter | None:
    """Return the message's stay, with what only the document says of it; another is left out."""
    if outer is None or inner is None or _is_another(outer, inner):
        return outer or inner
    held: dict[str, Any] = {
        field.name: getattr(outer, field.name) or getattr(inner, field.name)
        for field in fields(Encounter)
    }
    return Encounter(**held)


def _is_another(outer: Encounter, inner: Encounter) -> bool:
    """Whether two stays cannot be one: they begin or end on different days."""
    pairs = ((outer.admitted_at, inner.admitted_at), (outer.discharged_at, inner.discharged_at))
    return any(_are_apart_by_days(one, other) for one, other in pairs)


def _are_apart_by_days(one: Moment | None, other: Moment | None) -> bool:
    a, b = str(one or "")[:_DAY], str(other or "")[:_DAY]
    return not (a.startswith(b) or b.startswith(a))


def _still_true(outer: TransferOfCare, inner: TransferOfCare) -> Iterator[Issue]:
    """Yield the message's issues without those of lacking what the document has."""
    for issue in outer.issues:
        part, _, name = issue.target.partition(".")
        is_lack = part == "patient" and issue.code == "incomplete"
        if not (is_lack and getattr(inner.patient, name, None)):
            yield issue


def _of_the_document(inner: TransferOfCare) -> list[Issue]:
    return [each for each in inner.issues if each.target not in _OF_THE_MESSAGE]


def _placed(issues: Iterable[Issue], at: int) -> Iterator[Issue]:
    """Yield the issues of a document, with the document before their place."""
    for issue in issues:
        place = f"documents[{at}]"
        yield replace(issue, source=f"{place} {issue.source}" if issue.source else place)


def _noted(transfer: TransferOfCare, issues: Iterable[Issue]) -> TransferOfCare:
    return replace(transfer, issues=(*transfer.issues, *issues))


def _warning(code: str, text: str) -> Issue:
    return Issue(severity="warning", code=code, text=text, target="documents")

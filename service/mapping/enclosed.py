"""A document within a message: what it says is read as well, and joined with what the message says.

A message that carries a FHIR document as an attachment (base64 in a DocumentReference or Binary)
says little itself: who it is about and for whom it is. The document's own mapping reads the
rest. Only one of the same person is joined; a referral's attachments are only attached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, Final

from service import formats
from service.errors import Issue, ServiceError, UnmappableMessage
from service.formats import SourceMessage
from service.mapping.mappings import Mappings
from service.model import Document, Message, OdsCode, Patient, TransferOfCare

_CARRIERS: Final = frozenset({"document", "discharge"})  # kinds that may be a document's envelope
_READ: Final = ("fhir-stu3", "fhir-r4")  # formats of documents that are read within others
_INHERITED: Final = ("replaces", "doc_status", "operator")  # of the message
_EITHER: Final = ("encounter", "diagnoses", "procedures", "medications", "allergies", "requests")
_BOTH: Final = ("sections", "recipients", "documents")
_OF_THE_MESSAGE: Final = ("message", "message.claimed_sender")  # said of the message already
_SOMEBODY_ELSE: Final = "the document within is about somebody else than the message"


def with_enclosed(transfer: TransferOfCare, mappings: Mappings) -> TransferOfCare:
    """Return the transfer with what a FHIR document among its documents says.

    Raises UnmappableMessage if that is about another person.
    """
    if transfer.kind not in _CARRIERS:
        return transfer
    found = [(at, each) for at, each in enumerate(transfer.documents) if _is_fhir(each)]
    if len(found) != 1:
        text = "several FHIR documents are within; none of them was read, all are attached"
        return _noted(transfer, [_warning("not-supported", text)]) if found else transfer
    ((at, document),) = found
    try:
        inner = _read(document, transfer.message.sender, mappings)
    except ServiceError as refusal:
        text = "the document within could not be read; it is attached as it is"
        reasons = [replace(each, severity="warning") for each in refusal.issues]
        return _noted(transfer, [_warning("incomplete", text), *_placed(reasons, at)])
    return _joined(transfer, inner, at)


def _is_fhir(document: Document) -> bool:
    """Whether it is a FHIR bundle: its bytes say so, whatever it is called."""
    content = document.content
    if b"http://hl7.org/fhir" not in content and b'"resourceType"' not in content:
        return False
    return any(formats.FORMATS[name].matches("", content) for name in _READ)


def _read(document: Document, sender: OdsCode, mappings: Mappings) -> TransferOfCare:
    reader = formats.detect("", document.content)
    (source,) = _documents(reader.read(document.content))
    return mappings.for_source(sender, source).apply(source, sender)


def _documents(sources: Iterable[SourceMessage]) -> Iterator[SourceMessage]:
    """Yield the one document or message; anything else that is FHIR is no letter to anybody."""
    found = [each for each in sources if each.message_type.startswith(("document", "message"))]
    if len(found) != 1:
        text = "what is within is no FHIR document"
        raise UnmappableMessage(issues=[_warning("not-supported", text)])
    yield from found


def _joined(outer: TransferOfCare, inner: TransferOfCare, at: int) -> TransferOfCare:
    """Return both as one: the message's own word goes first, the document fills the rest."""
    _require_same_person(outer.patient, inner.patient)
    patient = _person(outer.patient, inner.patient)
    issues = (*_still_true(outer, inner), *_placed(_of_the_document(inner), at))
    told: dict[str, Any] = {name: getattr(outer, name) or getattr(inner, name) for name in _EITHER}
    told |= {name: (*getattr(outer, name), *getattr(inner, name)) for name in _BOTH}
    kind = inner.kind if outer.kind == "document" or inner.kind == "death" else outer.kind
    message = _message(outer.message, inner.message)
    return replace(outer, kind=kind, message=message, patient=patient, issues=issues, **told)


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
    numbers = {each for each in (outer.nhs_number, inner.nhs_number) if each}
    names = {each.casefold() for each in (outer.family, inner.family) if each}
    births = {str(each) for each in (outer.birth_date, inner.birth_date) if each}
    if len(numbers) > 1 or (not numbers and len(names) > 1) or (len(names) > 1 and len(births) > 1):
        wrong = Issue(severity="error", code="conflict", text=_SOMEBODY_ELSE, target="patient")
        raise UnmappableMessage(issues=[wrong])


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

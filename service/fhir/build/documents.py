"""Documents: those in the message, the message itself, and its sections as a Composition."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Final

from service.fhir.build.context import Content, Context, Json, Resource
from service.fhir.build.identity import Held
from service.fhir.build.parts import (
    ABSENT,
    coded,
    concept,
    concept_of,
    is_code,
    meta,
    plain,
    practitioner_reference,
    present,
)
from service.fhir.build.wording import TITLES, div
from service.fhir.systems import CONFIDENTIALITY, SNOMED, local_system
from service.fhir.validate.xhtml import is_narrative
from service.model import Document, Patient, Section
from service.model.signatures import SIGNED, media_type

OCTETS: Final = "application/octet-stream"
_SAME: Final = {"text/rtf": "application/rtf", "image/jpg": "image/jpeg"}
PLAIN: Final = ("text/plain",)
# Many types are kept in these: Word's and Excel's in the one, newer Office's in the other.
_CONTAINERS: Final = frozenset({"application/zip", "application/msword"})
DISCHARGE_SUMMARY: Final = concept(SNOMED, "373942005", "Discharge summary")
CONFIDENTIALITIES: Final = {"N": "normal", "R": "restricted", "V": "very restricted"}
NO_CONTENT: Final = div("Nothing was sent under this heading.")


def document_reference(context: Context, held: Held, index: int) -> Resource:
    """https://hl7.org/fhir/R4/documentreference.html, and its bytes as a Binary."""
    given = context.transfer.documents[index]
    content = _content(given, index, context)
    author = practitioner_reference(given.author, context) if given.author else context.sender
    by = given.authenticator and practitioner_reference(given.authenticator, context)
    return present(
        {
            "resourceType": "DocumentReference",
            "id": held.id,
            "meta": meta(context, held),
            "masterIdentifier": given.id and _number(given.id, context),
            "status": given.status,
            "docStatus": given.doc_status,
            "type": coded(given.type) or ABSENT,
            "subject": context.subject,
            "date": context.instant,
            "author": [author],
            "authenticator": by,
            "custodian": context.sender,
            "relatesTo": _relations(given, index, context),
            "description": given.title,
            "securityLabel": _security_label(given),
            "content": [{"attachment": _attachment(given, content)}],
            "context": _context(context),
        }
    )


def _content(given: Document, index: int, context: Context) -> Content | None:
    if not given.content:
        context.doubt("incomplete", "a document came without its content", f"documents[{index}]")
        return None
    content = Content(
        id=context.new_id(),
        content_type=_told_by_content(given, index, context),
        data=given.content,
    )
    context.contents.append(content)
    return content


def _told_by_content(given: Document, index: int, context: Context) -> str:
    """Return the media type: what was said, unless the first bytes say another thing."""
    said, begins = _media_type(given.content_type), media_type(given.content)
    said = _SAME.get(said, said)
    target = f"documents[{index}].content_type"
    if begins is None:
        if said in SIGNED:
            context.doubt("value", "a document does not begin like a file of its type", target)
        return said
    if said == begins or (begins in _CONTAINERS and said not in (OCTETS, *PLAIN)):
        return said
    context.doubt("value", "the type of a document was taken from its first bytes", target)
    return begins


def original(context: Context, held: Held) -> Resource:
    """https://hl7.org/fhir/R4/documentreference.html of the message as it came."""
    origin, message = context.origin, context.transfer.message
    attachment = {
        "contentType": _media_type(origin.media_type),
        "url": f"Binary/{origin.message_id}",
        "size": origin.size,
        "hash": origin.sha1,
    }
    return present(
        {
            "resourceType": "DocumentReference",
            "id": held.id,
            "meta": meta(context, held),
            "masterIdentifier": {
                "system": local_system(message.sender, "message"),
                "value": message.id,
            },
            "status": "current",
            "type": {"text": "Message as received"},
            "subject": context.subject,
            "date": context.instant,
            "author": [context.sender],
            "custodian": context.sender,
            "description": f"{message.event or 'Message'}, as received",
            "content": [{"attachment": present(attachment)}],
            "context": _context(context),
        }
    )


def composition(context: Context, held: Held) -> Resource:
    """https://hl7.org/fhir/R4/composition.html: the sections, byte for byte."""
    transfer = context.transfer
    is_discharge = transfer.kind == "discharge"
    return present(
        {
            "resourceType": "Composition",
            "id": held.id,
            "meta": meta(context, held),
            "status": transfer.message.doc_status or "final",
            "type": DISCHARGE_SUMMARY if is_discharge else {"text": TITLES[transfer.kind]},
            "subject": context.subject,
            "encounter": context.encounter,
            "date": plain(transfer.message.sent_at) or context.instant,
            "author": [context.sender],
            "title": "Discharge summary" if is_discharge else TITLES[transfer.kind],
            "confidentiality": _confidentiality(transfer.patient),
            "custodian": context.sender,
            "section": [_section(each) for each in transfer.sections],
        }
    )


def _confidentiality(who: Patient) -> str | None:
    if not who.restricted:
        return None
    return "V" if who.confidentiality == "V" else "R"


def _section(given: Section) -> Json:
    code = concept_of(given.system, given.code, None, given.title if given.code else None)
    return present(
        {
            "title": given.title,
            "code": code,
            "text": {"status": "additional", "div": _div(given)},
        }
    )


def _div(given: Section) -> str:
    """Return the narrative as sent where it is XHTML that FHIR allows, else as plain text."""
    if not given.narrative.strip():
        return NO_CONTENT
    if given.content_type == "application/xhtml+xml":
        for markup in (given.narrative, div(given.narrative)):
            if is_narrative(markup):
                return markup
    return div(f"<pre>{escape(given.narrative)}</pre>")


def _number(value: str, context: Context) -> Json:
    system = local_system(context.transfer.message.sender, "document")
    return {"system": system, "value": value}


def _relations(given: Document, index: int, context: Context) -> list[Json]:
    relations = (
        ("replaces", given.replaces, f"replaced[{index}]"),
        ("appends", given.appends, f"appended[{index}]"),
    )
    return [
        {"code": code, "target": _earlier(number, context.known.get(slot), context)}
        for code, number, slot in relations
        if number
    ]


def _earlier(number: str, held: Held | None, context: Context) -> Json:
    target: Json = {"reference": held.reference} if held else {"type": "DocumentReference"}
    return {**target, "identifier": _number(number, context)}


def _media_type(given: str | None) -> str:
    return given if given and is_code(given) else OCTETS


def _security_label(given: Document) -> list[Json]:
    code = given.confidentiality
    if not code:
        return []
    if code not in CONFIDENTIALITIES:
        return [{"text": code}]
    return [concept(CONFIDENTIALITY, code, CONFIDENTIALITIES[code])]


def _attachment(given: Document, content: Content | None) -> Json:
    told = {
        "contentType": content.content_type if content else _media_type(given.content_type),
        "title": given.filename or given.title,
        "creation": plain(given.created_at),
    }
    if content is None:
        return present({**told, "_url": ABSENT})
    digest = hashlib.sha1(content.data, usedforsecurity=False).digest()
    held = {"url": f"Binary/{content.id}", "size": len(content.data)}
    return present({**told, **held, "hash": b64encode(digest).decode()})


def _context(context: Context) -> Json:
    return {"encounter": [context.encounter]} if context.encounter else {}


def binary(content: Content) -> Resource:
    """https://hl7.org/fhir/R4/binary.html, for where a Binary stands among other resources."""
    return {
        "resourceType": "Binary",
        "id": content.id,
        "contentType": content.content_type,
        "data": b64encode(content.data).decode(),
    }

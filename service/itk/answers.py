"""What the sender of an ITK3 message is told: the acknowledgements that it asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from service.errors import Failed, Issue, ServiceError, UnknownRecipient
from service.fhir import itk_codes
from service.fhir.itk_codes import Code
from service.fhir.itk_response import Asked, Own, asked_by, informed, response
from service.fhir.stu3_xml import to_stu3_xml
from service.formats import SourceMessage, fhir_r4, fhir_stu3, xml_tree
from service.model import Instant, TransferOfCare, stu3
from service.store import Answer

XML: Final = "application/fhir+xml; charset=utf-8"
JSON: Final = "application/fhir+json; charset=utf-8"
_ITK: Final = b"/Extension-ITK-MessageHandling-"
_HEADER_ID: Final = re.compile(
    rb"<MessageHeader[^>]*>\s*<id\s+value=\"([0-9A-Za-z.-]{1,64})\""
    rb"|\"resourceType\"\s*:\s*\"MessageHeader\"\s*,\s*\"id\"\s*:\s*\"([0-9A-Za-z.-]{1,64})\""
)
Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItkAnswers:
    """Words the responses; `endpoint` is our own FHIR address."""

    endpoint: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def taken(self, source: SourceMessage, raw: bytes, doubts: Iterable[Issue]) -> Answer | None:
        """Return the infrastructure acknowledgement of a stored message; None if none is due."""
        asked = asked_of(source)
        if asked is None or not asked.infrastructure:
            return None
        told: list[tuple[Issue, Code | None]] = [informed(itk_codes.SUCCESS), *_unread(asked)]
        told += [(issue, itk_codes.of_doubt(issue)) for issue in doubts]
        return self._answer(raw, response(asked, "ok", told, self._own()))

    def refused(self, media_type: str, raw: bytes, refusal: ServiceError) -> Answer | None:
        """Return the acknowledgement of a message that was not taken; None if none is due."""
        asked = _asked_in(media_type, raw)
        if asked is None or not asked.infrastructure:
            return None
        code = itk_codes.of_refusal(refusal) if asked.message_id else itk_codes.UNREADABLE
        is_ours = isinstance(refusal, Failed)
        faults = [(issue, code) for issue in refusal.issues if issue.severity in ("error", "fatal")]
        told = [*(faults or [(refusal.issues[0], code)]), *_unread(asked)]
        made = response(asked, "transient-error" if is_ours else "fatal-error", told, self._own())
        return self._answer(raw, made, refusal.http_status)

    def business(self, raw: bytes, code: Code) -> Answer | None:
        """Return what a recipient says of the patient; None if the message did not ask."""
        asked = _asked_in("", raw)
        if asked is None or not asked.business:
            return None
        known = code in (itk_codes.KNOWN, itk_codes.DECEASED)
        issue = Issue(
            severity="information" if known else "fatal",
            code=_ISSUE_TYPES.get(code, "informational"),
            text=code.display,
        )
        made = response(asked, "ok" if known else "fatal-error", [(issue, code)], self._own())
        return self._answer(raw, made)

    def _own(self) -> Own:
        return Own(
            endpoint=self.endpoint,
            response_id=self.new_id(),
            timestamp=Instant.of(self.clock()).isoformat(),
        )

    def _answer(self, raw: bytes, made: Resource, status: int = 200) -> Answer:
        """Return it in the form of what it answers."""
        if xml_tree.is_xml(raw):
            return Answer(status=status, media_type=XML, body=to_stu3_xml(made))
        return Answer(status=status, media_type=JSON, body=orjson.dumps(made))


_ISSUE_TYPES: Final = {itk_codes.NOT_KNOWN: "not-found", itk_codes.MOVED: "business-rule"}


def is_itk3(raw: bytes) -> bool:
    """Whether these bytes say of themselves how ITK3 wants them handled, readable or not."""
    return _ITK in raw


def asked_of(source: SourceMessage) -> Asked | None:
    """Return what an ITK3 message asks of its receiver; None for any other."""
    if source.format != fhir_stu3.FORMAT.name or not isinstance(source, fhir_r4.FhirMessage):
        return None
    return asked_by(source.resource) if source.message_type.startswith("message") else None


def require_recipient(source: SourceMessage, transfer: TransferOfCare, told: Iterable[Any]) -> None:
    """Raise UnknownRecipient if an ITK3 message names recipients and nobody was found.

    A sender that is told so sends it another way. A practice that is said to be unknown
    (V81999) names nobody: such a message is taken.
    """
    asked = asked_of(source)
    if asked is None or any(True for _ in told):
        return
    named = [each for each in transfer.recipients if each.party != "patient"]
    performers = [each for request in transfer.requests for each in request.performers]
    if named or performers:
        raise UnknownRecipient(is_receiver=asked.names_receiver)


def _asked_in(media_type: str, raw: bytes) -> Asked | None:
    """Return what the bytes ask for, as far as they can be read."""
    if not is_itk3(raw):
        return None
    try:
        if not fhir_stu3.FORMAT.matches(media_type, raw):
            return _unreadable(raw)
        return asked_by(fhir_r4.parse(raw, stu3.DEFINITIONS).resource)
    except ServiceError:
        return _unreadable(raw)


def _unreadable(raw: bytes) -> Asked | None:
    """What cannot be read cannot say that it asks for nothing; its id is looked for in the bytes.

    Nothing is answered without that: a response refers to what it answers.
    """
    found = _HEADER_ID.search(raw)
    message_id = (found[1] or found[2]).decode() if found else ""
    return Asked(message_id=message_id, infrastructure=True) if message_id else None


def _unread(asked: Asked) -> Iterator[tuple[Issue, Code]]:
    for code in asked.unread:
        yield Issue(severity="warning", code="processing", text=code.display), code

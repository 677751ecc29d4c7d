"""The answer to a message, in its sender's language: ACK, message Bundle, OperationOutcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from service.delivery.caseloads import ALSO_TOLD
from service.delivery.posted import Posting
from service.errors import Issue, ServiceError
from service.fhir.message_response import is_response, message_response
from service.fhir.outcome import operation_outcome
from service.formats import SourceMessage, cda, fhir_r4, fhir_stu3, hl7v2
from service.itk import ItkAnswers
from service.model import Instant, TransferOfCare
from service.store import Answer, RawMessage

FHIR_JSON: Final = "application/fhir+json; charset=utf-8"
HL7V2: Final = "application/hl7-v2"
_OURS: Final = 500  # HTTP statuses from here are no fault of the sender's


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What was made of a message."""

    message: RawMessage
    sources: tuple[SourceMessage, ...]
    transfers: tuple[TransferOfCare, ...]
    postings: tuple[Posting, ...]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Everything doubtful that was found on the way."""
        return tuple(issue for posting in self.postings for issue in posting.issues)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The ODS codes of those who get it and of whom the sender may learn, each once."""
        every = (d.recipient for posting in self.postings for d in posting.openly)
        return tuple(dict.fromkeys(every))


class Answers:
    """Words answers; `endpoint` is our own FHIR address, as messages name it."""

    def __init__(
        self, *, endpoint: str, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._new_id = new_id
        self.itk3 = ItkAnswers(endpoint=endpoint, clock=clock, new_id=new_id)

    def positive(self, taken: Taken) -> Answer:
        """Return what the sender is told once everything is durable."""
        source = taken.sources[0]
        if isinstance(source, hl7v2.Hl7Message):
            return self._acknowledgement(source, taken)
        if isinstance(source, cda.CdaMessage) and source.envelope:
            return self._itk2(source.envelope, 200)
        if source.format == fhir_stu3.FORMAT.name:
            raw = taken.message.body
            return self.itk3.taken(source, raw, taken.issues) or _stu3_outcome(taken)
        if source.message_type.startswith("message:") and isinstance(source, fhir_r4.FhirMessage):
            if not is_response(source.resource):
                return self._message(source, taken)
            return _outcome(taken, 200)
        return _outcome(taken, 201)

    def negative(self, received: bytes | hl7v2.Hl7Message, refusal: ServiceError) -> Answer:
        """Return what the sender of an HL7 v2 message is told that was not taken in."""
        due = hl7v2.acknowledgements_due(received, refusal.ack_code)
        ack = hl7v2.acknowledge(
            received,
            due.reply or refusal.ack_code,
            refusal.text,
            refusal.issues,
            now=self._clock(),
            control_id=self._new_id(),
        )
        return Answer(status=refusal.http_status, media_type=HL7V2, body=ack)

    def itk2_refused(self, body: bytes, refusal: ServiceError) -> Answer | None:
        """Return what the sender of an ITK2 envelope is told that was not taken in.

        None for whatever came without one.
        """
        envelope = cda.envelope_in(body)
        return self._itk2(envelope, refusal.http_status, refusal) if envelope else None

    def _itk2(
        self, envelope: cda.Envelope, status: int, refusal: ServiceError | None = None
    ) -> Answer:
        told = None
        if refusal:
            by_us = status >= _OURS
            told = cda.Refused(text=refusal.text, issues=refusal.issues, by_us=by_us)
        body = cda.answer(
            envelope,
            told,
            identity=self._endpoint,
            timestamp=Instant.of(self._clock()).isoformat(),
            new_id=self._new_id,
        )
        return Answer(status=status, media_type=cda.media_type_of(envelope), body=body)

    def _acknowledgement(self, source: hl7v2.Hl7Message, taken: Taken) -> Answer:
        due = hl7v2.acknowledgements_due(source, "AA")
        ack = hl7v2.acknowledge(
            source,
            due.reply or "AA",
            in_words(taken),
            taken.issues,
            now=self._clock(),
            control_id=self._new_id(),
        )
        return Answer(status=200, media_type=HL7V2, body=ack)

    def _message(self, source: fhir_r4.FhirMessage, taken: Taken) -> Answer:
        body = message_response(
            source.resource,
            [delivered_to(taken), *taken.issues],
            endpoint=self._endpoint,
            response_id=self._new_id(),
            timestamp=Instant.of(self._clock()).isoformat(),
        )
        return Answer(status=200, media_type=FHIR_JSON, body=orjson.dumps(body))


def _outcome(taken: Taken, status: int) -> Answer:
    body = operation_outcome([delivered_to(taken), *taken.issues])
    return Answer(status=status, media_type=FHIR_JSON, body=orjson.dumps(body))


def _stu3_outcome(taken: Taken) -> Answer:
    """A message that asks for no acknowledgement gets none; the wire wants an answer."""
    is_message = taken.sources[0].message_type.startswith("message")
    body = operation_outcome([delivered_to(taken), *taken.issues])
    status = 200 if is_message else 201
    return Answer(status=status, media_type=FHIR_JSON, body=orjson.dumps(body))


def in_words(taken: Taken) -> str:
    """Say in one line who gets it and what was doubtful: before 2.5 an AA has no other place."""
    doubts = [i for i in taken.issues if i.severity != "information"]
    told = [f"{i.source or i.target}: {i.text}" for i in doubts]
    more = [ALSO_TOLD.text] if ALSO_TOLD in taken.issues else []
    return "; ".join([delivered_to(taken).text.removesuffix("."), *more, *dict.fromkeys(told)])


def delivered_to(taken: Taken) -> Issue:
    """Say to whom the message goes: organisations, never people."""
    to = ", ".join(taken.recipients) or "nobody"
    return Issue(severity="information", code="informational", text=f"Stored; delivered to {to}.")

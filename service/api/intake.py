"""Where trust integration engines post what they have: HL7 v2, CDA, or any format by mapping."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from service.api.authentication import Authenticate
from service.api.bodies import read_body
from service.errors import Forbidden, ServiceError, UnsupportedMediaType
from service.formats import cda
from service.pipeline import Pipeline
from service.security import Client
from service.store import Answer

HL7V2_TYPES: Final = frozenset(
    {
        *("application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7"),
        *("application/x-hl7", "application/edi-hl7", "text/hl7v2", "text/plain"),
        *("application/octet-stream", ""),
    }
)
CDA_TYPES: Final = frozenset(
    {
        *("application/xml", "text/xml", "application/soap+xml", cda.MEDIA_TYPE),
        *("application/hl7-v3+xml", "application/octet-stream", ""),
    }
)


def intake_blueprint(pipeline: Pipeline, authenticate: Authenticate, max_body: int) -> Blueprint:
    """Routes that take messages in. Each is answered only when its bytes are stored.

    max_body: bytes of one message, after decompression.
    """
    bp = Blueprint("intake", __name__)

    @bp.post("/hl7v2")
    def hl7v2() -> Response:
        """One HL7 v2 message, or a batch: an ACK for each."""
        client = sender()
        require_type(HL7V2_TYPES, "Send HL7 v2 as Content-Type: application/hl7-v2.")
        return acknowledgements(client, "application/hl7-v2")

    @bp.post("/cda")
    def clinical_document() -> Response:
        """A CDA document, bare or in the NHS's ITK2 envelope, which has an answer of its own."""
        client = sender()
        require_type(CDA_TYPES, "Send CDA as Content-Type: application/xml or text/xml.")
        body = read_body(request, max_body)
        try:
            receipt = pipeline.receive(client.organisation, cda.MEDIA_TYPE, body)
        except ServiceError as refusal:
            return as_soap_fault(refusal)
        return as_response(receipt.answer)

    @bp.post("/intake/<path:mapping>")
    def intake(mapping: str) -> Response:
        """Any format, read by the mapping named in the address."""
        client = sender()
        if pipeline.format_of(mapping) == "hl7v2":
            return acknowledgements(client, request.content_type or "", mapping)
        body = read_body(request, max_body)
        receipt = pipeline.receive(client.organisation, request.content_type or "", body, mapping)
        return as_response(receipt.answer)

    def sender() -> Client:
        client = authenticate(request)
        if not client.may("Communication", "c"):
            raise Forbidden("Sending a message needs the scope system/Communication.c.")
        return client

    def acknowledgements(client: Client, media_type: str, mapping: str = "") -> Response:
        body = read_body(request, max_body)
        answers = pipeline.receive_hl7v2(client.organisation, media_type, body, mapping)
        worst = max(answers, key=lambda answer: answer.status)
        return Response(
            b"".join(answer.body for answer in answers), worst.status, mimetype=worst.media_type
        )

    return bp


def require_type(known: frozenset[str], told: str) -> None:
    """Raise UnsupportedMediaType unless the request's content is of one of these types."""
    if request.mimetype not in known:
        raise UnsupportedMediaType(told)


def as_soap_fault(refusal: ServiceError) -> Response:
    """Return a refusal to who calls by SOAP's binding: with 500 (SOAP 1.1, 6.2).

    Raises the refusal itself for everybody else.
    """
    if refusal.answer is None or "SOAPAction" not in request.headers:
        raise refusal
    media_type, body = refusal.answer
    return Response(body, 500, content_type=media_type)


def as_response(answer: Answer) -> Response:
    """Return a stored answer as the HTTP response that it was, or will be again."""
    return Response(
        answer.body, answer.status, headers=list(answer.headers), content_type=answer.media_type
    )

"""Where the sender of an ITK3 message fetches the business acknowledgement that it asked for."""

from __future__ import annotations

from flask import Blueprint, Response, request

from service.api.authentication import Authenticate
from service.api.intake import as_response
from service.api.reply import outcome
from service.errors import Forbidden, Issue
from service.itk import BusinessAcknowledgements

_WAITING = Issue(
    severity="information",
    code="informational",
    text="No recipient has answered yet; ask again later.",
)


def acknowledgements_blueprint(
    acknowledgements: BusinessAcknowledgements, authenticate: Authenticate
) -> Blueprint:
    """The route. A sender asks until it is answered."""
    bp = Blueprint("business-acknowledgements", __name__)

    @bp.get("/itk/acknowledgements/<message_id>")
    def acknowledgement(message_id: str) -> Response:
        """An ITK response message; 202 while nobody has answered."""
        client = authenticate(request)
        if not client.may("Communication", "c"):
            raise Forbidden("Asking for an acknowledgement needs system/Communication.c.")
        found = acknowledgements.of(client.organisation, message_id)
        return as_response(found) if found else outcome([_WAITING], 202).response()

    return bp

"""The answers of the FHIR endpoint in XML, for clients that ask for it.

Everything behind the routes speaks JSON, which is what is stored and what most ask for; an
answer becomes XML at the very end, errors among them.
"""

from __future__ import annotations

from typing import Final

from flask import Response, request

from service.api.negotiation import wants_xml
from service.api.reply import refused
from service.errors import NotAcceptable
from service.fhir.xml import NotInXml, to_xml
from service.formats.fhir_r4.json_reader import read_json

FHIR_XML: Final = "application/fhir+xml; charset=utf-8"
_JSON: Final = "application/fhir+json"


def as_asked(response: Response) -> Response:
    """Return an answer in FHIR JSON as XML if the request prefers that, any other as it is."""
    if not wants_xml(request.headers.get("Accept", ""), request.args.get("_format", "")):
        return response
    if response.mimetype != _JSON or response.headers.get("Content-Disposition"):
        return response  # no FHIR, or a document that is handed out byte for byte
    try:
        response.set_data(to_xml(read_json(response.get_data())))
    except NotInXml as fault:
        reply = refused(NotAcceptable(f"{fault}: ask for application/fhir+json."))
        return reply.response()
    response.headers["Content-Type"] = FHIR_XML
    return response

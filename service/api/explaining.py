"""For integration analysts: try a message out; ask why a stored one became what it did."""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Blueprint, Response, request

from service.api.bodies import read_body
from service.api.exchange import Door, Exchange
from service.api.reply import Reply
from service.errors import NotFound
from service.explaining import Explaining, Trial
from service.formats.fhir_r4.json_reader import as_written
from service.pipeline import Pipeline

JSON: Final = "application/json"
_NO_MESSAGE: Final = "There is no such message, or it is not yours to see."


def explaining_blueprint(
    door: Door, pipeline: Pipeline, trial: Trial, explaining: Explaining, max_body: int
) -> Blueprint:
    """Routes that explain. They store nothing but the audit of having been asked.

    Their answers are plain JSON, described in docs/explaining.md. max_body: bytes of one message,
    after decompression.
    """
    bp = Blueprint("explaining", __name__)

    @bp.post("/intake/<path:mapping>/$try")
    def try_out(mapping: str) -> Response:
        """What would become of a message of the client's own organisation."""

        def tried(exchange: Exchange) -> Reply:
            exchange.require("Communication", "c")
            pipeline.format_of(mapping)
            body, media_type = read_body(request, max_body), request.content_type or ""
            return _json(trial.run(exchange.client.organisation, media_type, body, mapping))

        return door.serve("operation", "", "$try", tried)

    @bp.get("/messages/<id_>/$explain")
    def explain(id_: str) -> Response:
        """Why a message became what it did: for its sender, and for those whom it was sent to."""

        def told(exchange: Exchange) -> Reply:
            exchange.require("Binary", "r")
            organisation = exchange.client.organisation
            kept = explaining.visible(organisation, id_)
            if kept is None:
                raise NotFound(_NO_MESSAGE)
            return _json(explaining.explain(kept, organisation))

        return door.serve("operation", "Binary", id_, told)

    return bp


def _json(told: dict[str, Any]) -> Reply:
    body = orjson.dumps(
        told, default=as_written, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    return Reply(body=body, media_type=JSON)

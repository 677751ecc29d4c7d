"""For senders: how far a message has come with each of its recipients."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response

from service.api.exchange import Door, Exchange
from service.api.reply import Reply
from service.delivery.progress import Progress
from service.errors import NotFound

_NO_MESSAGE = "There is no such message, or it is not yours to see."


def progress_blueprint(door: Door, progress: Progress) -> Blueprint:
    """GET /messages/{id}/$status, in plain JSON: docs/closed-loop.md."""
    bp = Blueprint("progress", __name__)

    @bp.get("/messages/<id_>/$status")
    def status(id_: str) -> Response:
        """Who has a message, who answered and who is late: for its sender; to others their own."""

        def told(exchange: Exchange) -> Reply:
            exchange.require("Task", "r")
            organisation, store = exchange.client.organisation, progress.store
            visible = store.read(organisation, "Binary", id_)
            kept = store.dead_letters.get(id_) if visible else None
            if kept is None or kept.state != "committed":
                raise NotFound(_NO_MESSAGE)
            now = exchange.now.as_datetime()
            body = orjson.dumps(progress.of(kept, now, organisation), option=orjson.OPT_INDENT_2)
            return Reply(body=body, media_type="application/json")

        return door.serve("operation", "Binary", id_, told)

    return bp

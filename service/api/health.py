"""Whether the service lives, and whether it can do its work: for load balancers and operators."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response

from service import __version__
from service.errors import Unavailable
from service.store import Store


def health_blueprint(store: Store) -> Blueprint:
    """Routes without authentication, and without anything of a patient."""
    bp = Blueprint("health", __name__)

    @bp.get("/health")
    def health() -> Response:
        """Answer 200 while the process can answer at all."""
        return _json({"status": "ok", "version": __version__})

    @bp.get("/ready")
    def ready() -> Response:
        """Answer 200 while the database answers too, else 503."""
        try:
            store.settings.epoch()
        except Unavailable as fault:
            return _json({"status": "unavailable", "reason": fault.text}, 503)
        return _json({"status": "ok"})

    return bp


def _json(body: dict[str, str], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, mimetype="application/json")

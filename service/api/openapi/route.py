"""The route."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cache

import orjson
from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.routing import Rule

from service.api.openapi.document import Route, document
from service.fhir.bundle_identity import matches


def openapi_blueprint(version: str, public_url: str | None = None) -> Blueprint:
    """Return the route; it needs no token.

    public_url: the service's address as clients see it; by default, as they called it.
    """
    bp = Blueprint("openapi", __name__)

    @cache
    def written(base: str) -> tuple[bytes, str]:
        told = document(routes(current_app), base=base, version=version)
        body = orjson.dumps(told)
        return body, hashlib.sha256(body).hexdigest()[:24]

    @bp.get("/openapi.json", endpoint="description")
    def description() -> Response:
        """This description."""
        body, tag = written((public_url or request.host_url).rstrip("/"))
        same = matches(request.headers.get("If-None-Match", ""), tag)
        answer = Response(b"" if same else body, 304 if same else 200, mimetype="application/json")
        answer.headers["ETag"] = f'W/"{tag}"'
        answer.headers["Cache-Control"] = "public, max-age=300"
        return answer

    return bp


def routes(app: Flask) -> list[Route]:
    """Return the routes of an application."""
    seen: Counter[str] = Counter()
    return [_route(app, rule, seen) for rule in sorted(app.url_map.iter_rules(), key=str)]


def _route(app: Flask, rule: Rule, seen: Counter[str]) -> Route:
    seen[rule.endpoint] += 1
    number = seen[rule.endpoint]
    return Route(
        address=rule.rule,
        endpoint=rule.endpoint,
        name=rule.endpoint if number == 1 else f"{rule.endpoint}-{number}",
        methods=frozenset(rule.methods or ()),
        view=app.view_functions[rule.endpoint],
    )

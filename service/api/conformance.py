"""GET /metadata: the CapabilityStatement, made of the routes that there are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Final

from flask import Blueprint, Response, current_app, request

from service.api.exchange import Door
from service.api.negotiation import check_accept
from service.api.reply import Header, Reply, dumps
from service.fhir.bundle_identity import matches
from service.fhir.capability import Served, capability_statement
from service.fhir.capability_caseloads import CASELOAD
from service.fhir.capability_measures import MEASURES

# How endpoints begin, and what they are told by.
_BLUEPRINTS: Final = {"fhir.": "", "caseloads.": CASELOAD, "measures.": MEASURES}


def add_conformance(
    bp: Blueprint, door: Door, version: str, profiles: Sequence[tuple[str, str]]
) -> None:
    """Add the route; it needs no token."""

    @cache
    def statement(base: str, interactions: frozenset[str]) -> tuple[bytes, str]:
        served = Served(base=base, version=version, interactions=interactions, profiles=profiles)
        body = dumps(capability_statement(served))
        return body, hashlib.sha256(body).hexdigest()[:24]

    @bp.get("/metadata", endpoint="capabilities")
    def metadata() -> Response:
        """What this server can do."""
        check_accept(request.headers.get("Accept", ""), request.args.get("_format", ""))
        body, tag = statement(door.base(), _interactions())
        headers: tuple[Header, ...] = (
            ("ETag", f'W/"{tag}"'),
            ("Cache-Control", "public, max-age=300"),
        )
        if matches(request.headers.get("If-None-Match", ""), tag):
            return Reply(status=304, headers=headers).response()
        return Reply(body=body, headers=headers).response()


def _interactions() -> frozenset[str]:
    """Return what the routes below the FHIR endpoint are called."""
    endpoints = {rule.endpoint for rule in current_app.url_map.iter_rules()}
    return frozenset(
        told + name.removeprefix(begins)
        for begins, told in _BLUEPRINTS.items()
        for name in endpoints
        if name.startswith(begins)
    )

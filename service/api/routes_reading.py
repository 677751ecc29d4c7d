"""Routes that read: read, vread, history and search of every type."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Response, request

from service.api.exchange import Door
from service.api.negotiation import FORM_TYPE, check_content
from service.api.reading import Reading
from service.api.searching import Searching
from service.errors import NotFound, NotServed
from service.fhir.search_parameters import types
from service.model import r4

Pair = tuple[str, str]
_BOOKINGS: Final = frozenset({"Appointment", "Schedule", "Slot"})  # BaRS; not implemented: 501


def add_reading(bp: Blueprint, door: Door, reading: Reading, searching: Searching) -> None:
    """Add the routes; each endpoint is named by its FHIR restful-interaction."""

    @bp.get("/<kind>", endpoint="search-type")
    def search(kind: str) -> Response:
        """Search by GET."""
        return _search(kind, list(request.args.items(multi=True)))

    @bp.post("/<kind>/_search", endpoint="search-post")
    def search_post(kind: str) -> Response:
        """Search by POST: what names a patient stays out of addresses and logs."""
        if request.content_length:
            check_content(request.content_type or "", FORM_TYPE)
        given = [*request.args.items(multi=True), *request.form.items(multi=True)]
        return _search(kind, given)

    def _search(kind: str, pairs: Sequence[Pair]) -> Response:
        require_known(kind)
        tag = request.headers.get("If-None-Match", "")
        return door.serve(
            "search-type",
            kind,
            digest(pairs),
            lambda exchange: searching.search(exchange, kind, pairs, tag),
        )

    @bp.get("/<kind>/<id_>", endpoint="read")
    def read(kind: str, id_: str) -> Response:
        """The current version."""
        require_known(kind)
        return door.serve(
            "read",
            kind,
            id_,
            lambda exchange: reading.read(exchange, kind, id_, request.headers, request.args),
        )

    @bp.get("/<kind>/<id_>/_history", endpoint="history-instance")
    def history(kind: str, id_: str) -> Response:
        """The versions, newest first."""
        require_known(kind)
        return door.serve(
            "history-instance",
            kind,
            id_,
            lambda exchange: reading.history(exchange, kind, id_, request.args),
        )

    @bp.get("/<kind>/<id_>/_history/<version>", endpoint="vread")
    def vread(kind: str, id_: str, version: str) -> Response:
        """One version."""
        require_known(kind)
        return door.serve(
            "vread",
            kind,
            id_,
            lambda exchange: reading.vread(
                exchange, kind, id_, version, request.headers, args=request.args
            ),
        )


def require_known(kind: str) -> None:
    """Raise NotFound for a type that is not kept here, NotServed for those of bookings."""
    if kind in _BOOKINGS:
        raise NotServed
    if kind == "Bundle":
        raise NotFound("Bundles are posted to the base address: POST [base], without /Bundle.")
    if kind not in types():
        named = kind if r4.is_resource(kind) else "This resource type"
        raise NotFound(f"{named} is not kept here: GET metadata lists what is.")


def digest(pairs: Sequence[Pair]) -> str:
    """Return what the audit keeps of a search: enough to recognise it, nothing of a patient."""
    text = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    return hashlib.sha256(text.encode()).hexdigest()[:32]

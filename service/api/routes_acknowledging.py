"""Routes for $acknowledge: on one Communication, and on a list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, request

from service.api.acknowledging import Acknowledged, Acknowledging
from service.api.bodies import read_parameters
from service.api.exchange import Door, Exchange
from service.api.reply import Reply, dumps, entity_tag
from service.api.tasks import acknowledged_reply
from service.errors import BadRequest, Issue, ServiceError
from service.fhir.acknowledgement import read_acknowledgement, read_list
from service.fhir.bundle_answer import response_bundle, status_line
from service.fhir.outcome import outcome_of
from service.fhir.search_parameters import Resource
from service.model import Instant


class AcknowledgingRoutes:
    """The routes."""

    def __init__(
        self,
        door: Door,
        acknowledging: Acknowledging,
        check: Callable[[Resource], list[Issue]],
        max_body: int,
    ) -> None:
        self._door, self._acknowledging = door, acknowledging
        self._check, self._max_body = check, max_body

    def add_to(self, bp: Blueprint) -> None:
        """Add them to the endpoint."""
        one, many = "/Communication/<id_>/$acknowledge", "/Communication/$acknowledge"
        bp.post(one, endpoint="$acknowledge")(self.acknowledge)
        bp.post(many, endpoint="$acknowledge-many")(self.acknowledge_many)

    def acknowledge(self, id_: str) -> Response:
        """Record the recipient's answer; the same however many times it is called."""

        def work(exchange: Exchange) -> Reply:
            exchange.require("Task", "u")
            said = read_acknowledgement(self._parameters(), _today(exchange))
            return acknowledged_reply(exchange, self._acknowledging.one(exchange, id_, said))

        return self._door.serve("operation", "Communication", id_, work, recorded=True)

    def acknowledge_many(self) -> Response:
        """Record the technical receipt of a list, each by itself."""

        def work(exchange: Exchange) -> Reply:
            exchange.require("Task", "u")
            done = self._acknowledging.many(exchange, read_list(self._parameters()))
            return Reply(body=dumps(response_bundle("batch", map(_entry, done))))

        return self._door.serve("operation", "Communication", "", work, recorded=True)

    def _parameters(self) -> Resource | None:
        parameters = read_parameters(request, self._max_body)
        faults = self._check(parameters) if parameters else []
        if faults:
            raise BadRequest("The parameters are not right.", faults)
        return parameters


def _today(exchange: Exchange) -> date:
    return exchange.now.as_datetime().date()


def _entry(done: Acknowledged | ServiceError) -> dict[str, Any]:
    if isinstance(done, ServiceError):
        return {"response": {"status": status_line(done.http_status), "outcome": outcome_of(done)}}
    return {
        "response": {
            "status": status_line(200),
            "location": f"{done.reference}/_history/{done.version}",
            "etag": entity_tag(done.version),
            "lastModified": Instant(done.updated).isoformat(),
        }
    }

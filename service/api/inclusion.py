"""Resources sent along with matches: those that they point at, and those that point at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from service.api.exchange import Exchange
from service.api.records import Records
from service.api.sources import Row
from service.api.walk import read
from service.fhir.search_parameters import Resource, parameters
from service.fhir.search_query import Include
from service.fhir.search_values import literal
from service.store import Reference, Stored

MAX_REVERSE: Final = 100  # of one inclusion for one match


def required(includes: Sequence[Include]) -> Iterator[str]:
    """Yield the types that the client must be allowed to read."""
    for include in includes:
        if include.reverse:
            yield include.kind
        elif include.target:
            yield include.target


def included(
    records: Records, exchange: Exchange, rows: Sequence[Row], includes: Sequence[Include]
) -> list[Stored]:
    """Return what goes along, each resource once, none that is a match or not to be seen."""
    if not includes:
        return []
    resources = [read(row) for row in rows]
    forward = [include for include in includes if not include.reverse]
    wanted = dict.fromkeys(
        reference
        for resource in resources
        for include in forward
        for reference in _pointed(resource, include)
        if exchange.client.may(reference[0], "r")
    )
    found = dict(records.read_many(exchange.client.organisation, list(wanted)))
    for include in includes:
        if include.reverse:
            found |= _pointing(records, exchange, rows, include)
    matched = {(row.type, row.id) for row in rows}
    return [one for key, one in found.items() if key not in matched and not one.deleted]


def _pointed(resource: Resource, include: Include) -> Iterator[Reference]:
    parameter = parameters(include.kind)[include.parameter]
    for value in parameter.values(resource):
        kind, _, id_ = literal(value).partition("/")
        right = include.target in ("", kind) and (
            not parameter.targets or kind in parameter.targets
        )
        if right and id_ and "/" not in id_:
            yield kind, id_


def _pointing(
    records: Records, exchange: Exchange, rows: Sequence[Row], include: Include
) -> dict[Reference, Stored]:
    found: dict[Reference, Stored] = {}
    name = "patient" if include.parameter == "subject" else include.parameter  # kept as one
    for row in rows:
        key = (name, f"{row.type}/{row.id}")
        for stored in records.store.stream(
            exchange.client.organisation, include.kind, count=MAX_REVERSE, key=key
        ):
            found[stored.type, stored.id] = stored
    return found

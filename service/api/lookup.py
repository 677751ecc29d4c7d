"""What a write needs to know before its transaction: what there is, and what it is the client's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from service.api.exchange import Exchange
from service.api.records import Records, exact
from service.errors import BadRequest
from service.fhir.bundle import READS, Fault, Request
from service.fhir.bundle_identity import Known
from service.fhir.bundle_references import conditional_references
from service.fhir.conditions import Condition, asked_by, condition
from service.fhir.search_criteria import Context
from service.fhir.search_parameters import Resource, types
from service.store import Check, Reference, Stored

Asked = tuple[str, str]  # (type, condition)


@dataclass(slots=True)
class Looked:
    """What look-ups gave."""

    conditions: dict[Asked, Condition] = field(default_factory=dict)
    found: dict[Asked, tuple[str, ...]] = field(default_factory=dict)
    known: dict[Reference, Known] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Lookup:
    """Looks up what requests name, as one organisation."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def look(self, exchange: Exchange, requests: Sequence[Request]) -> Looked:
        """Find what every condition means, and read every resource that would change."""
        looked = Looked()
        self._read_conditions(exchange, requests, looked)
        self._find(exchange, looked)
        writes = [request for request in requests if request.method not in READS]
        named = [(one.type, one.id) for one in writes if one.id]
        meant = [(kind, id_) for (kind, _), ids in looked.found.items() for id_ in ids]
        looked.known = self.known(exchange, [*named, *meant])
        return looked

    def known(self, exchange: Exchange, references: Sequence[Reference]) -> dict[Reference, Known]:
        """Return the visible ones of these."""
        if not references:
            return {}
        organisation = exchange.client.organisation
        found = self._records.read_many(organisation, references)
        return {reference: _known(stored, organisation) for reference, stored in found.items()}

    def _read_conditions(
        self, exchange: Exchange, requests: Sequence[Request], looked: Looked
    ) -> None:
        context = Context(base=exchange.base, now=exchange.now)
        for request in requests:
            for kind, query in _asked(request):
                if (kind, query) in looked.conditions:
                    continue
                try:
                    looked.conditions[kind, query] = condition(kind, query, context)
                except BadRequest as refused:
                    looked.found[kind, query] = ()
                    looked.faults += [
                        request.fault(400, issue.code, issue.text) for issue in refused.issues
                    ]

    def _find(self, exchange: Exchange, looked: Looked) -> None:
        owner = exchange.client.organisation
        asked = list(looked.conditions.items())
        wanted = [(kind, one.key) for (kind, _), one in asked]
        rows = self._records.store.find_many(owner, wanted) if wanted else []
        for (key, one), hits in zip(asked, rows, strict=True):
            ids = tuple(id_ for id_, _ in hits)
            looked.checks.append(Check(owner=owner, type=key[0], key=one.key, expected=ids))
            looked.found[key] = ids if one.exact else self._narrowed(exchange, one, ids)

    def _narrowed(self, exchange: Exchange, one: Condition, ids: Sequence[str]) -> tuple[str, ...]:
        known = self.known(exchange, [(one.type, id_) for id_ in ids])
        return tuple(id_ for (_, id_), held in known.items() if one.holds(held.resource))


def _asked(request: Request) -> Iterator[Asked]:
    yield from asked_by(request)
    if request.resource and request.method not in READS:
        yield from (one for one in conditional_references(request.resource) if one[0] in types())


def _known(stored: Stored, organisation: str) -> Known:
    resource: Resource = {} if stored.deleted else exact(stored)
    return Known(
        version=stored.version,
        updated=stored.updated,
        owner=stored.owner,
        resource=resource,
        writable=stored.owner == organisation,
        deleted=stored.deleted,
    )


def own(known: Iterable[tuple[Reference, Known]], organisation: str) -> tuple[Reference, ...]:
    """Return the references to resources that are the organisation's own."""
    return tuple(reference for reference, held in known if held.owner == organisation)

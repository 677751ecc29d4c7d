"""Conditions that name a resource by what it says: ifNoneExist, PUT Type?…, Patient?identifier=…"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from service.errors import BadRequest
from service.fhir.bundle import Request
from service.fhir.index import Key
from service.fhir.search_criteria import Context, Criterion
from service.fhir.search_parameters import Resource
from service.fhir.search_query import parse

NEEDS_KEY: Final = "a condition names an identifier with its system (identifier=system|value)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A search that is meant to find one resource."""

    type: str
    query: str  # as given, "identifier=https://fhir.nhs.uk/Id/nhs-number|9990123454"
    criteria: tuple[Criterion, ...]
    key: Key  # finds all that it can mean

    @property
    def exact(self) -> bool:
        """Whether what the key finds is what is meant, and needs no further look."""
        return len(self.criteria) == 1

    def holds(self, resource: Resource) -> bool:
        """Whether a resource is meant. Conditions have no chains, so none is followed."""
        return resource.get("resourceType") == self.type and all(
            one.holds(resource, lambda _: None) for one in self.criteria
        )


def condition(kind: str, query: str, context: Context) -> Condition:
    """Read one condition. Raises BadRequest with every fault."""
    read = parse(kind, parse_qsl(query, keep_blank_values=True), context)
    keys = [one.key for one in read.criteria if one.key]
    if not keys or len(read.criteria) != len(read.used) or any(one.inner for one in read.criteria):
        raise BadRequest(f"{NEEDS_KEY}.")
    return Condition(type=kind, query=query, criteria=read.criteria, key=keys[0])


def asked_by(request: Request) -> Iterator[tuple[str, str]]:
    """Yield (type, query) of the condition that the request itself depends on."""
    if request.method == "POST" and request.if_none_exist:
        yield request.type, request.if_none_exist
    if request.method in ("PUT", "PATCH") and request.query:
        yield request.type, request.query

"""Resources to search among, and what reads a search and compares it."""

from __future__ import annotations

from datetime import UTC, datetime

from service.fhir.search_criteria import Context
from service.fhir.search_query import Query, parse
from service.model import Instant
from tests.api_samples import ODS, Resource, communication, patient

BASE = "http://relay.example/fhir"

NOW = Instant.of(datetime(2025, 3, 20, 12, tzinfo=UTC))

PERSON = patient(
    id="p1",
    meta={
        "lastUpdated": "2025-03-14T17:20:05.500123Z",
        "profile": ["https://example.nhs.uk/profile/a"],
        "tag": [{"system": "https://example.nhs.uk/tags", "code": "FA"}],
        "source": "urn:uuid:1",
    },
    name=[{"family": "O'Shaughnessy-Ångström", "given": ["Rosalind", "May"], "text": "R O'S"}],
    telecom=[
        {"system": "phone", "value": "01892 000000"},
        {"system": "email", "value": "r@example.nhs.uk"},
    ],
    address=[{"line": ["1 High Street"], "city": "Tunbridge Wells", "postalCode": "TN1 1AA"}],
    generalPractitioner=[{"identifier": {"system": ODS, "value": "G81001"}}],
    active=True,
)

TOLD = communication(
    "Patient/p1",
    "8HX03",
    "8HX01",
    id="c1",
    sent="2025-03-14T16:30:00+00:00",
    received="2025-03-14",
    category=[
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/communication-category",
                    "code": "notification",
                    "display": "Notification",
                }
            ],
            "text": "Discharge notice",
        }
    ],
    basedOn=[{"reference": "ServiceRequest/s1"}, {"reference": "http://elsewhere.example/r/2"}],
    encounter={"reference": "Encounter/e1/_history/3"},
    instantiatesUri=["https://example.nhs.uk/protocols/pain/2"],
)

STAY = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "period": {"start": "2025-03-10T09:00:00Z", "end": "2025-03-14T16:15:00Z"},
}

OPEN = {**STAY, "period": {"start": "2025-03-10T09:00:00Z"}}

TIMED = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "occurrenceTiming": {"event": ["2025-04-01T10:00:00Z", "2025-04-15T10:00:00Z"]},
}

WORLD = {"Patient/p1": PERSON, "Encounter/e1": STAY}


def read(kind: str, query: str) -> Query:
    pairs = [part.partition("=") for part in query.split("&")]
    return parse(kind, [(name, value) for name, _, value in pairs], Context(base=BASE, now=NOW))


def found(resource: Resource, query: str) -> bool:
    criteria = read(resource["resourceType"], query).criteria
    return all(criterion.holds(resource, WORLD.get) for criterion in criteria)

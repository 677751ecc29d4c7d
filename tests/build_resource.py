"""Shared by the tests of single resources: the first of a type, of a changed discharge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from build_fixtures import HOSPICE, PRACTICE, discharge, made

ABSENT = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "unknown",
        }
    ]
}


def one(resource_type: str, **changes: Any) -> dict[str, Any]:
    """Return the first resource of a type that is built of the changed discharge."""
    built = made(discharge(**changes), HOSPICE, PRACTICE)
    return next(each for each in built.resources if each["resourceType"] == resource_type)


def patient(**changes: Any) -> dict[str, Any]:
    return one("Patient", patient=replace(discharge().patient, **changes))


def encounter(kind: str = "discharge", **changes: Any) -> dict[str, Any]:
    return one("Encounter", kind=kind, encounter=replace(discharge().encounter, **changes))

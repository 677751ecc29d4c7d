"""Small right resources to break, and how to change one place of them."""

from __future__ import annotations

import copy
from typing import Any

ALLERGY: dict[str, Any] = {
    "resourceType": "AllergyIntolerance",
    "patient": {"reference": "Patient/p1"},
    "clinicalStatus": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                "code": "active",
            }
        ]
    },
}


def changed(resource: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with one place changed; None takes it away."""
    copied = copy.deepcopy(resource)
    here: Any = copied
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return copied

"""The invariants of R4 that matter here are told by their keys."""

from __future__ import annotations

from typing import Any

import pytest
from validate_samples import ALLERGY, changed

from service.fhir.validate import check

MEMBER = {"entity": {"reference": "Patient/1"}}
TWICE = [{"name": "identifier", "type": "token"}] * 2
COMPOSED: dict[str, Any] = {
    "resourceType": "Composition",
    "status": "final",
    "type": {"text": "x"},
    "date": "2025",
    "author": [{"display": "a"}],
    "title": "t",
    "section": [{"entry": [{"reference": "Condition/1"}]}],
}


def status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


ALLERGY_ERROR = status("allergyintolerance-verification", "entered-in-error")


CAPABILITY: dict[str, Any] = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2025",
    "kind": "instance",
    "implementation": {"description": "x"},
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [
        {
            "mode": "server",
            "resource": [
                {"type": "Patient", "searchParam": [{"name": "identifier", "type": "token"}]},
                {"type": "Task"},
            ],
        }
    ],
}
GROUP = {"resourceType": "Group", "type": "person", "actual": True, "member": [MEMBER]}
ORGANISATION: dict[str, Any] = {
    "resourceType": "Organization",
    "name": "a",
    "telecom": [{"system": "phone", "value": "1", "use": "work"}],
    "address": [{"use": "work", "city": "a"}],
}
CONDITION = {
    "resourceType": "Condition",
    "subject": {"display": "a"},
    "clinicalStatus": status("condition-clinical", "active"),
    "verificationStatus": status("condition-ver-status", "confirmed"),
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "a"},
    "valueString": "b",
}
REPORT = {
    "resourceType": "MeasureReport",
    "status": "complete",
    "type": "summary",
    "measure": "https://example.org/m",
    "period": {"start": "2025"},
    "group": [{"code": {"text": "a"}}],
}
RULES = [
    (CAPABILITY, "rest", None, "cpb-1"),
    (CAPABILITY, "implementation", None, "cpb-2"),
    (CAPABILITY, "rest.0.resource.1.type", "Patient", "cpb-9"),
    (CAPABILITY, "rest.0.resource.0.searchParam", TWICE, "cpb-12"),
    (GROUP, "actual", False, "grp-1"),
    (ORGANISATION, "telecom.0.use", "home", "org-3"),
    (ORGANISATION, "address.0.use", "home", "org-2"),
    ({"resourceType": "Organization"}, "active", True, "org-1"),
    (CONDITION, "verificationStatus", status("condition-ver-status", "entered-in-error"), "con-5"),
    (OBSERVATION, "dataAbsentReason", {"text": "a"}, "obs-6"),
    (REPORT, "type", "data-collection", "mrp-1"),
    (ALLERGY, "verificationStatus", ALLERGY_ERROR, "ait-2"),
    (COMPOSED, "section.0.emptyReason", {"text": "a"}, "cmp-2"),
]


@pytest.mark.parametrize(("resource", "path", "value", "key"), RULES, ids=[r[3] for r in RULES])
def test_a_rule_of_r4_is_told_by_its_key(resource, path, value, key):
    right = [issue.text for issue in check(resource) if issue.text.startswith(key)]
    wrong = [issue.text.partition(":")[0] for issue in check(changed(resource, path, value))]

    assert (right if key != "org-1" else []) == []
    assert key in wrong

"""Resources made from R4's own definitions: the least valid one of a type, with one value in it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from service.fhir.search_parameters import Parameter, Resource, Step
from service.model import r4
from service.settings import bundled_folder

ELSEWHERE = "https://elsewhere.example/fhir"
CODES = json.loads((bundled_folder("profiles").parent / "service/fhir/r4_codes.json").read_bytes())
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
# A value of each data type, and how a search for it is written.
VALUES: dict[str, tuple[Any, str]] = {
    "boolean": (True, "true"),
    "string": ("Example words", "example"),
    "markdown": ("Example words", "example"),
    "uri": ("https://example.nhs.uk/a", "https://example.nhs.uk/a"),
    "url": ("https://example.nhs.uk/a", "https://example.nhs.uk/a"),
    "canonical": ("https://example.nhs.uk/a", "https://example.nhs.uk/a"),
    "date": ("2025-03-14", "2025-03-14"),
    "dateTime": ("2025-03-14T10:00:00Z", "2025-03-14"),
    "instant": ("2025-03-14T10:00:00Z", "2025-03-14"),
    "Period": ({"start": "2025-03-14", "end": "2025-03-14"}, "2025-03-14"),
    "Timing": ({"event": ["2025-03-14T10:00:00Z"]}, "2025-03-14"),
    "Identifier": (
        {"system": "https://example.nhs.uk/i", "value": "7"},
        "https://example.nhs.uk/i|7",
    ),
    "CodeableConcept": ({"coding": [{"system": "https://example.nhs.uk/c", "code": "c1"}]}, "c1"),
    "Coding": ({"system": "https://example.nhs.uk/c", "code": "c1"}, "https://example.nhs.uk/c|c1"),
    "HumanName": ({"family": "Example", "given": ["Ann"]}, "exam"),
    "Address": ({"city": "Example", "postalCode": "TN1"}, "exam"),
}
# What the definitions leave to an invariant or to a choice of types.
LEAST: dict[str, Resource] = {
    "AllergyIntolerance": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                    "code": "active",
                }
            ]
        }
    },
    "Consent": {"policyRule": {"text": "opt in"}},
    "Goal": {"description": {"text": "No pain"}},
    "HealthcareService": {"name": "Hospice at home"},
    "Immunization": {"occurrenceDateTime": "2025-03-14"},
    "Location": {"name": "Lister Ward"},
    "MedicationRequest": {"medicationCodeableConcept": {"text": "Morphine"}},
    "MedicationStatement": {"medicationCodeableConcept": {"text": "Morphine"}},
    "Organization": {"name": "Example"},
    "ServiceRequest": {"code": {"text": "Hospice at home"}},
}


def least(kind: str) -> Resource:
    """The least valid resource of a type."""
    made: Resource = {"resourceType": kind}
    for element in r4.children(kind).values():
        if element.min and not element.choice:
            made[element.name] = [sample(element)] if element.many else sample(element)
    return {**made, **LEAST.get(kind, {})}


def sample(element: r4.Element) -> Any:
    """A valid value of an element."""
    if element.value_set:
        system, codes = next(iter(CODES[element.value_set].items()))
        code = "work" if "work" in codes else codes[0]  # no organisation is at home
        coding = {"system": system, "code": code}
        coded = {"code": code, "Coding": coding, "CodeableConcept": {"coding": [coding]}}
        return coded[element.type]
    if element.type in VALUES:
        return deepcopy(VALUES[element.type][0])
    if element.type == "Reference":
        return {"reference": f"{ELSEWHERE}/{(*element.targets, 'Patient')[0]}/1"}
    return "en" if element.type == "code" else parts(element.type)


def parts(type_path: str) -> Resource:
    """The least that an element with parts can be, which is not nothing."""
    if type_path == "Composition.section":
        return {"text": {"status": "generated", "div": f"<div {XHTML}>Seen.</div>"}}
    known = list({one.choice or one.name: one for one in r4.children(type_path).values()}.values())
    plain = [one for one in known if one.type in VALUES and one.name != "id"]
    needed = [one for one in known if one.min] or plain[:1]
    return {one.name: [sample(one)] if one.many else sample(one) for one in needed}


def with_value(kind: str, parameter: Parameter) -> tuple[Resource, str]:
    """A resource that a parameter finds, and the value to search for."""
    path = parameter.paths[0]
    made = least(kind)
    element, holder, here = None, made, kind
    for number, step in enumerate(path):
        element = r4.children(here)[step.name]
        for other in r4.children(here).values():  # a choice has one type
            if element.choice and other.choice == element.choice:
                holder.pop(other.name, None)
        last = number == len(path) - 1
        value = leaf(step, element, parameter) if last else holder.get(step.name) or sample(element)
        value = value[0] if isinstance(value, list) and not last else value
        holder[step.name] = [value] if element.many else value
        holder, here = value, element.type
    assert element is not None
    return made, asked(parameter, element, value)


def leaf(step: Step, element: r4.Element, parameter: Parameter) -> Any:
    if element.type == "ContactPoint":
        return {"system": step.system or "phone", "value": "01892 000000"}
    if element.type == "Reference" and parameter.targets:
        return {"reference": f"{ELSEWHERE}/{parameter.targets[0]}/1"}
    return sample(element)


def asked(parameter: Parameter, element: r4.Element, value: Any) -> str:
    """How a search names a value."""
    if parameter.paths[0][-1].exists:
        return "true"
    if element.type == "string" and parameter.kind == "token":
        return str(value)
    if element.type in ("ContactPoint", "Reference"):
        return str(value.get("value") or value["reference"])
    if element.type == "code":
        return str(value)
    if element.value_set:
        coding = value["coding"][0] if "coding" in value else value
        return f"{coding['system']}|{coding['code']}"
    return VALUES[element.type][1]

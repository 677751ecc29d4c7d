"""Discharge documents of senders whose codes for them the examples do not have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapping_samples import converted, doubts, example

from service.model import TransferOfCare

OUTPATIENT = "base-itk3-outpatient"
DOCUMENT = "base-document-discharge"
READ_AS_ONE = "called a discharge summary"


def document(name: str, *, died: bool = False, **composition: Any) -> bytes:
    """An example without the heading of a discharge, its Composition changed."""
    bundle = json.loads(example(name))
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Composition":
            resource |= composition
            resource["section"] = [
                each
                for each in resource["section"]
                if each["code"]["coding"][0]["code"] not in ("discharge-details", "886811000000106")
            ]
        if resource["resourceType"] == "Patient" and died:
            resource["deceasedBoolean"] = True
    return json.dumps(bundle).encode()


def becomes(body: bytes) -> TransferOfCare:
    return converted("RX5", body)[1]


def typed(code: str, system: str = "http://snomed.info/sct", **more: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": system, "code": code, **more}]}, "title": "Document"}


@pytest.mark.parametrize("name", [OUTPATIENT, DOCUMENT])
@pytest.mark.parametrize(
    ("composition", "kind", "flagged"),
    [
        (typed("373942005"), "discharge", False),
        (typed("824331000000106"), "discharge", False),  # inpatient final discharge letter
        (typed("28655-9", "http://loinc.org"), "discharge", False),  # physician's discharge summary
        (typed("1", "urn:local", display="ED Discharge Summary"), "discharge", True),
        (typed("1") | {"title": "eDischarge"}, "discharge", True),
        (typed("823681000000100") | {"title": "Discharge letter"}, "document", False),  # outpatient
        (typed("1") | {"title": "Discharge of duties"}, "document", False),
    ],
)
def test_a_discharge_is_known_by_its_code_or_else_its_name_and_that_is_flagged(
    name: str, composition: dict[str, Any], kind: str, *, flagged: bool
) -> None:
    transfer = becomes(document(name, **composition))

    assert transfer.kind == kind
    assert any(READ_AS_ONE in issue.text for issue in transfer.issues) is flagged
    assert ("kind" in doubts(transfer)) is flagged


@pytest.mark.parametrize("name", [OUTPATIENT, DOCUMENT])
@pytest.mark.parametrize(
    "composition", [typed("824331000000106"), typed("1") | {"title": "Discharge summary"}]
)
def test_of_somebody_who_died_it_is_a_death(name: str, composition: dict[str, Any]) -> None:
    assert becomes(document(name, died=True, **composition)).kind == "death"


@pytest.mark.parametrize("target", [{"identifier": {"value": "older"}}, {"reference": "older"}])
def test_what_a_document_replaces_is_told_however_it_is_pointed_at(target: dict[str, Any]) -> None:
    replacing = {"relatesTo": [{"code": "replaces", "targetReference": target}]}

    assert becomes(document(DOCUMENT, **replacing)).message.replaces == "older"

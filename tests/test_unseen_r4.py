"""What FHIR R4 messages say in ways that the examples do not have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapping_samples import converted, example

from service.model import TransferOfCare

BARS = "base-message-bars"


def with_resource(resource: dict[str, Any], name: str = BARS) -> bytes:
    """An example with one more resource."""
    bundle = json.loads(example(name))
    bundle["entry"].append({"fullUrl": "urn:uuid:1f1f0000-0000-4000-8000-1", "resource": resource})
    return json.dumps(bundle).encode()


def becomes(body: bytes) -> TransferOfCare:
    return converted("RX5", body)[1]


ANSWERS = {
    "a web address": ({"valueUri": "http://graph.example/"}, "http://graph.example/"),
    "a quantity": ({"valueQuantity": {"value": 80, "unit": "mg"}}, "80 mg"),
    "a time of day": ({"valueTime": "08:30:00"}, "08:30:00"),
    "a code without words": ({"valueCoding": {"code": "LA33-6"}}, "LA33-6"),
    "a code with words": ({"valueCoding": {"code": "LA33-6", "display": "Yes"}}, "Yes"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_of_a_questionnaire_is_told(kind: str) -> None:
    answer, told = ANSWERS[kind]
    item = {"linkId": "1", "text": "XQUESTION", "answer": [answer]}
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": [item]}
    transfer = becomes(with_resource(response))

    assert [s.narrative for s in transfer.sections if s.title == "XQUESTION"] == [told]


def test_a_patient_on_the_distribution_list_is_the_patient_and_no_address() -> None:
    bundle = json.loads(example("base-document-discharge"))
    composition, patient = (
        next(e for e in bundle["entry"] if e["resource"]["resourceType"] == kind)
        for kind in ("Composition", "Patient")
    )
    listed = {"title": "Distribution list", "entry": [{"reference": patient["fullUrl"]}]}
    listed["code"] = {"coding": [{"system": "http://snomed.info/sct", "code": "887261000000109"}]}
    composition["resource"]["section"].append(listed)
    recipient = becomes(json.dumps(bundle).encode()).recipients[-1]

    assert (recipient.party, recipient.name) == ("patient", None)

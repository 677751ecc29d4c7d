"""Bundles are checked with all that is in them, and by the rules between entries."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.validate import check_bundle

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female"}
COMPOSITION = {
    "resourceType": "Composition",
    "status": "final",
    "type": {"text": "x"},
    "date": "2025",
    "author": [{"display": "a"}],
    "title": "t",
}
HEADER = {
    "resourceType": "MessageHeader",
    "eventCoding": {"system": "urn:x", "code": "e"},
    "source": {"endpoint": "urn:x"},
}
POST = {"method": "POST", "url": "Patient"}
DOCUMENT = {
    "type": "document",
    "identifier": {"system": "urn:x", "value": "1"},
    "timestamp": "2025-03-14T17:05:00Z",
    "entry": [{"fullUrl": "urn:uuid:1", "resource": COMPOSITION}],
}


def bundle(**parts: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", **parts}


@pytest.mark.parametrize(
    "right",
    [
        bundle(type="collection", entry=[{"resource": PATIENT}]),
        bundle(type="transaction", entry=[{"resource": PATIENT, "request": POST}]),
        bundle(type="batch-response", entry=[{"response": {"status": "201"}}]),
        bundle(
            type="searchset", total=1, entry=[{"search": {"mode": "match"}, "resource": PATIENT}]
        ),
        bundle(
            type="history",
            total=1,
            entry=[{"resource": PATIENT, "request": POST, "response": {"status": "201"}}],
        ),
        bundle(type="message", entry=[{"resource": HEADER}, {"resource": PATIENT}]),
        bundle(**DOCUMENT),
        bundle(
            type="history",
            entry=[
                {
                    "fullUrl": "urn:uuid:1",
                    "resource": {**PATIENT, "meta": {"versionId": version}},
                    "request": POST,
                    "response": {"status": "200"},
                }
                for version in ("1", "2")
            ],
        ),
    ],
    ids=lambda each: each["type"],
)
def test_a_right_bundle_has_no_issues(right):
    assert check_bundle(right) == []


@pytest.mark.parametrize(
    ("wrong", "key", "target"),
    [
        (bundle(type="batch", total=1), "bdl-1", "Bundle.total"),
        (
            bundle(type="collection", entry=[{"resource": PATIENT, "search": {"score": 1}}]),
            "bdl-2",
            "Bundle.entry[0].search",
        ),
        (
            bundle(type="transaction", entry=[{"resource": PATIENT}]),
            "bdl-3",
            "Bundle.entry[0].request",
        ),
        (
            bundle(type="collection", entry=[{"resource": PATIENT, "request": POST}]),
            "bdl-3",
            "Bundle.entry[0].request",
        ),
        (
            bundle(
                type="batch",
                entry=[{"request": POST, "response": {"status": "201"}, "resource": PATIENT}],
            ),
            "bdl-4",
            "Bundle.entry[0].response",
        ),
        (bundle(type="collection", entry=[{"fullUrl": "urn:x:1"}]), "bdl-5", "Bundle.entry[0]"),
        (
            bundle(type="collection", entry=[{"fullUrl": "urn:x:1", "resource": PATIENT}] * 2),
            "bdl-7",
            "Bundle.entry[1].fullUrl",
        ),
        (
            bundle(
                type="collection",
                entry=[{"fullUrl": "https://x.org/Patient/1/_history/2", "resource": PATIENT}],
            ),
            "bdl-8",
            "Bundle.entry[0].fullUrl",
        ),
        (bundle(**{**DOCUMENT, "identifier": {"value": "1"}}), "bdl-9", "Bundle.identifier"),
        (
            bundle(**{name: DOCUMENT[name] for name in ("type", "identifier", "entry")}),
            "bdl-10",
            "Bundle.timestamp",
        ),
        (bundle(**{**DOCUMENT, "entry": [{"resource": PATIENT}]}), "bdl-11", "Bundle.entry[0]"),
        (bundle(type="message", entry=[{"resource": PATIENT}]), "bdl-12", "Bundle.entry[0]"),
    ],
)
def test_a_rule_between_entries_is_told_with_its_key(wrong, key, target):
    issues = check_bundle(wrong)

    assert [(issue.text.partition(":")[0], issue.target) for issue in issues] == [(key, target)]


def test_a_fault_in_an_entry_is_told_from_the_bundle_on():
    wrong = bundle(
        type="batch",
        entry=[
            {"resource": PATIENT, "request": POST},
            {"resource": {**PATIENT, "gender": "f"}, "request": {"method": "PUSH", "url": "x"}},
            {"resource": {"resourceType": "Nobody"}, "request": POST},
            {"resource": "Patient", "request": POST},
        ],
    )

    issues = [(issue.code, issue.target) for issue in check_bundle(wrong)]

    assert issues == [
        ("code-invalid", "Bundle.entry[1].request.method"),
        ("structure", "Bundle.entry[3].resource"),
        ("code-invalid", "Bundle.entry[1].resource.gender"),
        ("structure", "Bundle.entry[2].resource.resourceType"),
        ("structure", "Bundle.entry[3].resource.resourceType"),
    ]


def test_resources_within_parameters_and_outcomes_are_checked():
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "bad", "code": "value"}]}
    answer = bundle(
        type="batch-response", entry=[{"response": {"status": "400", "outcome": outcome}}]
    )
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "part": [{"name": "b", "resource": {**PATIENT, "active": 1}}]}],
    }

    assert [issue.target for issue in check_bundle(answer)] == [
        "Bundle.entry[0].response.outcome.issue[0].severity"
    ]
    assert [
        issue.target
        for issue in check_bundle(bundle(type="collection", entry=[{"resource": parameters}]))
    ] == ["Bundle.entry[0].resource.parameter[0].part[0].resource.active"]


def test_a_parameter_has_one_value():
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "valueString": "x", "valueCode": "y"}],
    }

    issues = check_bundle(bundle(type="collection", entry=[{"resource": parameters}]))

    assert "Bundle.entry[0].resource.parameter[0].value" in {issue.target for issue in issues}

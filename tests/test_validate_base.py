"""What is not R4 is refused, each fault at its place, and none of the message's values told."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from validate_samples import ALLERGY, changed

from service.fhir.validate import check, check_bundle

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
SECRET = "Testpatient"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "1", "lastUpdated": "2025-03-14T17:05:00.000123Z"},
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>A <b>patient</b></p></div>',
    },
    "extension": [{"url": "https://example.org/e", "valueBoolean": True}],
    "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990123454"}],
    "active": True,
    "name": [{"family": SECRET, "given": ["Rosalind", "May"]}],
    "telecom": [{"system": "phone", "value": "01632 960001", "rank": 1}],
    "gender": "female",
    "birthDate": "1946-02",
    "deceasedBoolean": False,
    "contact": [{"name": {"text": SECRET}, "period": {"start": "2020", "end": "2021"}}],
    "generalPractitioner": [{"reference": "Organization/1", "type": "Organization"}],
}
TASK: dict[str, Any] = {
    "resourceType": "Task",
    "status": "requested",
    "intent": "order",
    "authoredOn": "2025-03-14T17:05:00Z",
    "lastModified": "2025-03-14T17:05:00Z",
    "input": [{"type": {"text": "a"}, "valueDecimal": 1.5}],
}
REQUEST: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "occurrencePeriod": {"start": "2025-03-14", "end": "2025-03-21"},
}
NESTED = {"url": "u:a", "valueId": "x"}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


CASES = [
    # resource, place, value, code and FHIRPath of the one issue
    (PATIENT, "nickname", SECRET, "structure", "Patient.nickname"),
    (PATIENT, "no name, " + SECRET, 1, "structure", "Patient.(unnamed)"),
    (PATIENT, "name.0.familie", SECRET, "structure", "Patient.name[0].familie"),
    (PATIENT, "_name", {"id": "x"}, "structure", "Patient._name"),
    (PATIENT, "name", {"family": SECRET}, "structure", "Patient.name"),
    (PATIENT, "name.0", SECRET, "structure", "Patient.name[0]"),
    (PATIENT, "name.0", {}, "structure", "Patient.name[0]"),
    (PATIENT, "name", [], "structure", "Patient.name"),
    (PATIENT, "name.0.given.1", None, None, ""),
    (PATIENT, "name.0.given.1", 3, "structure", "Patient.name[0].given[1]"),
    (PATIENT, "name.0.family", "", "value", "Patient.name[0].family"),
    (PATIENT, "name.0.family", "a\x00b", "value", "Patient.name[0].family"),
    (PATIENT, "name.0.family", "a\u00a0b\n", None, ""),
    (PATIENT, "gender", "f", "code-invalid", "Patient.gender"),
    (PATIENT, "active", "true", "structure", "Patient.active"),
    (PATIENT, "birthDate", "1946-02-30", "value", "Patient.birthDate"),
    (PATIENT, "birthDate", "14/02/1946", "value", "Patient.birthDate"),
    (PATIENT, "birthDate", "0000", "value", "Patient.birthDate"),
    (PATIENT, "deceasedDateTime", "2025", "structure", "Patient.deceased"),
    (PATIENT, "telecom.0.rank", 0, "value", "Patient.telecom[0].rank"),
    (PATIENT, "telecom.0.rank", 1.5, "value", "Patient.telecom[0].rank"),
    (PATIENT, "telecom.0.system", None, "invariant", "Patient.telecom[0]"),
    (PATIENT, "id", "has space", "value", "Patient.id"),
    (PATIENT, "meta.lastUpdated", "2025-03-14", "value", "Patient.meta.lastUpdated"),
    (PATIENT, "meta.lastUpdated", "0000-00-00T00:00:00.000000Z", None, ""),
    (PATIENT, "meta.lastUpdated", "2025-02-29T00:00:00Z", "value", "Patient.meta.lastUpdated"),
    (PATIENT, "meta.lastUpdated", "2025-06-30T23:59:60.5+14:00", None, ""),
    (PATIENT, "text.div", "<div>no</div>", "invariant", "Patient.text.div"),
    (PATIENT, "text.div", f"{DIV}<script>x</script></div>", "invariant", "Patient.text.div"),
    (PATIENT, "text.div", f'{DIV}<p onclick="x">y</p></div>', "invariant", "Patient.text.div"),
    (PATIENT, "text.div", f"{DIV} \n </div>", "invariant", "Patient.text.div"),
    (PATIENT, "text.div", f"{DIV}a & b</div>", "invariant", "Patient.text.div"),
    (PATIENT, "text.div", f"{DIV}a<p></div>", "invariant", "Patient.text.div"),
    (PATIENT, "text.div", f"{DIV}<!-- c -->a &amp; b<br/></div>", None, ""),
    (PATIENT, "text.div", f"{DIV}{'a ' * 20000}<b>b</b></div>", None, ""),
    (PATIENT, "text.status", None, "required", "Patient.text.status"),
    (PATIENT, "extension.0.extension", [NESTED], "invariant", "Patient.extension[0]"),
    (PATIENT, "extension.0.valueBoolean", None, "invariant", "Patient.extension[0]"),
    (PATIENT, "extension.0.url", None, "required", "Patient.extension[0].url"),
    (PATIENT, "extension.0.id", "x", None, ""),
    (PATIENT, "identifier.0.system", "nhs-number", "value", "Patient.identifier[0].system"),
    (PATIENT, "contact.0.period.end", "2019", "invariant", "Patient.contact[0].period"),
    (PATIENT, "contact.0.name", None, "invariant", "Patient.contact"),
    (
        PATIENT, "generalPractitioner.0.reference", "Patient/1",
        "structure", "Patient.generalPractitioner[0].reference",
    ),
    (PATIENT, "generalPractitioner.0.reference", "https://x.org/fhir/Organization/1", None, ""),
    (PATIENT, "generalPractitioner.0.reference", "urn:uuid:0", None, ""),
    (PATIENT, "generalPractitioner.0.reference", "#o", "invariant", "Patient"),
    (PATIENT, "resourceType", "Pacient", "structure", "Resource.resourceType"),
    (TASK, "status", None, "required", "Task.status"),
    (TASK, "_status", {"id": "x"}, None, ""),
    (TASK, "status", 1, "structure", "Task.status"),
    (TASK, "intent", "banana", "code-invalid", "Task.intent"),
    (TASK, "lastModified", "2025-03-14T17:04:59Z", "invariant", "Task.lastModified"),
    (TASK, "lastModified", "2025-03-14T18:04:59+01:00", "invariant", "Task.lastModified"),
    (TASK, "input.0.valueDecimal", None, "required", "Task.input[0].value"),
    (TASK, "input.0.valueDecimal", Decimal("1.50"), None, ""),
    (TASK, "input.0.valueDecimal", "1.5", "structure", "Task.input[0].valueDecimal"),
    (TASK, "input.0.valueString", SECRET, "structure", "Task.input[0].value"),
    (REQUEST, "subject", None, "required", "ServiceRequest.subject"),
    (REQUEST, "subject", {"display": SECRET}, None, ""),
    (REQUEST, "orderDetail", [{"text": "x"}], "invariant", "ServiceRequest.orderDetail"),
    (REQUEST, "occurrenceDateTime", "2025", "structure", "ServiceRequest.occurrence"),
    (REQUEST, "occurrencePeriod.end", "2025", "invariant", "ServiceRequest.occurrencePeriod"),
    (
        REQUEST, "subject.reference", "Organization/1",
        "structure", "ServiceRequest.subject.reference",
    ),
    (ALLERGY, "clinicalStatus", None, "invariant", "AllergyIntolerance.clinicalStatus"),
    (
        ALLERGY, "clinicalStatus.coding.0.code", "unwell",
        "code-invalid", "AllergyIntolerance.clinicalStatus",
    ),
    (
        ALLERGY, "clinicalStatus.coding.0.system", "http://snomed.info/sct",
        "code-invalid", "AllergyIntolerance.clinicalStatus",
    ),
    (
        ALLERGY, "clinicalStatus", {"text": "active"},
        "code-invalid", "AllergyIntolerance.clinicalStatus",
    ),
]  # fmt: skip


@pytest.mark.parametrize("resource", [PATIENT, TASK, REQUEST, ALLERGY], ids=lambda r: str(type(r)))
def test_what_is_right_has_no_issues(resource):
    assert check(resource) == []


@pytest.mark.parametrize(("resource", "path", "value", "code", "target"), CASES)
def test_a_fault_is_told_with_its_place(resource, path, value, code, target):
    issues = check(changed(resource, path, value))

    assert [(issue.code, issue.target) for issue in issues] == ([(code, target)] if code else [])
    assert not [issue for issue in issues if SECRET in f"{issue.text}{issue.target}"]


def test_every_fault_is_told_at_once():
    broken = changed(changed(PATIENT, "gender", "f"), "name.0.family", 7)
    broken["contained"] = [{"resourceType": "Organization", "id": "o", "activ": True}]

    targets = {issue.target for issue in check(broken)}

    assert targets == {
        "Patient.gender",
        "Patient.name[0].family",
        "Patient.contained[0].activ",
    }


def test_a_null_between_values_needs_an_extension_in_its_place():
    name = {"given": ["Rosalind", None], "_given": [None, {"id": "x"}]}

    assert check(changed(PATIENT, "name.0", name)) == []

    issues = check(changed(PATIENT, "name.0", {"given": ["Rosalind", None]}))
    assert [(issue.code, issue.target) for issue in issues] == [
        ("structure", "Patient.name[0].given[1]")
    ]


def test_a_contained_resource_is_referred_to_and_has_no_version():
    organisation = {"resourceType": "Organization", "id": "o", "name": "Example"}
    held = changed(PATIENT, "contained", [organisation])

    assert [issue.text[:5] for issue in check(held)] == ["dom-3"]
    assert check(changed(held, "generalPractitioner.0.reference", "#o")) == []

    versioned = changed(held, "contained.0.meta", {"versionId": "1"})
    versioned = changed(versioned, "generalPractitioner.0.reference", "#o")
    assert [issue.target for issue in check(versioned)] == ["Patient.contained[0].meta"]


@pytest.mark.parametrize(
    ("sections", "valid"),
    [
        ([{"title": "a", "text": {"status": "additional", "div": f"{DIV}a</div>"}}], True),
        ([{"title": "a"}], False),
        ([{"title": "a", "section": [{"title": "b"}]}], False),
    ],
)
def test_a_section_has_content(sections, valid):
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "x"},
        "date": "2025",
        "author": [{"display": "a"}],
        "title": "t",
        "section": sections,
    }

    assert (check(composition) == []) is valid


def test_a_long_list_of_faults_is_cut():
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "gender": "f"}}] * 500,
    }

    assert len(check(bundle)) == 200


def test_only_a_bundle_is_checked_as_one():
    assert [issue.target for issue in check_bundle(PATIENT)] == ["Bundle.resourceType"]
    assert check_bundle({"resourceType": "Bundle", "type": "batch"}) == []


@pytest.mark.parametrize("name", [path.name for path in (SHARED / "examples").glob("*.json")])
def test_the_agreed_examples_are_right(name):
    assert check(json.loads((SHARED / "examples" / name).read_bytes())) == []


def test_the_resources_of_uk_core_are_right():
    """Their own examples, profiles and code systems; one example has two values in one place."""
    fhir_r4 = pytest.importorskip("service.formats.fhir_r4")
    if not SHARED.is_dir():
        pytest.skip("UK Core's files are not beside the project")
    paths = sorted((SHARED / "ukcore").glob("*/*.xml"))

    wrong = {path.stem for path in paths if check(fhir_r4.parse(path.read_bytes()).resource)}

    assert len(paths) > 500
    assert wrong == {"Extension-UKCore-ConditionEpisode-Example"}

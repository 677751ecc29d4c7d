"""The pure steps of a transaction: JSON Patch, references, identities, as tables and properties."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import NonconformantResource
from service.fhir.bundle import Request, refusal, requests
from service.fhir.bundle_identity import Identities, Known, matches
from service.fhir.bundle_references import Links, conditional_references, rewrite
from service.fhir.capability import _ACKNOWLEDGE as ACKNOWLEDGE
from service.fhir.guard import finished, same_content
from service.fhir.subset import is_subset, subset
from service.fhir.validate import check
from service.settings import bundled_folder
from tests.api_samples import Resource, entry, patient, urn

BASE = "http://relay.example/fhir"


def request(resource: Resource, full_url: str = "") -> Request:
    kind = resource["resourceType"]
    place = "Bundle.entry[0]"
    return Request(method="POST", type=kind, resource=resource, full_url=full_url, place=place)


def links(**by_url: str) -> Links:
    return Links(base=BASE, by_url={urn(1): "Patient/p1", **by_url}, by_condition={})


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (urn(1), "Patient/p1"),
        (f"{urn(1)}#part", "Patient/p1#part"),
        ("Patient/2", "Patient/2"),
        ("Patient/2/_history/3", "Patient/2/_history/3"),
        (f"{BASE}/Patient/2", "Patient/2"),
        ("http://other.example/Patient/2", "http://other.example/Patient/2"),
        ("#contained", "#contained"),
        ("urn:nhs:x", "urn:nhs:x"),
        ("Banana/1", "Banana/1"),
    ],
)
def test_references_lead_where_the_target_is_kept(given_: str, kept: str) -> None:
    done = rewrite(request({"resourceType": "Flag", "subject": {"reference": given_}}), links())

    assert done.resource["subject"]["reference"] == kept
    assert done.faults == []
    assert list(done.outside) == ([("Patient", "2")] if kept.startswith("Patient/2") else [])


@pytest.mark.parametrize("lost", [urn(9), "urn:oid:1.2.3", "Patient?identifier=x|1"])
def test_references_that_lead_nowhere_are_faults_with_their_place(lost: str) -> None:
    resource = {
        "resourceType": "ServiceRequest",
        "performer": [{"display": "x"}, {"reference": lost}],
    }

    (fault,) = rewrite(request(resource), links()).faults

    place = "Bundle.entry[0].resource.performer[1].reference"
    assert fault.issue.target == place
    assert fault.status in (400, 412)


references = st.sampled_from([urn(1), urn(2), "Patient/9", "#x"])
resources = st.recursive(
    st.sampled_from([urn(1), urn(2), "text", 3, True, None])
    | st.fixed_dictionaries({"reference": references}),
    lambda inner: st.dictionaries(
        st.sampled_from(["valueUri", "valueString", "div", "extension", "contained"]),
        inner | st.lists(inner, max_size=3),
        max_size=3,
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["extension", "subject", "text"]), resources, max_size=3))
def test_rewriting_keeps_the_shape_and_touches_nothing_posted(content: Resource) -> None:
    resource = {"resourceType": "Flag", **content}
    before = copy.deepcopy(resource)

    done = rewrite(request(resource), links())

    assert resource == before
    assert shape(done.resource) == shape(resource)
    assert f'"reference": "{urn(1)}"' not in json.dumps(done.resource)
    missing = json.dumps(resource).count(f'"reference": "{urn(2)}"')
    assert len(done.faults) == missing


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


def test_conditional_references_are_found_wherever_they_stand() -> None:
    resource = {
        "subject": {"reference": "Patient?identifier=a|1"},
        "extension": [{"valueReference": {"reference": "Encounter?identifier=b|2"}}],
        "note": [{"text": "Patient?identifier=c|3"}],
    }

    assert list(conditional_references(resource)) == [
        ("Patient", "identifier=a|1"),
        ("Encounter", "identifier=b|2"),
    ]


def identities(known: dict[tuple[str, str], Known] | None = None) -> Identities:
    numbers = iter(range(100))
    found = {("Patient", "one"): ["p1"], ("Patient", "none"): [], ("Patient", "two"): ["a", "b"]}
    return Identities(found, known or {}, lambda: f"new{next(numbers)}")


def held(*, writable: bool = True, deleted: bool = False) -> Known:
    return Known(version=3, updated=0, owner="RJZ", resource={}, writable=writable, deleted=deleted)


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({"method": "POST"}, "created"),
        ({"method": "POST", "if_none_exist": "none"}, "created"),
        ({"method": "POST", "if_none_exist": "one"}, "existing"),
        ({"method": "POST", "if_none_exist": "two"}, 412),
        ({"method": "PUT", "id": "p1"}, "updated"),
        ({"method": "PUT", "id": "p1", "if_match": 'W/"3"'}, "updated"),
        ({"method": "PUT", "id": "p1", "if_match": 'W/"2"'}, 412),
        ({"method": "PUT", "id": "nobody"}, 405),
        ({"method": "PATCH", "id": "nobody"}, 404),
        ({"method": "PUT", "id": "theirs"}, 403),
        ({"method": "PUT", "id": "gone"}, 410),
        ({"method": "PUT", "query": "none"}, "created"),
        ({"method": "PUT", "query": "none", "if_match": 'W/"1"'}, 412),
        ({"method": "PUT", "query": "one"}, "updated"),
        ({"method": "PUT", "query": "two"}, 412),
        ({"method": "PATCH", "query": "none"}, 404),
    ],
)
def test_each_request_means_one_resource_or_is_a_fault(
    asked: dict[str, str], outcome: str | int
) -> None:
    known = {
        ("Patient", "p1"): held(),
        ("Patient", "theirs"): held(writable=False),
        ("Patient", "gone"): held(deleted=True),
    }
    made = identities(known)

    made.identify([Request(type="Patient", resource={"id": asked.get("id", "p1")}, **asked)])

    if isinstance(outcome, int):
        assert [fault.status for fault in made.faults] == [outcome]
        assert made.targets == []
    else:
        assert [target.outcome for target in made.targets] == [outcome]
        assert made.targets[0].prior == (0 if outcome == "created" else 3)


def test_the_order_of_entries_does_not_matter() -> None:
    entries = [
        entry(patient(), full_url=urn(1)),
        entry({"resourceType": "Flag", "subject": {"reference": urn(1)}}, full_url=urn(2)),
    ]
    linked = []
    for ordered in (entries, entries[::-1]):
        asked, faults = requests({"entry": ordered})
        made = identities()
        made.identify(asked)
        assert faults == made.faults == []
        linked.append({url: target.partition("/")[0] for url, target in made.links().items()})

    assert linked[0] == linked[1] == {urn(1): "Patient", urn(2): "Flag"}


@pytest.mark.parametrize(
    ("statuses", "answer"), [([422, 400], 400), ([412, 422], 412), ([403, 422], 403), ([422], 422)]
)
def test_a_refusal_has_the_lowest_status_and_every_fault(statuses: list[int], answer: int) -> None:
    one = Request(method="POST", type="Patient", place="Bundle.entry[0]")

    error = refusal([one.fault(status, "invalid", f"fault {status}") for status in statuses])

    assert error.http_status == answer
    assert [issue.text for issue in error.issues] == [f"fault {status}" for status in statuses]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *[('W/"3"', True), ('"3"', True), ("3", True), ('W/"2", W/"3"', True), ("*", True)],
        *[('W/"4"', False), ('W/"33"', False), ("", False)],
    ],
)
def test_entity_tags(header: str, expected: bool) -> None:
    assert matches(header, 3) is expected


def test_a_version_is_the_relays_and_what_is_said_stays() -> None:
    posted = patient(meta={"versionId": "9", "tag": [{"code": "x"}]})

    kept = finished(posted, "p1", 4, "2025-03-14T12:00:00Z")

    assert kept["meta"] == {
        "versionId": "4",
        "lastUpdated": "2025-03-14T12:00:00Z",
        "tag": [{"code": "x"}],
    }
    assert same_content(posted, kept)
    assert not same_content({**posted, "gender": "other"}, kept)
    assert not same_content({**posted, "meta": {}}, kept)


@pytest.mark.parametrize("summary", ["true", "text", "data"])
def test_a_part_of_a_resource_is_still_valid_and_says_so(summary: str) -> None:
    whole = {
        "resourceType": "Communication",
        "id": "c1",
        "status": "completed",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
        "payload": [{"contentString": "x"}],
    }

    part = subset(whole, summary)

    assert check(part) == []
    assert is_subset(part)
    assert not is_subset(whole)


def test_the_operation_that_is_claimed_is_published() -> None:
    path = bundled_folder("profiles") / "OperationDefinition-Communication-acknowledge.json"
    published = json.loads(path.read_bytes())

    assert published["url"] == ACKNOWLEDGE
    assert check(published) == []


def test_a_refusal_that_is_a_business_rule_is_unprocessable() -> None:
    one = Request(method="POST", type="Patient")

    assert isinstance(refusal([one.fault(422, "invariant", "x")]), NonconformantResource)

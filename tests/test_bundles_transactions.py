"""Transactions and batches over HTTP: all or nothing, references, conditions, answers."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.api_samples import (
    NHS,
    ROSALIND,
    Api,
    Resource,
    bundle,
    entry,
    issues,
    location,
    patient,
    service_request,
    urn,
)

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]


def stored(api: Api, answer: Any, index: int) -> Resource:
    return dict(api.trust.get(location(answer, index)).json)


def posted_only(api: Api) -> int:
    """How many resources of the types that the tests post there are."""
    return sum(
        len(api.trust.search(kind)) for kind in ("Patient", "ServiceRequest", "Communication")
    )


def test_each_entry_says_location_etag_and_when(api: Api) -> None:
    answer = api.trust.post("", bundle([entry(patient())]))

    (one,) = answer.json["entry"]
    made = api.trust.get(location(answer, 0)).json
    assert one["response"] == {
        "status": "201 Created",
        "location": f"Patient/{made['id']}/_history/1",
        "etag": 'W/"1"',
        "lastModified": made["meta"]["lastUpdated"],
    }


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_prefer_representation_and_outcome(api: Api, kind: str) -> None:
    plain = bundle([entry(patient())], kind)

    whole = api.trust.post("", plain, Prefer="return=representation")
    outcome = api.trust.post("", plain, Prefer="return=OperationOutcome")

    made = whole.json["entry"][0]
    assert made["resource"] == api.trust.get(location(whole, 0)).json
    told = outcome.json["entry"][0]["response"]["outcome"]
    assert told["issue"][0]["severity"] == "information"
    assert whole.headers["Preference-Applied"] == "return=representation"


def test_an_empty_bundle_is_no_error(api: Api) -> None:
    for kind in ("transaction", "batch"):
        for empty in ({}, {"entry": []}):
            answer = api.trust.post("", {"resourceType": "Bundle", "type": kind, **empty})
            assert (answer.status_code, answer.json["type"]) == (200, f"{kind}-response")
            assert "entry" not in answer.json


def test_update_patch_and_conditional_update_in_one_transaction(api: Api) -> None:
    first, second = api.trust.create(patient()), api.trust.create(patient("9990000034"))
    third = api.trust.create(patient("9990000042"))
    operations = json.dumps([{"op": "replace", "path": "/gender", "value": "other"}]).encode()
    patch = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": b64encode(operations).decode(),
    }

    answer = api.trust.post(
        "",
        bundle(
            [
                entry(None, "GET", f"Patient/{first['id']}"),
                entry({**first, "gender": "unknown"}, "PUT", f"Patient/{first['id']}"),
                entry(patch, "PATCH", f"Patient/{second['id']}", ifMatch='W/"1"'),
                entry(
                    patient("9990000042", gender="male"),
                    "PUT",
                    f"Patient?identifier={NHS}|9990000042",
                ),
                entry(None, "GET", "Patient?gender=male"),
            ]
        ),
    )

    assert answer.status_code == 200, answer.text
    assert answer.json["entry"][0]["resource"]["gender"] == "unknown"  # reads come last
    assert [one["response"]["etag"] for one in answer.json["entry"][1:4]] == ['W/"2"'] * 3
    assert api.trust.get(f"Patient/{second['id']}").json["gender"] == "other"
    found = answer.json["entry"][4]["resource"]
    assert [one["resource"]["id"] for one in found["entry"]] == [third["id"]]


def test_all_faults_are_told_at_once_and_nothing_is_written(api: Api) -> None:
    there = api.trust.create(patient("9990000034"))
    bad = bundle(
        [
            entry(patient(), full_url=urn(1)),
            entry(service_request(urn(7)), full_url=urn(2)),
            entry(patient(gender="banana"), full_url=urn(3)),
            entry({**there, "gender": "other"}, "PUT", f"Patient/{there['id']}", ifMatch='W/"9"'),
            entry(service_request("Patient/nobody"), full_url=urn(4)),
            entry(patient(), "PUT", "Patient?identifier=vague"),
        ]
    )

    answer = api.trust.post("", bad)

    assert answer.status_code == 400
    assert sorted(issues(answer)) == [
        ("code-invalid", "Bundle.entry[2].resource.gender"),
        ("conflict", "Bundle.entry[3].request.ifMatch"),
        ("invalid", "Bundle.entry[5]"),
        ("not-found", "Bundle.entry[1].resource.subject.reference"),
        ("not-found", "Bundle.entry[4].resource.subject.reference"),
    ]
    assert [one["id"] for one in api.trust.search("Patient")] == [there["id"]]
    assert api.trust.search("ServiceRequest") == []


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"request": None}, "structure", "Bundle.entry[0]"),
        ({"request": {"method": "DELETE", "url": "Patient/1"}}, "not-supported", "request.method"),
        ({"request": {"method": "POST", "url": "Patient/1"}}, "value", "request.url"),
        ({"request": {"method": "POST", "url": "Banana"}}, "not-supported", "request.url"),
        ({"request": {"method": "POST", "url": "Account"}}, "not-supported", "request.url"),
        ({"request": {"method": "POST", "url": "::"}}, "value", "request.url"),
        ({"request": {"method": "PUT", "url": "Patient"}}, "value", "request.url"),
        ({"request": {"method": "POST", "url": "Encounter"}}, "invalid", "resource"),
        ({"request": {"method": "BREW", "url": "Patient"}}, "code-invalid", "request.method"),
        ({"resource": None}, "required", "resource"),
        ({"resource": 3}, "required", "resource"),
        ({"fullUrl": "http://x/Patient/1/_history/2"}, "invariant", "fullUrl"),
    ],
)
def test_entries_that_are_no_requests_are_refused(
    api: Api, change: Resource, code: str, place: str
) -> None:
    bad = {key: value for key, value in {**entry(patient()), **change}.items() if value is not None}

    answer = api.trust.post("", bundle([bad]))

    assert answer.status_code in (400, 404, 405)
    assert code in {issue for issue, _ in issues(answer)}
    assert any(where.endswith(place) for _, where in issues(answer))


def test_two_entries_for_one_resource_fail(api: Api) -> None:
    there = api.trust.create(patient())
    put = entry({**there, "gender": "other"}, "PUT", f"Patient/{there['id']}")
    conditional = entry(patient(gender="male"), "PUT", f"Patient?identifier={NHS}|{ROSALIND}")

    answer = api.trust.post("", bundle([put, conditional]))

    assert answer.status_code == 400
    assert issues(answer) == [("duplicate", "Bundle.entry[1].request.url")]


def test_repeated_full_urls_fail(api: Api) -> None:
    twice = [entry(patient(), full_url=urn(1)), entry(patient(), full_url=urn(1))]

    assert api.trust.post("", bundle(twice)).status_code == 400


def test_a_refused_transaction_is_kept_as_a_dead_letter(api: Api) -> None:
    bad = bundle([entry(service_request(urn(5)))])

    answer = api.trust.post("", bad)
    unread = api.trust.send("POST", "/fhir", b'{"resourceType": "Bun')

    letters = api.relay.store.dead_letters.list()
    assert (answer.status_code, unread.status_code) == (400, 400)
    assert len(letters) == 2
    assert {letter.sender for letter in letters} == {"RJZ"}


def test_updates_that_repeat_an_earlier_state_are_carried_out(api: Api) -> None:
    made = api.trust.create(patient())
    url = f"Patient/{made['id']}"
    male = bundle([entry({**made, "gender": "male"}, "PUT", url)])
    other = bundle([entry({**made, "gender": "other"}, "PUT", url)])

    for put in (male, other, male):
        assert api.trust.post("", put).status_code == 200

    assert api.trust.get(url).json["gender"] == "male"


def test_a_batch_carries_out_each_entry_by_itself(api: Api) -> None:
    there = api.trust.create(patient("9990000034"))
    answer = api.trust.post(
        "",
        bundle(
            [
                entry(patient()),
                entry(patient(gender="banana")),
                entry(None, "GET", f"Patient/{there['id']}"),
                entry(None, "GET", "Patient/nobody"),
                entry(service_request(urn(1))),
                entry({**there, "gender": "other"}, "PUT", f"Patient/{there['id']}"),
                entry(None, "GET", f"Patient?identifier={NHS}|{ROSALIND}"),
                entry(None, "GET", f"Patient/{there['id']}/_history/1"),
                entry(None, "GET", f"Patient/{there['id']}/_history"),
                entry(None, "DELETE", f"Patient/{there['id']}"),
                entry(None, "GET", f"Patient/{there['id']}", ifNoneMatch='W/"2"'),
                entry(None, "HEAD", f"Patient/{there['id']}"),
            ],
            "batch",
        ),
    )

    assert answer.status_code == 200
    assert answer.json["type"] == "batch-response"
    statuses = [one["response"]["status"][:3] for one in answer.json["entry"]]
    assert statuses == [
        *("201", "422", "200", "404", "400", "200", "200", "200", "200", "405", "304", "200"),
    ]
    outcome = answer.json["entry"][1]["response"]["outcome"]["issue"][0]
    assert outcome["expression"] == ["Bundle.entry[1].resource.gender"]
    assert answer.json["entry"][2]["resource"]["gender"] == "other"
    assert answer.json["entry"][6]["resource"]["entry"][0]["resource"]["gender"] == "female"
    assert "resource" not in answer.json["entry"][11]


@pytest.mark.parametrize("kind", ["collection", "history", "searchset", "transaction-response"])
def test_other_bundles_are_refused_with_what_is_taken(api: Api, kind: str) -> None:
    answer = api.trust.post("", {"resourceType": "Bundle", "type": kind})

    assert answer.status_code == 422
    assert issues(answer) == [("not-supported", "Bundle.type")]
    assert "transaction" in answer.text


def test_a_resource_posted_to_the_base_is_pointed_to_its_type(api: Api) -> None:
    assert api.trust.post("", patient()).status_code == 400

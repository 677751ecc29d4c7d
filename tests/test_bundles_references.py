"""References, urns and conditions in a transaction lead to what is kept."""

from __future__ import annotations

import threading
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


def test_urns_are_rewritten_wherever_they_stand_but_not_in_names(api: Api) -> None:
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": urn(9)},
        "subject": {"reference": urn(1)},
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">'
            f'<a href="{urn(1)}">patient</a><img src="{urn(8)}#x" alt=""/>{urn(1)}</div>',
        },
        "extension": [
            {"url": "https://example.nhs.uk/of", "valueReference": {"reference": urn(1)}},
            {"url": "https://example.nhs.uk/at", "valueUri": urn(1)},
            {"url": "https://example.nhs.uk/said", "valueString": urn(1)},
        ],
        "content": [{"attachment": {"contentType": "text/plain", "url": urn(8)}}],
    }
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGVsbG8="}

    answer = api.trust.post(
        "",
        bundle(
            [
                entry(document, full_url=urn(9)),
                entry(binary, full_url=urn(8)),
                entry(patient(), full_url=urn(1)),
            ]
        ),
    )

    person, content = location(answer, 2), location(answer, 1)
    kept = stored(api, answer, 0)
    assert kept["subject"]["reference"] == person
    assert kept["content"][0]["attachment"]["url"] == content
    assert kept["extension"][0]["valueReference"]["reference"] == person
    assert kept["extension"][1]["valueUri"] == person
    assert kept["extension"][2]["valueString"] == urn(1)
    assert kept["masterIdentifier"]["value"] == urn(9)
    assert f'href="{person}"' in kept["text"]["div"]
    assert f'src="{content}#x"' in kept["text"]["div"]
    assert f"{urn(1)}</div>" in kept["text"]["div"]


def test_references_below_another_server_keep_their_meaning(api: Api) -> None:
    there = "http://epr.example.nhs.uk/fhir"
    request = service_request("Patient/12", requester={"reference": "Practitioner/77"})

    answer = api.trust.post(
        "",
        bundle(
            [
                entry(request, full_url=f"{there}/ServiceRequest/5"),
                entry(patient(), full_url=f"{there}/Patient/12"),
            ]
        ),
    )

    kept = stored(api, answer, 0)
    assert kept["subject"]["reference"] == location(answer, 1)
    assert kept["requester"]["reference"] == f"{there}/Practitioner/77"


def test_our_own_absolute_and_versioned_references_become_relative(api: Api) -> None:
    made = api.trust.create(patient())
    base = f"http://localhost/fhir/Patient/{made['id']}"

    answer = api.trust.post("", bundle([entry(service_request(base))]))

    assert stored(api, answer, 0)["subject"]["reference"] == f"Patient/{made['id']}"


@pytest.mark.parametrize("existing", [0, 1, 2])
def test_conditional_references_mean_exactly_one(api: Api, existing: int) -> None:
    made = [api.trust.create(patient()) for _ in range(existing)]
    request = service_request(f"Patient?identifier={NHS}|{ROSALIND}")

    answer = api.trust.post("", bundle([entry(request)]))

    if existing == 1:
        assert stored(api, answer, 0)["subject"]["reference"] == f"Patient/{made[0]['id']}"
    else:
        assert answer.status_code == 412
        place = "Bundle.entry[0].resource.subject.reference"
        assert issues(answer) == [("multiple-matches", place)]


def test_a_conditional_reference_may_mean_what_the_bundle_creates(api: Api) -> None:
    request = service_request(f"Patient?identifier={NHS}|{ROSALIND}")

    answer = api.trust.post("", bundle([entry(request), entry(patient())]))

    assert stored(api, answer, 0)["subject"]["reference"] == location(answer, 1)


@pytest.mark.parametrize("existing", [False, True])
def test_the_same_condition_twice_creates_once(api: Api, existing: bool) -> None:
    condition = f"identifier={NHS}|{ROSALIND}"
    if existing:
        api.trust.create(patient())

    answer = api.trust.post(
        "",
        bundle(
            [
                entry(patient(), full_url=urn(1), ifNoneExist=condition),
                entry(patient(), full_url=urn(2), ifNoneExist=condition),
                entry(service_request(urn(2)), full_url=urn(3)),
            ]
        ),
    )

    first = "200 OK" if existing else "201 Created"
    statuses = [one["response"]["status"] for one in answer.json["entry"]]
    assert statuses == [first, "200 OK", "201 Created"]
    assert location(answer, 0) == location(answer, 1)
    assert stored(api, answer, 2)["subject"]["reference"] == location(answer, 0)
    assert len(api.trust.search("Patient")) == 1


@pytest.mark.parametrize("store", ["api", "postgres_api"])
def test_concurrent_conditional_creates_make_one(
    store: str, request: pytest.FixtureRequest
) -> None:
    api: Api = request.getfixturevalue(store)
    condition = f"identifier={NHS}|{ROSALIND}"
    answers: list[Any] = []

    def post(number: int) -> None:
        answers.append(
            api.trust.post(
                "",
                bundle(
                    [
                        entry(patient(), full_url=urn(1), ifNoneExist=condition),
                        entry(service_request(urn(1), str(number)), full_url=urn(2)),
                    ]
                ),
            )
        )

    threads = [threading.Thread(target=post, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    done = {answer.status_code for answer in answers}
    assert done <= {200, 503}
    assert len(api.trust.search("Patient")) == 1
    assert len(api.trust.search("ServiceRequest")) == sum(a.status_code == 200 for a in answers)

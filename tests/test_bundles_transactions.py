"""Transactions and batches over HTTP: all or nothing, references, conditions, answers."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from typing import Any

import pytest

from service.app import replay
from tests.api_samples import (
    HOSPICE,
    NHS,
    ODS,
    OTHER_HOSPICE,
    ROSALIND,
    Api,
    Resource,
    bundle,
    communication,
    entry,
    issues,
    location,
    matches,
    patient,
    referral,
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


def test_a_referral_is_stored_linked_and_delivered(api: Api) -> None:
    answer = api.trust.post("", referral())

    assert answer.status_code == 200
    assert answer.json["type"] == "transaction-response"
    assert [one["response"]["status"] for one in answer.json["entry"]] == ["201 Created"] * 3
    person, request, told = (location(answer, index) for index in range(3))
    assert stored(api, answer, 1)["subject"]["reference"] == person
    (got,) = api.hospice.search(api.hospice.feed())
    assert f"Communication/{got['id']}" == told
    assert got["subject"]["reference"] == person
    assert got["basedOn"] == [{"reference": request}]
    assert got["payload"][0] == {"contentString": "Please visit within one working day."}
    assert got["sender"]["identifier"]["value"] == "RJZ"


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


def test_the_same_bytes_again_give_the_same_answer_and_nothing_new(api: Api) -> None:
    first = api.trust.post("", referral())
    again = api.trust.post("", referral())

    assert again.data == first.data
    assert len(api.hospice.search(api.hospice.feed())) == 1
    assert posted_only(api) == 3


def test_the_same_identifier_with_other_bytes_is_a_conflict(api: Api) -> None:
    named = {"identifier": {"system": "https://fhir.nhs.uk/RJZ/Id/bundle", "value": "1"}}
    first = api.trust.post("", {**referral(), **named})

    other = api.trust.post("", {**referral("2"), **named})

    assert (first.status_code, other.status_code) == (200, 409)
    assert posted_only(api) == 3


def test_updates_that_repeat_an_earlier_state_are_carried_out(api: Api) -> None:
    made = api.trust.create(patient())
    url = f"Patient/{made['id']}"
    male = bundle([entry({**made, "gender": "male"}, "PUT", url)])
    other = bundle([entry({**made, "gender": "other"}, "PUT", url)])

    for put in (male, other, male):
        assert api.trust.post("", put).status_code == 200

    assert api.trust.get(url).json["gender"] == "male"


def test_fifty_identical_posts_at_once_make_one_event(api: Api) -> None:
    body = json.dumps(referral()).encode()
    answers: list[Any] = []

    def post() -> None:
        answers.append(api.trust.send("POST", "/fhir", body))

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert len(api.hospice.search(api.hospice.feed())) == 1
    assert posted_only(api) == 3


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


def test_a_communication_to_one_is_what_that_one_gets(api: Api) -> None:
    answer = api.trust.post("", referral("1", ROSALIND, HOSPICE))

    (got,) = api.hospice.search(api.hospice.feed())
    assert f"Communication/{got['id']}" == location(answer, 2)
    assert len(api.trust.search("Communication")) == 1


def test_a_communication_to_several_reaches_each_by_one_of_its_own(api: Api) -> None:
    answer = api.trust.post("", referral("1", ROSALIND, HOSPICE, OTHER_HOSPICE))

    (mine,) = api.hospice.search(api.hospice.feed())
    (theirs,) = api.stranger.search(api.stranger.feed())
    assert mine["id"] != theirs["id"]
    for one in (mine, theirs):
        assert len(one["recipient"]) == 1
        assert {"reference": location(answer, 2)} in one["partOf"]


def test_a_request_that_leans_on_an_earlier_patient_is_sent_on(api: Api) -> None:
    made = api.trust.create(patient())

    answer = api.trust.post("ServiceRequest", service_request(f"Patient/{made['id']}"))

    assert answer.status_code == 201, answer.text
    (got,) = api.hospice.search(api.hospice.feed("&_include=Communication:patient"))
    assert got["subject"]["identifier"]["value"] == ROSALIND
    assert api.hospice.get(f"Patient/{made['id']}").status_code == 200


def test_the_sender_is_the_client_whatever_the_resource_claims(api: Api) -> None:
    claimed = {"identifier": {"system": ODS, "value": "RVV"}}
    post = bundle(
        [
            entry(patient(), full_url=urn(1)),
            entry(service_request(urn(1)), full_url=urn(2)),
            entry(communication(urn(1), HOSPICE, sender=claimed), full_url=urn(3)),
        ]
    )

    api.trust.post("", post)

    (got,) = api.hospice.search(api.hospice.feed())
    assert got["sender"]["identifier"]["value"] == "RJZ"


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


def test_a_batch_entry_that_repeats_is_not_sent_on_twice(api: Api) -> None:
    made = api.trust.create(patient())
    batch = bundle([entry(service_request(f"Patient/{made['id']}"))], "batch")

    first, again = api.trust.post("", batch), api.trust.post("", batch)

    assert first.json == again.json
    assert len(api.hospice.search(api.hospice.feed())) == 1


@pytest.mark.parametrize("kind", ["collection", "history", "searchset", "transaction-response"])
def test_other_bundles_are_refused_with_what_is_taken(api: Api, kind: str) -> None:
    answer = api.trust.post("", {"resourceType": "Bundle", "type": kind})

    assert answer.status_code == 422
    assert issues(answer) == [("not-supported", "Bundle.type")]
    assert "transaction" in answer.text


def test_a_resource_posted_to_the_base_is_pointed_to_its_type(api: Api) -> None:
    assert api.trust.post("", patient()).status_code == 400


def test_a_delivered_communication_is_not_edited(api: Api) -> None:
    answer = api.trust.post("", referral())
    sent = stored(api, answer, 2)

    for change in ({"status": "completed"}, {"payload": [{"contentString": "No need."}]}):
        put = api.trust.put(location(answer, 2), {**sent, **change})
        assert put.status_code == 422
    received = communication("Patient/1", received="2025-03-14T12:00:00Z")
    assert ("business-rule", "Communication.received") in issues(
        api.trust.post("Communication", received)
    )


def test_matches_only_counts_what_the_search_meant(api: Api) -> None:
    api.trust.post("", referral())

    answer = api.hospice.get(api.hospice.feed("&_include=Communication:patient"))

    assert len(matches(answer)) == 1
    assert len(answer.json["entry"]) == 2


def test_a_refused_transaction_is_replayed_as_one(api: Api) -> None:
    """What it leans on came later; it is stored as posted, delivered, and the letter is closed."""
    request = service_request(f"Patient?identifier={NHS}|{ROSALIND}")
    refused = api.trust.post("", bundle([entry(request)]))
    (letter,) = api.relay.store.dead_letters.list()
    person = api.trust.create(patient())

    receipt = replay(api.relay, api.relay.store.dead_letters.get(letter.id) or letter)

    assert refused.status_code == 412
    assert receipt.numbers[HOSPICE] == 1
    assert api.relay.store.dead_letters.list() == []
    (stored_request,) = api.hospice.search("ServiceRequest")
    assert stored_request["subject"]["reference"] == f"Patient/{person['id']}"
    again = api.trust.post("", bundle([entry(request)]))
    assert again.json["entry"][0]["response"]["location"].startswith("ServiceRequest/")
    assert len(api.hospice.search(api.hospice.feed())) == 1

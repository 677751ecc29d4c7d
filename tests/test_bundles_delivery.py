"""The referral in a transaction is recognised and sent on, once, by whoever sent it."""

from __future__ import annotations

import json
import threading
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
    organisation,
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


def test_the_same_bytes_again_give_the_same_answer_and_nothing_new(api: Api) -> None:
    first = api.trust.post("", referral())
    again = api.trust.post("", referral())

    assert again.data == first.data
    assert len(api.hospice.search(api.hospice.feed())) == 1
    assert posted_only(api) == 3


def test_a_repeat_is_known_before_anything_is_looked_up(api: Api) -> None:
    first = api.trust.post("", referral())
    api.trust.create(patient())  # now its condition means two

    assert api.trust.post("", referral()).data == first.data


def test_the_same_identifier_with_other_bytes_is_a_conflict(api: Api) -> None:
    named = {"identifier": {"system": "https://fhir.nhs.uk/RJZ/Id/bundle", "value": "1"}}
    first = api.trust.post("", {**referral(), **named})

    other = api.trust.post("", {**referral("2"), **named})

    assert (first.status_code, other.status_code) == (200, 409)
    assert posted_only(api) == 3


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


def test_a_batch_entry_that_repeats_is_not_sent_on_twice(api: Api) -> None:
    made = api.trust.create(patient())
    batch = bundle([entry(service_request(f"Patient/{made['id']}"))], "batch")

    first, again = api.trust.post("", batch), api.trust.post("", batch)

    assert first.json == again.json
    assert len(api.hospice.search(api.hospice.feed())) == 1


def test_a_delivered_communication_is_not_edited(api: Api) -> None:
    answer = api.trust.post("", referral())
    sent = stored(api, answer, 2)

    other = {"payload": [{"contentString": "No need."}]}
    for change in ({"status": "completed"}, other, {"status": "stopped", **other}):
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


@pytest.mark.parametrize(
    "status", ["preparation", "on-hold", "stopped", "not-done", "completed", "entered-in-error"]
)
def test_a_communication_that_is_not_in_progress_is_kept_and_said_to_be(
    api: Api, status: str
) -> None:
    told = communication(urn(1), HOSPICE, status=status)
    post = bundle([entry(patient(), full_url=urn(1)), entry(told, full_url=urn(2))])

    answer = api.trust.post("", post)

    outcome = answer.json["entry"][0]["response"]["outcome"]
    assert stored(api, answer, 1)["status"] == status
    assert "kept and sent to nobody" in outcome["issue"][0]["diagnostics"]
    assert api.hospice.search(api.hospice.feed()) == []


def test_a_recipient_that_is_contained_is_one_that_is_named(api: Api) -> None:
    contained = {"resourceType": "Organization", "id": "o", **organisation(HOSPICE)}
    contained["identifier"] = [contained["identifier"]]
    told = communication(urn(1), contained=[contained], recipient=[{"reference": "#o"}])
    post = bundle([entry(patient(), full_url=urn(1)), entry(told, full_url=urn(2))])

    answer = api.trust.post("", post)

    assert answer.status_code == 200, answer.text
    (got,) = api.hospice.search(api.hospice.feed())
    assert "contained" not in got


def test_a_referral_that_is_put_to_others_is_told_to_who_was_asked_before(api: Api) -> None:
    answer = api.trust.post("", referral())
    request = stored(api, answer, 1)
    asked = {**request, "performer": [organisation(OTHER_HOSPICE)]}

    put = api.trust.put(location(answer, 1), asked)

    assert put.status_code == 200, put.text
    _, mine = api.hospice.search(api.hospice.feed())
    (theirs,) = api.stranger.search(api.stranger.feed())
    for one in (mine, theirs):
        assert one["topic"]["coding"][0]["code"] == "referral-update"
    assert mine["meta"]["tag"][0]["code"] == "FI"
    assert "if you were asked before, you no longer are" in mine["payload"][0]["contentString"]
    assert theirs["meta"]["tag"][0]["code"] == "FA"
    assert "no longer" not in theirs["payload"][0]["contentString"]


def test_a_request_that_is_put_as_revoked_is_withdrawn(api: Api) -> None:
    answer = api.trust.post("", referral())

    api.trust.put(location(answer, 1), {**stored(api, answer, 1), "status": "revoked"})

    first, second = api.hospice.search(api.hospice.feed())
    assert first["status"] == "stopped"
    assert second["topic"]["coding"][0]["code"] == "referral-cancelled"


@pytest.mark.parametrize("status", ["entered-in-error", "stopped"])
def test_a_delivered_communication_that_is_taken_back_is_told_to_who_got_it(
    api: Api, status: str
) -> None:
    answer = api.trust.post("", referral())
    sent = {**stored(api, answer, 2), "status": status}

    put = [api.trust.put(location(answer, 2), sent) for _ in range(2)]

    assert [one.status_code for one in put] == [200, 200], put[1].text
    first, second = api.hospice.search(api.hospice.feed())
    assert first["status"] == status
    assert second["inResponseTo"] == [{"reference": location(answer, 2)}]
    assert "has withdrawn an earlier notice" in second["payload"][0]["contentString"]
    tasks = {one["focus"]["reference"]: one["status"] for one in api.hospice.search("Task")}
    assert tasks[location(answer, 2)] == "cancelled"
    assert tasks[f"Communication/{second['id']}"] == "requested"
    assert stored(api, answer, 1)["status"] == "active"

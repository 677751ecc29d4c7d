"""The acknowledgement Task by PUT and PATCH, and Tasks of the client's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_samples import (
    HOSPICE,
    NHS,
    ODS,
    ROSALIND,
    Api,
    Resource,
    bundle,
    entry,
    issues,
    parameters,
    patient,
    referral,
    service_request,
)

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]


@pytest.fixture(params=["api", "postgres_api"])
def either(request: pytest.FixtureRequest) -> Api:
    found: Api = request.getfixturevalue(request.param)
    return found


def sent(api: Api, number: str = "1") -> tuple[str, str]:
    """The addresses of the Communication and the Task of a new referral."""
    answer = api.trust.post("", referral(number))
    told = answer.json["entry"][2]["response"]["location"].partition("/_history")[0]
    (task,) = api.hospice.search(f"Task?focus={told}")
    return told, f"Task/{task['id']}"


def state(api: Api, told: str, task: str) -> tuple[str, str, bool]:
    """What the sender sees."""
    communication, its_task = api.trust.get(told).json, api.trust.get(task).json
    return its_task["status"], communication["status"], "received" in communication


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_task_is_answered_with_if_match(either: Api, method: str) -> None:
    told, task = sent(either)
    before = either.hospice.get(task)

    def change(status: str, **headers: str) -> Any:
        if method == "PUT":
            return either.hospice.put(task, {**before.json, "status": status}, **headers)
        operation = {"op": "replace", "path": "/status", "value": status}
        return either.hospice.patch(task, [operation], **headers)

    assert change("received").status_code == 412
    assert change("received", If_Match='W/"9"').status_code == 412
    assert change("received", If_Match='W/"1"').headers["ETag"] == 'W/"2"'
    assert change("accepted", If_Match='W/"1"').status_code == 412
    assert change("accepted", If_Match='W/"2"').json["status"] == "accepted"
    assert change("received", If_Match='W/"3"').status_code == 409
    assert change("banana", If_Match='W/"3"').status_code == 422
    assert state(either, told, task) == ("accepted", "completed", True)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"focus": {"reference": "Communication/other"}}, "Task.focus"),
        ({"owner": {"display": "Somebody else"}}, "Task.owner"),
        ({"requester": {"display": "Nobody"}}, "Task.requester"),
        ({"restriction": {"period": {"end": "2099-01-01"}}}, "Task.restriction"),
        ({"code": {"text": "Something else"}}, "Task.code"),
        ({"authoredOn": "2020-01-01T00:00:00Z"}, "Task.authoredOn"),
        ({"for": {"reference": "Patient/other"}}, "Task.for"),
        ({"identifier": [{"value": "x"}]}, "Task.identifier"),
        ({"description": "x"}, "Task.description"),
        ({"priority": "stat"}, "Task.priority"),
    ],
)
def test_what_the_server_owns_is_not_changed(api: Api, change: Resource, place: str) -> None:
    _, task = sent(api)
    whole = {**api.hospice.get(task).json, **change, "status": "received"}

    answer = api.hospice.put(task, whole, If_Match='W/"1"')

    assert answer.status_code == 422
    assert place in [where for _, where in issues(answer)]
    assert api.hospice.get(task).headers["ETag"] == 'W/"1"'


def test_a_recipient_may_add_a_note_and_keeps_the_profile(api: Api) -> None:
    _, task = sent(api)
    before = api.hospice.get(task).json
    noted = {**before, "note": [{"text": "Visit planned."}], "meta": {"versionId": "9"}}

    answer = api.hospice.put(task, noted, If_Match='W/"1"')

    assert answer.status_code == 200, answer.text
    assert answer.json["note"] == [{"text": "Visit planned."}]
    assert answer.json["meta"]["profile"] == before["meta"]["profile"]
    assert answer.json["lastModified"] >= before["lastModified"]


def test_what_was_answered_before_stays(api: Api) -> None:
    told, task = sent(api)
    accepted = parameters(status="accepted", practitioner="Sister A. Example")
    answered = api.hospice.post(f"{told}/$acknowledge", accepted).json
    forgetful = {name: value for name, value in answered.items() if name != "output"}

    answer = api.hospice.put(task, {**forgetful, "status": "completed"}, If_Match='W/"2"')

    assert answer.status_code == 422
    assert issues(answer) == [("business-rule", "Task.output")]


def test_a_batch_answers_tasks_too_and_a_transaction_does_not(api: Api) -> None:
    _, task = sent(api)
    whole = {**api.hospice.get(task).json, "status": "received"}
    put = entry(whole, "PUT", task, ifMatch='W/"1"')

    refused = api.hospice.post("", bundle([put]))
    answer = api.hospice.post("", bundle([put], "batch"))

    assert refused.status_code in (403, 422)
    assert answer.json["entry"][0]["response"]["etag"] == 'W/"2"'


def test_nobody_posts_an_acknowledgement_task(api: Api) -> None:
    _, task = sent(api)
    forged = {**api.trust.get(task).json, "status": "accepted"}

    answer = api.trust.post("Task", forged)

    assert answer.status_code == 422
    assert issues(answer) == [("business-rule", "Task.code")]


def test_a_task_of_the_clients_own_is_its_to_change(api: Api) -> None:
    person = api.trust.create(patient())
    asked = api.trust.create(service_request(f"Patient/{person['id']}"))
    task = api.trust.create(
        {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "focus": {"reference": f"ServiceRequest/{asked['id']}"},
        }
    )

    done = {**task, "status": "completed"}
    assert api.trust.put(f"Task/{task['id']}", done).status_code == 412
    answer = api.trust.put(f"Task/{task['id']}", done, If_Match='W/"1"')

    assert (answer.status_code, answer.json["status"]) == (200, "completed")


def test_a_teams_worklist_is_what_it_has_not_answered(api: Api) -> None:
    sents = [sent(api, str(number)) for number in range(4)]
    api.hospice.post(f"{sents[1][0]}/$acknowledge")
    api.hospice.post(f"{sents[2][0]}/$acknowledge", parameters(status="accepted"))

    def worklist(status: str) -> list[str]:
        url = f"Task?owner:identifier={ODS}|{HOSPICE}&status={status}"
        return [f"Task/{one['id']}" for one in api.hospice.search(url)]

    assert worklist("requested") == [sents[0][1], sents[3][1]]
    assert worklist("received") == [sents[1][1]]
    assert sorted(worklist("received,accepted")) == sorted([sents[1][1], sents[2][1]])
    late = api.trust.search(f"Task?status=requested&patient.identifier={NHS}|{ROSALIND}")
    assert [f"Task/{one['id']}" for one in late] == [sents[0][1], sents[3][1]]


def test_polling_tasks_by_last_updated_sees_every_answer(api: Api) -> None:
    sents = [sent(api, str(number)) for number in range(3)]
    since = max(one["meta"]["lastUpdated"] for one in api.trust.search("Task"))

    api.hospice.post(f"{sents[1][0]}/$acknowledge")

    changed = api.trust.search(f"Task?_lastUpdated=gt{since}")
    assert [f"Task/{one['id']}" for one in changed] == [sents[1][1]]

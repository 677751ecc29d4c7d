"""The closed loop: a recipient answers, and the sender sees it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from service.errors import Conflict, NonconformantResource
from service.fhir.task import MOVES, STATUSES, Acknowledgement, acknowledged
from tests.api_samples import (
    HOSPICE,
    Api,
    Resource,
    entries,
    issues,
    parameters,
    referral,
)

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]

ALL = ("requested", *STATUSES)
REASON = {"text": "Not known here"}


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


@pytest.mark.parametrize("before", ALL)
@pytest.mark.parametrize("after", STATUSES)
def test_the_state_machine_moves_forward_only(before: str, after: Any) -> None:
    task: Resource = {"resourceType": "Task", "id": "t", "status": before}
    said = Acknowledgement(status=after, reason=REASON)

    if after in MOVES.get(before, ()):
        moved = acknowledged(task, said, "2025-03-14T12:00:00Z")
        assert moved is not None
        assert moved["status"] == after
    elif after in (before, "received"):  # there already, or beyond
        assert acknowledged(task, said, "2025-03-14T12:00:00Z") is None
    else:
        with pytest.raises(Conflict):
            acknowledged(task, said, "2025-03-14T12:00:00Z")


def test_a_rejection_needs_a_reason() -> None:
    with pytest.raises(NonconformantResource):
        acknowledged({"status": "received"}, Acknowledgement(status="rejected"), "")


def test_receipt_acceptance_and_completion_reach_the_sender(either: Api) -> None:
    told, task = sent(either)
    assert state(either, told, task) == ("requested", "in-progress", False)

    first = either.hospice.post(f"{told}/$acknowledge")
    assert (first.status_code, first.json["resourceType"]) == (200, "Task")
    assert state(either, told, task) == ("received", "in-progress", True)

    accepted = parameters(status="accepted", practitioner="Sister A. Example", role="Nurse")
    assert either.hospice.post(f"{told}/$acknowledge", accepted).status_code == 200
    assert state(either, told, task) == ("accepted", "completed", True)

    done = either.hospice.post(f"{told}/$acknowledge", parameters(status="completed"))
    assert done.json["status"] == "completed"
    said = either.trust.get(task).json["output"]
    assert [one["valueString"] for one in said] == ["Sister A. Example, Nurse"]
    answer = either.trust.get(f"Task?_id={task[5:]}&_revinclude=Provenance:target")
    recorded = entries(answer, "include")
    assert [one["activity"]["text"] for one in recorded] == ["Task accepted", "Task completed"]
    assert recorded[0]["agent"][0]["onBehalfOf"]["identifier"]["value"] == HOSPICE


def test_acknowledging_again_changes_nothing(api: Api) -> None:
    told, task = sent(api)
    first = api.hospice.post(f"{told}/$acknowledge")

    for _ in range(3):
        again = api.hospice.post(f"{told}/$acknowledge")
        assert (again.status_code, again.data) == (200, first.data)
        assert again.headers["ETag"] == first.headers["ETag"]

    assert api.trust.get(told).headers["ETag"] == 'W/"2"'
    assert api.trust.get(task).headers["ETag"] == 'W/"2"'


def test_received_is_set_by_the_first_receipt_alone(api: Api) -> None:
    told, _ = sent(api)
    api.hospice.post(f"{told}/$acknowledge")
    first = api.trust.get(told).json["received"]

    api.hospice.post(f"{told}/$acknowledge", parameters(status="accepted"))

    assert api.trust.get(told).json["received"] == first


def test_a_rejection_has_a_reason_and_is_final(api: Api) -> None:
    told, task = sent(api)

    bare = api.hospice.post(f"{told}/$acknowledge", parameters(status="rejected"))
    reasoned = api.hospice.post(
        f"{told}/$acknowledge", parameters(status="rejected", reason="Patient not known here")
    )
    back = api.hospice.post(f"{told}/$acknowledge", parameters(status="accepted"))

    assert bare.status_code == 422
    assert issues(bare) == [("required", "Task.statusReason")]
    assert reasoned.json["statusReason"] == {"text": "Patient not known here"}
    assert back.status_code == 409
    assert state(api, told, task) == ("rejected", "in-progress", True)


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        parameters(status="banana"),
        parameters(status="requested"),
        parameters(colour="green"),
        {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "x"}] * 2},
        {"resourceType": "Parameters", "parameter": [{"valueCode": "accepted"}]},
    ],
)
def test_parameters_that_are_not_understood_are_refused(api: Api, body: Resource) -> None:
    told, task = sent(api)

    answer = api.hospice.post(f"{told}/$acknowledge", body)

    assert answer.status_code == 400
    assert issues(answer)
    assert state(api, told, task)[0] == "requested"


def test_a_list_is_received_each_by_itself(api: Api) -> None:
    addresses = [sent(api, str(number))[0] for number in range(3)]
    given = [
        {"name": "communication", "valueReference": {"reference": address}}
        for address in [*addresses, "Communication/nobody"]
    ]

    answer = api.hospice.post(
        "Communication/$acknowledge", {"resourceType": "Parameters", "parameter": given}
    )

    statuses = [one["response"]["status"] for one in answer.json["entry"]]
    assert statuses == ["200 OK", "200 OK", "200 OK", "404 Not Found"]
    assert answer.json["entry"][3]["response"]["outcome"]["issue"][0]["code"] == "not-found"
    assert all("received" in api.trust.get(address).json for address in addresses)


def test_clinical_answers_are_never_given_in_bulk(api: Api) -> None:
    told, task = sent(api)
    given = [
        {"name": "communication", "valueReference": {"reference": told}},
        {"name": "status", "valueCode": "accepted"},
    ]

    answer = api.hospice.post(
        "Communication/$acknowledge", {"resourceType": "Parameters", "parameter": given}
    )

    assert answer.status_code == 400
    assert "one Communication at a time" in answer.text
    assert state(api, told, task)[0] == "requested"


@pytest.mark.parametrize("names", [[], ["Patient/1"], ["Communication/"]])
def test_a_list_names_communications(api: Api, names: list[str]) -> None:
    given = [{"name": "communication", "valueReference": {"reference": one}} for one in names]
    body: Resource = {"resourceType": "Parameters"}
    if given:
        body["parameter"] = given

    assert api.hospice.post("Communication/$acknowledge", body).status_code == 400


def test_answers_at_once_move_the_task_once(either: Api) -> None:
    told, task = sent(either)
    answers: list[Any] = []

    def answer() -> None:
        answers.append(either.hospice.post(f"{told}/$acknowledge", parameters(status="accepted")))

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {one.status_code for one in answers} == {200}
    assert either.trust.get(task).headers["ETag"] == 'W/"2"'
    assert len(either.trust.search("Provenance?target=" + task)) == 1

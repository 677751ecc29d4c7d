"""Subscriptions over HTTP: whose they are, what is refused, what is shown, $status and $events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from service.app import Relay
from service.fhir.validate import check
from tests.mesh_relay import discharge
from tests.mllp_wire import quick_relay
from tests.relay_client import FHIR, Team
from tests.subscribed import BACKPORT, SECRET, TOPIC, create, delete, registered, subscription

pytest_plugins = ["tests.store_fixtures"]
URL = "https://hooks.hospice.example/in"


@pytest.fixture
def subscribed(database_url: str) -> Iterator[Relay]:
    """A relay that nothing is sent by."""
    with quick_relay(database_url) as relay:
        yield relay


def refused(team: Team, resource: dict[str, Any]) -> tuple[int, str]:
    answer = team.post("/fhir/Subscription", json.dumps(resource).encode(), FHIR)
    return answer.status_code, answer.get_data(as_text=True)


def test_one_is_made_read_searched_changed_and_deleted(subscribed: Relay) -> None:
    team = registered(subscribed, "8HX03")
    made = create(team, subscription(URL, header=[f"Authorization: {SECRET}"]))
    here = f"/fhir/Subscription/{made['id']}"

    read = team.get(here)
    found = team.get(f"/fhir/Subscription?url={URL}&status=requested").get_json()
    none = team.get("/fhir/Subscription?status=active").get_json()
    changed = team.put(here, {**made, "reason": "Another"}, If_Match='W/"1"')
    stale = team.put(here, made, If_Match='W/"1"')

    assert (read.status_code, read.get_json()) == (200, made)
    assert check(made) == []
    assert [one["resource"]["id"] for one in found["entry"]] == [made["id"]]
    assert none["total"] == 0
    assert (changed.status_code, changed.headers["ETag"]) == (200, 'W/"2"')
    assert stale.status_code == 412
    assert (delete(team, made["id"]), team.get(here).status_code) == (204, 410)
    assert team.get("/fhir/Subscription").get_json()["total"] == 0


def test_another_teams_is_as_if_it_were_not_there(subscribed: Relay) -> None:
    team, other = registered(subscribed, "8HX03"), registered(subscribed, "8HX01")
    made = create(team, subscription(URL))
    here = f"/fhir/Subscription/{made['id']}"

    assert other.get("/fhir/Subscription").get_json()["total"] == 0
    assert other.get("/fhir/Subscription/$status").get_json()["total"] == 0
    assert {other.get(here + more).status_code for more in ("", "/$status", "/$events")} == {404}
    assert other.put(here, made).status_code == 404
    assert delete(other, made["id"]) == 404
    assert team.get(here).status_code == 200


def test_the_values_of_headers_are_kept_and_never_shown_again(
    subscribed: Relay, capfd: pytest.CaptureFixture[str]
) -> None:
    team = registered(subscribed, "8HX03")
    headers = [f"Authorization: {SECRET}", "X-Team: 7"]
    made = create(team, subscription(URL, header=headers))
    here = f"/fhir/Subscription/{made['id']}"

    shown = [team.get(here), team.get("/fhir/Subscription"), team.put(here, made)]
    shown += [team.get(f"{here}/$status"), team.get(f"{here}/$events")]
    wrong = refused(team, subscription(URL, header=[f"Authorization: {SECRET}\r\nX-More: 1"]))

    assert made["channel"]["header"] == ["Authorization: ***", "X-Team: ***"]
    assert all("swordfish" not in one.get_data(as_text=True) for one in shown)
    assert wrong[0] in (400, 422)
    assert "swordfish" not in wrong[1] + "".join(capfd.readouterr())
    [kept] = subscribed.store.subscriptions.of("8HX03")
    assert json.loads(kept.headers) == headers
    delete(team, made["id"])
    gone = subscribed.store.subscriptions.get("8HX03", made["id"])
    assert gone is not None
    assert gone.headers == "[]"


def changed(**parts: Any) -> dict[str, Any]:
    whole = subscription(URL)
    channel = {**whole["channel"], **parts.pop("channel", {})}
    return {**whole, "channel": channel, **parts}


UNSERVED = {
    "a topic that is not published": changed(criteria=TOPIC + "weather"),
    "a search as criteria": changed(criteria="Communication?status=completed"),
    "a filter": changed(
        _criteria={
            "extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": "a=b"}]
        }
    ),
    "another channel": changed(channel={"type": "email"}),
    "no content level": changed(channel={"_payload": {}}),
    "another payload": changed(channel={"payload": "text/plain"}),
    "another release": changed(channel={"payload": "application/fhir+json; fhirVersion=5.0"}),
    "a status that it cannot have": changed(status="error"),
    "a header of the transport": changed(channel={"header": ["Host: elsewhere"]}),
    "no endpoint": {**changed(), "channel": {**subscription(URL)["channel"], "endpoint": ""}},
}
UNSAFE = (
    "http://hooks.hospice.example/in",
    "https://127.0.0.1/in",
    "https://[::1]/in",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:10.0.0.1]/",
    "https://user:word@hooks.hospice.example/",
    "https://hooks.hospice.example/#part",
    "ftp://hooks.hospice.example/",
    "hooks",
)


@pytest.mark.parametrize("what", UNSERVED)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_served_is_refused(subscribed: Relay, what: str) -> None:
    team = registered(subscribed, "8HX03")

    status, body = refused(team, UNSERVED[what])

    assert status in (400, 422), body
    assert "OperationOutcome" in body
    assert subscribed.store.subscriptions.of("8HX03") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_endpoint_that_must_not_be_reached_is_refused_at_once(subscribed: Relay) -> None:
    team = registered(subscribed, "8HX03")

    answers = {url: refused(team, subscription(url))[0] for url in UNSAFE}

    assert answers == dict.fromkeys(UNSAFE, 422)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_client_needs_the_scope_of_what_it_wants_to_be_told_of(subscribed: Relay) -> None:
    without = registered(subscribed, "8HX03", "system/Subscription.cruds system/Task.r")

    assert refused(without, subscription(URL))[0] == 403
    assert refused(without, subscription(URL, topic="task"))[0] == 201


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_team_has_fifty_at_most(subscribed: Relay) -> None:
    team = registered(subscribed, "8HX03")
    for _ in range(50):
        create(team, subscription(URL))

    assert refused(team, subscription(URL))[0] == 422


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_events_can_be_asked_for_again_by_number(subscribed: Relay, content: str) -> None:
    team = registered(subscribed, "8HX03")
    made = create(team, subscription(URL, content))
    for number in (1, 2, 3):
        discharge(subscribed, number)

    here = f"/fhir/Subscription/{made['id']}/$events"
    answer = team.get(f"{here}?eventsSinceNumber=2&eventsUntilNumber=3").get_json()
    status, *rest = [entry["resource"] for entry in answer["entry"]]
    told = [one["part"] for one in status["parameter"] if one["name"] == "notification-event"]
    focuses = [part for parts in told for part in parts if part["name"] == "focus"]

    assert check(answer) == []
    assert [parts[0]["valueString"] for parts in told] == ["2", "3"]
    assert len(focuses) == (0 if content == "empty" else 2)
    kinds = [one["resourceType"] for one in rest]
    assert kinds.count("Communication") == (2 if content == "full-resource" else 0)
    assert ("Patient" in kinds) == (content == "full-resource")
    assert team.get(f"{here}?eventsSinceNumber=x").status_code == 400
    assert team.get(f"{here}?content=all").status_code == 400


def test_the_status_of_one_and_of_all(subscribed: Relay) -> None:
    team = registered(subscribed, "8HX03")
    first, second = create(team, subscription(URL)), create(team, subscription(URL, topic="task"))
    discharge(subscribed, 1)

    one = team.get(f"/fhir/Subscription/{first['id']}/$status").get_json()
    every = team.get("/fhir/Subscription/$status?status=requested").get_json()
    by_id = team.get(f"/fhir/Subscription/$status?id={second['id']}").get_json()
    values = {part["name"]: part for part in one["entry"][0]["resource"]["parameter"]}

    assert check(one) == []
    assert values["type"]["valueCode"] == "query-status"
    assert values["events-since-subscription-start"]["valueString"] == "1"
    assert every["total"] == 2
    assert [entry["resource"]["id"] for entry in by_id["entry"]] == [second["id"]]


def test_the_capability_statement_names_the_topics(subscribed: Relay) -> None:
    rest = Team.of(subscribed, "8HX03").get("/fhir/metadata").get_json()["rest"][0]
    [claimed] = [one for one in rest["resource"] if one["type"] == "Subscription"]

    assert {one["valueCanonical"].removeprefix(TOPIC) for one in claimed["extension"]} == {
        *("communication", "communication-changed", "task")
    }
    assert {one["name"] for one in claimed["operation"]} == {"status", "events"}
    assert {one["code"] for one in claimed["interaction"]} == {
        *("create", "read", "update", "delete", "search-type")
    }

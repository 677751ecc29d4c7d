"""What a subscriber's endpoint is sent, by a worker and a real server, whatever it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from service.app import Relay
from service.fhir.validate import check
from service.store import Subscription
from tests.hook_endpoint import Endpoint, endpoint
from tests.mesh_relay import discharge, eventually
from tests.relay_client import Team
from tests.subscribed import SECRET, create, pushing, registered, subscription, unlocked

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def pushed(database_url: str) -> Iterator[Relay]:
    """A relay that may push to loopback."""
    with unlocked(database_url) as relay:
        yield relay


@pytest.fixture
def hook() -> Iterator[Endpoint]:
    with endpoint() as there:
        yield there


def kept(relay: Relay, ods: str = "8HX03") -> Subscription:
    [one] = relay.store.subscriptions.of(ods)
    return one


def state(relay: Relay, status: str, ods: str = "8HX03") -> Callable[[], bool]:
    return lambda: kept(relay, ods).status == status


def numbers(hook: Endpoint, *wanted: int) -> Callable[[], bool]:
    return lambda: hook.numbers == list(wanted)


def test_it_shakes_hands_and_sends_in_order_one_at_a_time(pushed: Relay, hook: Endpoint) -> None:
    team = registered(pushed, "8HX03")
    discharge(pushed, 1)
    create(team, subscription(hook.url, header=[f"Authorization: {SECRET}"]))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        for number in (2, 3, 4):
            discharge(pushed, number)
        eventually(numbers(hook, 2, 3, 4))

    assert hook.posts[0].kind == "handshake"
    assert (hook.posts[0].count, hook.posts[-1].count) == ("1", "4")
    assert all(check(post.bundle) == [] for post in hook.posts)
    assert {post.headers["Authorization"] for post in hook.posts} == {SECRET}
    assert hook.posts[0].headers["Content-Type"].startswith("application/fhir+json")
    assert hook.most_at_once == 1
    focus = hook.told()[0].events[0]["focus"]
    assert team.get(focus[focus.index("/fhir") :]).status_code == 200
    assert not any("received" in one for one in team.feed())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_empty_tells_numbers_alone_and_full_resource_all_that_may_be_seen(
    pushed: Relay, hook: Endpoint
) -> None:
    team = registered(pushed, "8HX03", "system/Subscription.cruds system/Communication.rs")
    other = registered(pushed, "8HX01")
    with endpoint() as empty, pushing(pushed):
        create(team, subscription(empty.url, "empty"))
        create(team, subscription(hook.url, "full-resource"))
        create(other, subscription(hook.url, "full-resource"))
        eventually(lambda: len(hook.told("handshake")) == 2 and empty.posts)
        discharge(pushed, 1)
        eventually(lambda: empty.told() and hook.told())
        eventually(lambda: "received" in registered(pushed, "8HX03").feed()[0])

    [bare], [full] = empty.told(), hook.told()
    assert set(bare.events[0]) == {"event-number", "timestamp"}
    assert len(bare.bundle["entry"]) == 1
    kinds = [entry["resource"]["resourceType"] for entry in full.bundle["entry"][1:]]
    assert kinds == ["Communication"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_task_and_a_change_are_topics_of_their_own(pushed: Relay, hook: Endpoint) -> None:
    team = registered(pushed, "8HX03")
    with endpoint() as changes, pushing(pushed):
        create(team, subscription(hook.url, topic="task"))
        create(team, subscription(changes.url, topic="communication-changed"))
        eventually(lambda: hook.posts and changes.posts)
        discharge(pushed, 1)
        eventually(numbers(hook, 1))
        assert changes.told() == []
        [notice] = team.feed()
        answer = team.post(f"/fhir/Communication/{notice['id']}/$acknowledge", b"")
        assert answer.status_code == 200
        eventually(numbers(hook, 1, 2))
        eventually(numbers(changes, 1))

    assert {event["focus"].split("/")[-2] for post in hook.told() for event in post.events} == {
        "Task"
    }
    assert changes.told()[0].events[0]["focus"].endswith(f"Communication/{notice['id']}")


FAILING = {
    "resets": (["reset"] * 3, [1, 2]),
    "500": ([500, 503, 500], [1, 2]),
    "one 400": ([400], [1, 2]),
    "the answer is lost": (["lost"], [1, 1, 2]),
}


@pytest.mark.parametrize("how", FAILING)
def test_what_failed_is_sent_again_and_nothing_overtakes_it(
    pushed: Relay, hook: Endpoint, how: str
) -> None:
    answers, expected = FAILING[how]
    create(registered(pushed, "8HX03"), subscription(hook.url, backport={"backport-max-count": 1}))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        hook.answers += answers
        discharge(pushed, 1)
        discharge(pushed, 2)
        eventually(numbers(hook, *expected))

    assert kept(pushed).status == "active"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_retry_after_is_waited_for(pushed: Relay, hook: Endpoint) -> None:
    create(registered(pushed, "8HX03"), subscription(hook.url))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        hook.answers.append((429, {"Retry-After": "2"}))
        started = time.monotonic()
        discharge(pushed, 1)
        eventually(numbers(hook, 1))

    assert time.monotonic() - started > 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_410_switches_it_off(pushed: Relay, hook: Endpoint) -> None:
    create(registered(pushed, "8HX03"), subscription(hook.url))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        hook.always = 410
        discharge(pushed, 1)
        eventually(state(pushed, "off"))
        hook.always = 200
        discharge(pushed, 2)
        time.sleep(1)

    assert hook.told() == []


@pytest.mark.parametrize("answer", [403, (302, {"Location": "http://127.0.0.1:1/"})])
def test_what_keeps_refusing_is_parked_counted_on_and_goes_on_where_it_was(
    pushed: Relay, hook: Endpoint, answer: object
) -> None:
    team = registered(pushed, "8HX03")
    made = create(team, subscription(hook.url))
    here = f"/fhir/Subscription/{made['id']}"
    with pushing(pushed):
        eventually(state(pushed, "active"))
        hook.always = answer
        discharge(pushed, 1)
        eventually(state(pushed, "error"))
        discharge(pushed, 2)
        status = team.get(f"{here}/$status").get_data(as_text=True)
        [place] = [one for one in pushed.store.channels.places() if made["id"] in one.channel]
        hook.always = 200
        assert (
            team.put(here, team.get(here).get_json() | {"status": "requested"}).status_code == 200
        )
        eventually(numbers(hook, 1, 2))

    assert "the endpoint answered" in status
    assert '"valueString":"2"' in status
    assert (place.state, "the endpoint answered" in place.reason) == ("parked", True)
    assert len(hook.told("handshake")) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_operator_can_let_a_parked_one_go_on(pushed: Relay, hook: Endpoint) -> None:
    create(registered(pushed, "8HX03"), subscription(hook.url))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        hook.answers += [403] * 3
        discharge(pushed, 1)
        eventually(state(pushed, "error"))
        pushed.store.channels.resume("8HX03", kept(pushed).channel)
        eventually(numbers(hook, 1))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_handshake_that_nobody_takes_ends_in_error(pushed: Relay) -> None:
    create(registered(pushed, "8HX03"), subscription("http://localhost:9/nobody"))
    with pushing(pushed):
        eventually(state(pushed, "error"))

    assert "no handshake" in kept(pushed).reason


@pytest.mark.parametrize("manner", ["slow", "trickle", 500])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_slow_endpoint_keeps_nobody_else_waiting(
    pushed: Relay, hook: Endpoint, manner: object
) -> None:
    with endpoint() as quick, pushing(pushed):
        slow = subscription(hook.url, backport={"backport-timeout": 4})
        create(registered(pushed, "8HX03"), slow)
        create(registered(pushed, "8HX03"), subscription(quick.url))
        eventually(lambda: hook.posts and quick.posts)
        hook.always = manner
        for number in (1, 2, 3):
            discharge(pushed, number)
            done = time.monotonic()
            eventually(lambda n=number: n in quick.numbers, 5)
            assert quick.told()[-1].at - done < 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_heartbeat_comes_when_nothing_else_does(pushed: Relay, hook: Endpoint) -> None:
    create(
        registered(pushed, "8HX03"),
        subscription(hook.url, backport={"backport-heartbeat-period": 10}),
    )
    with pushing(pushed):
        eventually(lambda: hook.told("heartbeat"), 20)

    assert hook.told("heartbeat")[0].at - hook.posts[0].at > 9
    assert hook.told("heartbeat")[0].count == "0"


def test_who_loses_the_right_is_sent_nothing_more(pushed: Relay, hook: Endpoint) -> None:
    team: Team = registered(pushed, "8HX03")
    create(team, subscription(hook.url))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        discharge(pushed, 1)
        eventually(numbers(hook, 1))
        pushed.store.clients.disable("8HX03-1")
        discharge(pushed, 2)
        eventually(state(pushed, "error"))

    assert hook.numbers == [1]
    assert "may not read" in kept(pushed).reason


def test_a_deleted_one_stops_at_once(pushed: Relay, hook: Endpoint) -> None:
    team = registered(pushed, "8HX03")
    made = create(team, subscription(hook.url))
    with pushing(pushed):
        eventually(state(pushed, "active"))
        headers = {"Authorization": f"Bearer {team.token}"}
        assert (
            team.http.delete(f"/fhir/Subscription/{made['id']}", headers=headers).status_code == 204
        )
        discharge(pushed, 1)
        time.sleep(1)

    assert hook.told() == []


def test_two_workers_send_everything_once(pushed: Relay, hook: Endpoint) -> None:
    create(registered(pushed, "8HX03"), subscription(hook.url))
    with pushing(pushed), pushing(pushed):
        eventually(state(pushed, "active"))
        for number in range(1, 9):
            discharge(pushed, number)
        eventually(lambda: hook.numbers[-1:] == [8])

    assert hook.numbers == list(range(1, 9))
    assert hook.most_at_once == 1

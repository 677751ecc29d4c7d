"""An endpoint that misbehaves delays no other team by a second, and leads the relay nowhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from service.app import Relay
from tests.hook_endpoint import Answer, Endpoint, endpoint
from tests.mesh_relay import discharge, eventually
from tests.subscribed import create, pushing, registered, subscription, unlocked

pytest_plugins = ["tests.store_fixtures"]
HOSPICE, PRACTICE = "8HX03", "G99901"  # a discharge is told to both
SOON = 1.0  # seconds
MANNERS = {
    "slow": "slow",
    "trickling": "trickle",
    "resetting": "reset",
    "answering 500": 500,
    "asking for time": (429, {"Retry-After": "30"}),
    "asking for time, busy": (503, {"Retry-After": "30"}),
    "gone": 410,
    "refusing": 403,
    "redirecting": (302, {}),
    "redirecting with the body": (307, {}),
    "redirecting for good": (308, {}),
}


@pytest.fixture
def beside(database_url: str) -> Iterator[Relay]:
    with unlocked(database_url) as relay:
        yield relay


@pytest.fixture
def inner() -> Iterator[Endpoint]:
    """A server of the private network, where a redirect points to."""
    with endpoint() as there:
        yield there


def misbehaving(manner: str, inner: Endpoint) -> Answer:
    answer = MANNERS[manner]
    if isinstance(answer, tuple) and answer[0] < 400:
        return answer[0], {"Location": inner.url}
    return answer  # type: ignore[return-value]


def longest(relay: Relay, quick: Endpoint, *numbers: int) -> float:
    """Return how long after its commit the other team was told of a discharge, at most."""
    found = []
    for number in numbers:
        discharge(relay, number)
        committed = time.monotonic()
        eventually(lambda n=number: n in quick.numbers, 20)
        found.append(quick.told()[-1].at - committed)
    return max(found)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("manner", MANNERS)
def test_one_that_misbehaves_delays_no_other_team(
    beside: Relay, inner: Endpoint, manner: str
) -> None:
    with endpoint() as bad, endpoint() as quick, pushing(beside):
        create(registered(beside, HOSPICE), subscription(bad.url, backport={"backport-timeout": 3}))
        create(registered(beside, PRACTICE), subscription(quick.url))
        eventually(lambda: bad.posts and quick.posts)
        undisturbed = longest(beside, quick, 1, 2)
        eventually(lambda: bad.numbers == [1, 2])
        bad.always = misbehaving(manner, inner)
        waited = longest(beside, quick, 3, 4, 5)

    assert waited < undisturbed + SOON
    assert quick.numbers == [1, 2, 3, 4, 5]
    assert bad.numbers == [1, 2]
    assert inner.posts == []


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_many_that_misbehave_at_once_delay_nobody_either(beside: Relay, inner: Endpoint) -> None:
    with ExitStack() as opened:
        all_bad = [opened.enter_context(endpoint()) for _ in MANNERS]
        quick = opened.enter_context(endpoint())
        opened.enter_context(pushing(beside))
        for bad in all_bad:
            create(
                registered(beside, HOSPICE), subscription(bad.url, backport={"backport-timeout": 3})
            )
        create(registered(beside, PRACTICE), subscription(quick.url))
        eventually(lambda: quick.posts and all(bad.posts for bad in all_bad))
        undisturbed = longest(beside, quick, 1, 2)
        for bad, manner in zip(all_bad, MANNERS, strict=True):
            bad.always = misbehaving(manner, inner)
        waited = longest(beside, quick, 3, 4, 5)

    assert waited < undisturbed + SOON
    assert inner.posts == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_name_that_comes_to_mean_the_private_network_is_not_followed_there(
    sqlite_url: str, beside: Relay, inner: Endpoint
) -> None:
    """It was allowed when the subscription was made; what counts is each request."""
    team = registered(beside, HOSPICE)
    create(team, subscription(inner.url))
    with unlocked(sqlite_url, push_inside="127.0.0.1") as stricter, pushing(stricter):
        eventually(lambda: stricter.store.subscriptions.of(HOSPICE)[0].status == "error")

    assert inner.posts == []

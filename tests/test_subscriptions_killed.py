"""A worker that is killed while it pushes: nothing is lost or comes under another number."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.app import Relay
from tests.cli_runner import RELAY, environment
from tests.hook_endpoint import endpoint
from tests.mesh_relay import discharge, eventually
from tests.subscribed import create, registered, subscription, unlocked

pytest_plugins = ["tests.store_fixtures"]
pytestmark = pytest.mark.slow


@pytest.fixture
def killed(database_url: str) -> Iterator[Relay]:
    with unlocked(database_url) as relay:
        yield relay


@contextmanager
def delivering(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `deliver`; at the end of the block it is killed."""
    process = subprocess.Popen(
        [*RELAY, "deliver", "--database", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(push_inside="localhost"),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_is_killed_at_random_points_loses_nothing(killed: Relay) -> None:
    moments = random.Random(7)
    team = registered(killed, "8HX03")
    with endpoint() as hook:
        create(team, subscription(hook.url, backport={"backport-max-count": 1}))
        sent = 0
        for _ in range(3):
            reached = len(hook.posts)
            with delivering(killed.settings.database):
                eventually(lambda n=reached: len(hook.posts) > n, 60)
                for _ in range(5):
                    sent += 1
                    discharge(killed, sent)
                time.sleep(moments.random() / 2)
            sent += 1
            discharge(killed, sent)
        with delivering(killed.settings.database):
            eventually(lambda: hook.numbers[-1:] == [sent], 60)

    assert sorted(set(hook.numbers)) == list(range(1, sent + 1))
    assert hook.numbers == sorted(hook.numbers)
    events = [event for post in hook.told() for event in post.events]
    focuses = {(event["event-number"], event["focus"]) for event in events}
    assert len(focuses) == sent

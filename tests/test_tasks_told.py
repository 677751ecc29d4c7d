"""A Task that the relay itself moves on is told to its team, whatever its clock says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.store import Subscription
from tests.simulated_days import FRIDAY, HOSPICE, Loop

pytest_plugins = ["tests.loop_fixtures"]
TASK = "task"


@pytest.fixture
def told(loop: Loop) -> Loop:
    """A team that subscribed to its Tasks, and has one that nobody answers."""
    wanted = Subscription(
        id="s", recipient=HOSPICE, client="c", scopes="", topic=TASK, headers="[]", body=b"{}"
    )
    loop.relay.store.subscriptions.create(wanted)
    loop.discharge()
    return loop


def versions(loop: Loop) -> list[int]:
    events = loop.relay.store.subscriptions.events(HOSPICE, TASK, 0, 100).events
    return [event.version for event in events]


def test_each_step_of_the_chase_is_an_event_of_the_teams_tasks(told: Loop) -> None:
    assert versions(told) == [1]
    told.pass_time(hours=25)  # reminded, then another is asked in its place

    assert versions(told)[-1] == told.relay.store.read(HOSPICE, "Task", task(told)).version == 3


def test_a_step_by_a_clock_that_is_behind_is_not_missed(told: Loop) -> None:
    told.pass_time(hours=20)
    told.days[0] = FRIDAY + timedelta(hours=26)
    told.discharge("K0002", sent="20261121200000", discharged="20261120161500")
    before, last = versions(told), told.relay.store.head(HOSPICE).updated
    told.days[0] = FRIDAY + timedelta(hours=25)  # another machine's
    told.work()

    assert told.relay.store.read(HOSPICE, "Task", task(told)).updated > last
    assert versions(told)[len(before) :] == [3]


def task(loop: Loop) -> str:
    return loop.tasks(HOSPICE)[0]["id"]

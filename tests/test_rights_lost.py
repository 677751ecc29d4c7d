"""Who loses the right to see something is sent nothing more of it, from that moment on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from service.app import Relay
from service.delivery.writes import as_write
from service.fhir.build import LAST_UPDATED
from service.model import OdsCode
from service.store.opening import database
from tests.caseload_lists import put, take_off
from tests.hl7v2_letters import a03
from tests.hook_endpoint import Endpoint, endpoint
from tests.mesh_relay import discharge, eventually
from tests.relay_client import Team
from tests.subscribed import create, pushing, registered, subscription, unlocked

pytest_plugins = ["tests.store_fixtures"]
HOSPICE, AWAY = "8HX03", "SW1A 9ZZ"
SOMEBODY_ELSE = ((b"K778899", b"K778800"), (b"V12345678", b"V12345600"))
QUIET = 0.5  # seconds after which nothing is expected any more


@pytest.fixture
def watched(database_url: str) -> Iterator[Relay]:
    with unlocked(database_url) as relay:
        yield relay


@pytest.fixture
def hook() -> Iterator[Endpoint]:
    with endpoint() as there:
        yield there


def active(relay: Relay) -> Callable[[], bool]:
    return lambda: all(one.status == "active" for one in relay.store.subscriptions.of(HOSPICE))


def stopped(relay: Relay) -> Callable[[], bool]:
    return lambda: all(one.status == "error" for one in relay.store.subscriptions.of(HOSPICE))


def run(url: str, sql: str) -> None:
    """Change the register past the service, as an operator with a database does."""
    opened = database(url)
    opened.write(lambda tx: tx.run(sql, {}))
    opened.close()


DISABLED = "UPDATE client SET disabled = TRUE"
LOST = {
    "its client is disabled": DISABLED,
    "its client is another organisation's": "UPDATE client SET organisation = '8HX01'",
    "its client may not read any more": "UPDATE client SET scopes = 'system/Subscription.cruds'",
    "its client is gone": "DELETE FROM client",
}


def hospice(relay: Relay, hook: Endpoint, **asked: object) -> Team:
    team = registered(relay, HOSPICE)
    create(team, subscription(hook.url, **asked))  # type: ignore[arg-type]
    return team


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("topic", ["communication", "task"])
@pytest.mark.parametrize("how", LOST)
def test_nothing_is_sent_from_the_moment_on(
    watched: Relay, hook: Endpoint, how: str, topic: str
) -> None:
    hospice(watched, hook, topic=topic)
    with pushing(watched):
        eventually(active(watched))
        discharge(watched, 1)
        eventually(lambda: hook.numbers == [1])
        run(watched.settings.database, LOST[how])
        discharge(watched, 2)
        eventually(stopped(watched))

    assert hook.numbers == [1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_on_its_way_when_the_right_was_lost_is_not_sent_again(
    watched: Relay, hook: Endpoint
) -> None:
    """It was committed before, and the endpoint was down."""
    hospice(watched, hook)
    with pushing(watched):
        eventually(active(watched))
        hook.always = 503
        discharge(watched, 1)
        eventually(lambda: watched.store.channels.places()[0].attempts)
        run(watched.settings.database, DISABLED)
        hook.always = 200
        eventually(stopped(watched))

    assert hook.told() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_a_full_resource_the_parts_are_left_out_that_may_not_be_read_any_more(
    watched: Relay, hook: Endpoint
) -> None:
    hospice(watched, hook, content="full-resource")
    with pushing(watched):
        eventually(active(watched))
        discharge(watched, 1)
        eventually(lambda: hook.numbers == [1])
        narrowed = "UPDATE client SET scopes = 'system/Communication.rs'"
        run(watched.settings.database, narrowed)
        discharge(watched, 2)
        eventually(lambda: hook.numbers == [1, 2])

    before, after = [
        {entry["resource"]["resourceType"] for entry in post.bundle["entry"][1:]}
        for post in hook.told()
    ]
    assert {"Communication", "Patient", "Task"} <= before
    assert after == {"Communication"}


def test_a_task_that_becomes_another_teams_is_told_no_more(watched: Relay, hook: Endpoint) -> None:
    team = hospice(watched, hook, topic="task")
    with pushing(watched):
        eventually(active(watched))
        entrusted(watched, HOSPICE, 0)
        eventually(lambda: hook.numbers == [1])
        entrusted(watched, "8HX01", 1)
        eventually(lambda: watched.store.channels.places()[0].n == 2)
        entrusted(watched, HOSPICE, 2)
        eventually(lambda: hook.numbers == [1, 3])

    [one] = watched.store.subscriptions.of(HOSPICE)
    again = team.get(f"/fhir/Subscription/{one.id}/$events").get_json()["entry"][0]["resource"]
    told = [part["part"] for part in again["parameter"] if part["name"] == "notification-event"]
    assert [parts[0]["valueString"] for parts in told] == ["1", "2", "3"]


def entrusted(relay: Relay, owner: str, prior: int) -> None:
    """Write the next version of a trust's own Task, with this owner."""
    ods = {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": owner}
    task = {
        "resourceType": "Task",
        "id": "entrusted",
        "meta": {"versionId": str(prior + 1), "lastUpdated": LAST_UPDATED},
        "status": "requested",
        "intent": "order",
        "owner": {"identifier": ods},
    }
    write = replace(as_write(task, OdsCode("RJZ"), prior=prior), visible_to=(HOSPICE,))
    relay.store.update([write], among=[HOSPICE, "RJZ"])


# --- what a team is told later, of a patient whom it puts on its caseload -------------------------


def away(relay: Relay, control_id: str = "K0001", *other: tuple[bytes, bytes], **more: str) -> None:
    """Take in a discharge of somebody of whom no rule tells the hospice."""
    body = a03(control_id=control_id, postcode=AWAY, **more)  # type: ignore[arg-type]
    for old, new in other:
        body = body.replace(old, new)
    assert Team.of(relay, "RJZ").post("/hl7v2", body).status_code == 200


@pytest.mark.parametrize("topic", ["communication", "task"])
def test_what_is_told_later_is_pushed_once_and_only_while_the_right_is_there(
    watched: Relay, hook: Endpoint, topic: str
) -> None:
    hospice(watched, hook, topic=topic)
    away(watched)
    with pushing(watched):
        eventually(active(watched))
        put(watched)
        eventually(lambda: hook.numbers == [1])
        take_off(watched)
        put(watched)
        away(watched, "K0002", discharged="20261120171000")
        eventually(lambda: hook.numbers == [1, 2])
        take_off(watched)
        away(watched, "K0003", *SOMEBODY_ELSE, nhs_number="9990000018")
        run(watched.settings.database, DISABLED)
        put(watched, nhs_number="9990000018")
        eventually(stopped(watched))

    assert hook.numbers == [1, 2]
    assert watched.store.head(HOSPICE).n == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_takes_a_patient_off_its_list_is_sent_nothing_new_of_theirs(
    watched: Relay, hook: Endpoint
) -> None:
    hospice(watched, hook)
    put(watched)
    take_off(watched)
    with pushing(watched):
        eventually(active(watched))
        away(watched)
        time.sleep(QUIET)

    assert hook.told() == []

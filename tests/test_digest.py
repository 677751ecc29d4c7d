"""A team's daily digest, through a real MESH peer and a FHIR server; the days are simulated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from service.cli.delivering import poller
from service.delivery.directory import RoutingFaults
from service.delivery.routing import Routing
from service.delivery.schedule import read_schedule
from service.fhir.validate import check
from service.mailbox import MeshAccess
from service.model import Instant
from tests.digest_days import EVERY_DAY, HOSPICE, SERVER, Days, days_on, numbers, read
from tests.fhir_server_peer import peer
from tests.mesh_beside import Sandbox
from tests.mesh_relay import configured, eventually, running
from tests.routing_fixtures import folder

pytest_plugins = ["tests.mesh_fixtures"]


@pytest.fixture
def days(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., Days]]:
    """Make a relay, once; at its end all channels are closed."""
    made: list[Days] = []

    def make(mesh: MeshAccess | None = None, digest: str = EVERY_DAY, server: str = SERVER) -> Days:
        made.append(days_on(sqlite_url, tmp_path, mesh, digest, server))
        return made[0]

    yield make
    for one in made:
        for channel in one.opened:
            channel.close()
        one.relay.store.close()


def test_a_day_is_one_message_of_what_is_new_and_what_is_unanswered(
    days: Callable[..., Days], sandbox: Sandbox
) -> None:
    made = days(sandbox.access("RELAY01"))
    made.discharge(1)
    made.discharge(2)
    made.at("2026-03-03 07:59")
    assert sandbox.inbox("HSP0003") == []
    made.at("2026-03-03 08:00")
    made.discharge(3)
    made.at("2026-03-03 20:00")
    made.at("2026-03-04 08:00")
    made.at("2026-03-05 08:00")

    first, second = map(read, sandbox.collect("HSP0003"))
    assert (first["number"], first["new"], first["unanswered"]) == (
        "8HX03/2026-03-03/2",
        [1, 2],
        [],
    )
    assert (second["number"], second["new"]) == ("8HX03/2026-03-04/3", [3])
    assert second["unanswered"] == [1, 2]
    assert "Discharged on 20 Nov 2026" in first["text"]
    assert "Answer by Thu 5 Mar 2026, 15:00." in first["text"]
    assert "TESTPATIENT" not in first["text"]
    made.work()
    assert made.tasks() == ["received"] * 3


def test_a_digest_whose_answer_was_lost_is_not_sent_twice(
    days: Callable[..., Days], sandbox: Sandbox
) -> None:
    made = days(sandbox.access("RELAY01"))
    made.discharge(1)
    sandbox.trap("POST", "RELAY01/outbox$", "after")
    made.at("2026-03-03 08:00")
    assert made.relay.store.channels.place(HOSPICE, "digest").trying == 1
    made.killed()
    made.discharge(2)
    made.at("2026-03-03 09:00")
    made.at("2026-03-04 08:00")

    found = [read(body) for body in sandbox.collect("HSP0003")]
    assert [one["new"] for one in found] == [[1], [2]]


def test_one_that_is_sent_again_has_the_same_number(
    days: Callable[..., Days], sandbox: Sandbox
) -> None:
    made = days(sandbox.access("RELAY01"))
    made.discharge(1)
    made.discharge(2)
    made.at("2026-03-03 08:00")
    made.relay.store.channels.resume(HOSPICE, "digest")
    made.at("2026-03-06 12:00")

    first, again = (read(body) for body in sandbox.collect("HSP0003"))
    assert first["number"] == again["number"]
    assert first["new"] == again["new"] == [1, 2]


def response(to: str, *details: str) -> bytes:
    """A FHIR message that answers another."""
    issues = [
        {"severity": "information", "code": "informational", "details": {"coding": [{"code": one}]}}
        for one in details
    ]
    header = {"resourceType": "MessageHeader", "response": {"identifier": to, "code": "ok"}}
    outcome = {"resourceType": "OperationOutcome", "issue": issues}
    entry = [{"resource": header}, {"resource": outcome}]
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": entry}).encode()


def test_an_answer_to_a_digest_is_a_receipt_and_never_clinical(
    days: Callable[..., Days], sandbox: Sandbox, tmp_path: Path
) -> None:
    made = days(sandbox.access("RELAY01"))
    made.discharge(1)
    made.discharge(2)
    made.at("2026-03-03 08:00")
    [digest] = sandbox.collect("HSP0003")
    header = json.loads(digest)["entry"][0]["resource"]["id"]
    mesh = configured(made.relay, tmp_path, sandbox)

    states = []
    with running(poller(made.relay, mesh)):
        for details in (["30001"], []):
            sandbox.post("HSP0003", response(header, *details), workflow="DISCHARGE_RELAY_ACK")
            eventually(lambda: not sandbox.inbox("RELAY01"))
            states.append(made.tasks())

    assert states == [["requested"] * 2, ["received"] * 2]
    [kept] = made.relay.store.dead_letters.list()
    assert "It answers a digest of several notices." in kept.issues[0].text


def test_a_day_with_nothing_new_is_told_once_where_that_is_wanted(
    days: Callable[..., Days], sandbox: Sandbox
) -> None:
    made = days(sandbox.access("RELAY01"), '{at: "08:00", days: Mon-Fri, empty: true}')
    made.at("2026-03-03 08:00")
    made.killed()
    made.at("2026-03-03 08:30")
    made.discharge(1)
    made.at("2026-03-04 08:00")
    made.at("2026-03-04 12:00")
    made.at("2026-03-06 12:00")
    made.at("2026-03-08 12:00")

    found = [read(body) for body in sandbox.collect("HSP0003")]
    assert [(one["number"], one["new"]) for one in found] == [
        ("8HX03/2026-03-03/0", []),
        ("8HX03/2026-03-04/1", [1]),
        ("8HX03/2026-03-06/1", []),
    ]
    assert found[2]["unanswered"] == [1]


def test_it_goes_to_the_teams_own_server_too(days: Callable[..., Days]) -> None:
    with peer() as server:
        made = days(digest='{at: "08:00", by: fhir-server}', server=server.url)
        made.discharge(1)
        made.at("2026-03-03 08:00")

        [new, unanswered] = server.of("List")
        assert len(server.transactions) == 1
        assert numbers(new) == [1]
        assert unanswered["emptyReason"]
        assert check(new) == check(unanswered) == []
        assert {f"List/{new['id']}", f"List/{unanswered['id']}"} < set(server.urls(0))
        assert len(server.of("Communication")) == len(server.of("Task")) == 1
        assert made.tasks() == ["received"]


@pytest.mark.parametrize(
    ("digest", "told", "goes"),
    [
        ({"at": "08:00"}, "2026-03-28T08:00+00:00", "2026-03-29T07:00+00:00"),  # summer time
        ({"at": "08:00"}, "2026-10-24T07:00+00:00", "2026-10-25T08:00+00:00"),  # and its end
        ({"at": "08:00", "days": "Mon-Fri"}, "2026-03-06T08:00+00:00", "2026-03-09T08:00+00:00"),
        ({"at": "16:30", "days": "Wed"}, "2026-03-05T09:00+00:00", "2026-03-11T16:30+00:00"),
        ({"at": "16:30", "days": "Wed"}, "2026-03-04T16:29+00:00", "2026-03-04T16:30+00:00"),
    ],
)
def test_what_was_told_goes_at_the_next_time(digest: dict[str, str], told: str, goes: str) -> None:
    schedule = read_schedule({"digest": digest, "mesh": {}})
    moment = Instant.of(datetime.fromisoformat(told))

    slot = schedule.after(moment)

    assert slot.as_datetime() == datetime.fromisoformat(goes)
    assert schedule.latest(slot) == slot
    assert schedule.latest(slot - 1) <= moment < slot
    assert slot - moment <= timedelta(days=8) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("organisation", "said"),
    [
        ("channels: [digest]", "is to be sent a digest: say when"),
        ('digest: {at: "25:00"}', "25:00"),
        ('digest: {at: "08:00", days: Fri-Mon}', '"Fri-Mon" is no part of a week'),
        ('digest: {at: "08:00", by: mesh}', "a digest by mesh: say its mesh"),
        ('digest: {at: "08:00"}', "a digest by fhir-server: say its fhir_server"),
        ('digest: {at: "08:00", by: pigeon}', "pigeon"),
    ],
)
def test_a_digest_that_cannot_be_sent_is_refused_with_its_line(
    tmp_path: Path, organisation: str, said: str
) -> None:
    written = f"""
organisations:
  - ods: 8HX03
    name: West Hospice
    kind: hospice
    placeholder: true
    {organisation}
"""
    with pytest.raises(RoutingFaults) as caught:
        Routing.load(folder(tmp_path, written, "rules: []"))

    assert any(said in fault.text for fault in caught.value.faults), caught.value
    assert all(fault.line for fault in caught.value.faults)

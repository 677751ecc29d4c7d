"""A team's daily digest, through a real MESH peer and a FHIR server; the days are simulated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay, acknowledge, assemble, listed_organisations
from service.cli.delivering import poller
from service.cli.rules import rules
from service.delivery.channels import Channel, Means, open_channel
from service.delivery.contents import Contents
from service.delivery.directory import RoutingFaults
from service.delivery.routing import Routing
from service.delivery.schedule import read_schedule
from service.delivery.sending import Policy, Sender
from service.fhir.digest import DIGEST
from service.fhir.task import Acknowledgement
from service.fhir.validate import check
from service.model import Instant, OdsCode
from service.settings import Settings
from service.store import open_store
from tests.fhir_server_peer import peer
from tests.hl7v2_letters import a03
from tests.mesh_beside import Sandbox
from tests.mesh_relay import configured, eventually, running
from tests.relay_client import Team
from tests.routing_fixtures import folder
from tests.simulated_days import RULES

pytest_plugins = ["tests.mesh_fixtures"]

HOSPICE = OdsCode("8HX03")
MONDAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DIRECTORY = """
organisations:
  - {{ods: RJZ, name: King's, kind: trust}}
  - ods: 8HX03
    name: West Hospice
    kind: hospice
    placeholder: true
    channels: [digest, feed]
    digest: {digest}
    mesh: {{mailbox: HSP0003, workflow: DISCHARGE_RELAY}}
    fhir_server: {server}
  - {{ods: 8PX01, name: Pain Service, kind: pain-service, placeholder: true}}
"""
SERVER = "https://fhir.hospice.example/r4"
EVERY_DAY = '{at: "08:00"}'


@dataclass
class Days:
    """A relay whose clock a test sets, and the process that sends the hospice's digest."""

    relay: Relay
    clock: list[datetime]
    means: Means
    opened: list[Channel] = field(default_factory=list)
    sender: Sender | None = None

    def discharge(self, number: int) -> None:
        made = a03(control_id=f"D{number}", postcode="TN2 9ZZ")
        answer = Team.of(self.relay, "RJZ").post("/hl7v2", made)
        assert answer.status_code < 300, answer.text

    def at(self, london: str) -> None:
        """Go on to a time (London's is UTC in winter), and do what is due."""
        self.clock[0] = datetime.fromisoformat(london).replace(tzinfo=UTC)
        self.work()

    def work(self) -> None:
        for _ in range(20):
            if self.process().turn() > 0:
                return
        raise AssertionError("there is no end to it")

    def process(self) -> Sender:
        """The process that sends; another one after `killed`."""
        if self.sender is None:
            entry = self.relay.routing.directory.by_code(HOSPICE)
            assert entry is not None
            channel = open_channel("digest", entry, self.means)
            self.opened.append(channel)
            holder = f"process {len(self.opened)}"
            self.sender = Sender(
                store=self.relay.store,
                recipient=HOSPICE,
                channel=channel,
                holder=holder,
                received=self.received,
                policy=Policy(longest=1, look=60),
            )
            assert self.relay.store.leases.claim(self.sender.lease, holder, 1e6)
        return self.sender

    def killed(self) -> None:
        self.relay.store.leases.release(f"process {len(self.opened)}")
        self.sender = None

    def received(self, organisation: OdsCode, id_: str) -> None:
        acknowledge(self.relay, organisation, id_, Acknowledgement(), "digest")

    def tasks(self) -> list[str]:
        bundle = Team.of(self.relay, HOSPICE).get("/fhir/Task").get_json()
        return [entry["resource"]["status"] for entry in bundle["entry"]]


@pytest.fixture
def days(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., Days]]:
    """Make a relay; at its end all channels are closed."""
    made: list[Days] = []

    def make(mesh: Any = None, digest: str = EVERY_DAY, server: str = SERVER) -> Days:
        clock = [MONDAY]
        settings = Settings(database=sqlite_url)
        path = folder(tmp_path, DIRECTORY.format(digest=digest, server=server), RULES)
        store = open_store(sqlite_url, lambda: Instant.of(clock[0]))
        mappings, _ = rules(settings.mappings)
        relay = assemble(settings, store, mappings, Routing.load(path), lambda: clock[0])
        contents = Contents(store, listed_organisations(relay))
        means = Means(
            contents=contents, base="https://relay.example/fhir", mesh=mesh, follow_every=0.001
        )
        made.append(Days(relay, clock, means))
        return made[0]

    yield make
    for one in made:
        for channel in one.opened:
            channel.close()
        one.relay.store.close()


def read(body: bytes) -> dict[str, Any]:
    """What a digest says: its number, and what its lists list."""
    bundle = json.loads(body)
    assert check(bundle) == []
    assert bundle["identifier"]["system"] == DIGEST
    every = [entry["resource"] for entry in bundle["entry"]]
    new, unanswered = (one for one in every if one["resourceType"] == "List")
    told = {one["id"]: one["resourceType"] for one in every}
    for listed in (*new.get("entry", ()), *unanswered.get("entry", ())):
        assert told[listed["item"]["reference"].partition("/")[2]] == "Communication"
    return {
        "number": bundle["identifier"]["value"],
        "new": numbers(new),
        "unanswered": numbers(unanswered),
        "text": new["text"]["div"],
    }


def numbers(listed: dict[str, Any]) -> list[int]:
    return [int(one["item"]["display"].partition(":")[0]) for one in listed.get("entry", ())]


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

"""A relay whose days a test sets, with a hospice that is sent a daily digest."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.app import acknowledge, assemble, listed_organisations
from service.cli.rules import rules
from service.delivery.channels import Channel, Means, open_channel
from service.delivery.contents import Contents
from service.delivery.routing import Routing
from service.delivery.sending import Policy, Sender
from service.fhir.digest import DIGEST
from service.fhir.task import Acknowledgement
from service.fhir.validate import check
from service.mailbox import MeshAccess
from service.model import Instant, OdsCode
from service.relay import Relay
from service.settings import Settings
from service.store import open_store
from tests.hl7v2_letters import a03
from tests.relay_client import Team
from tests.routing_fixtures import folder
from tests.simulated_days import RULES

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

    def received(self, organisation: OdsCode, id_: str, _: str) -> None:
        acknowledge(self.relay, organisation, id_, Acknowledgement(), "digest")

    def tasks(self) -> list[str]:
        bundle = Team.of(self.relay, HOSPICE).get("/fhir/Task").get_json()
        return [entry["resource"]["status"] for entry in bundle["entry"]]


def days_on(url: str, path: Path, mesh: MeshAccess | None, digest: str, server: str) -> Days:
    """Make a relay on a database; the tests' own directory is in the folder."""
    clock = [MONDAY]
    settings = Settings(database=url)
    routing = Routing.load(folder(path, DIRECTORY.format(digest=digest, server=server), RULES))
    store = open_store(url, lambda: Instant.of(clock[0]))
    mappings, _ = rules(settings.mappings)
    relay = assemble(settings, store, mappings, routing, lambda: clock[0])
    contents = Contents(store, listed_organisations(relay))
    base = "https://relay.example/fhir"
    return Days(relay, clock, Means(contents=contents, base=base, mesh=mesh, follow_every=0.001))


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

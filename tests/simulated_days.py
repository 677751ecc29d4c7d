"""A relay whose clock a test sets, with teams that stand in for one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from service.app import Relay, assemble, chasing
from service.cli.rules import rules
from service.delivery.hours import LONDON
from service.delivery.routing import Routing
from service.model import Instant
from service.settings import Settings
from service.store import open_store
from tests.hl7v2_letters import a03
from tests.relay_client import FHIR, Team
from tests.routing_fixtures import folder

Json = dict[str, Any]
HOSPICE, SECOND, THIRD, WEEKDAYS, TRUST = "8HX03", "8HX01", "8HX02", "8PX01", "RJZ"
DIRECTORY = """
organisations:
  - {ods: RJZ, name: King's, kind: trust}
  - ods: 8HX03
    name: West Hospice
    kind: hospice
    placeholder: true
    within: {routine: 1 day}
    fallback: [8HX01, 8HX02]
  - {ods: 8HX01, name: East Hospice, kind: hospice, placeholder: true, within: {routine: 4 h}}
  - {ods: 8HX02, name: North Hospice, kind: hospice, placeholder: true}
  - ods: 8PX01
    name: Pain Service
    kind: pain-service
    placeholder: true
    hours: Mon-Fri 09:00-17:00
    within: {routine: 1 day}
    on_duty: [8HX01]
"""
RULES = """
version: "1"
rules:
  - id: west
    kinds: [discharge]
    when: {district: [TN2]}
    to: [{ods: 8HX03, role: action}]
  - id: pain
    kinds: [discharge]
    when: {district: [TN1]}
    to: [{ods: 8PX01, role: action}]
"""
FRIDAY = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)


@dataclass
class Loop:
    """A relay, its clock, and its worker."""

    relay: Relay
    days: list[datetime]
    told: int = field(default=0)

    @property
    def now(self) -> datetime:
        return self.days[0]

    def pass_time(self, *, step: timedelta = timedelta(minutes=15), **time: float) -> None:
        """Let time go by, with a look now and then as a worker has it."""
        end = self.now + timedelta(**time)
        while self.now < end:
            self.days[0] = min(self.now + step, end)
            self.work()

    def at(self, london: str) -> None:
        """Let time go by until a moment in London."""
        wanted = datetime.fromisoformat(london).replace(tzinfo=LONDON).astimezone(UTC)
        self.pass_time(seconds=(wanted - self.now).total_seconds())

    def work(self) -> int:
        return chasing(self.relay.store, self.relay.routing.directory, lambda: self.now).turn()

    def team(self, ods: str) -> Team:
        return Team.of(self.relay, ods)

    def discharge(self, control_id: str = "K0001", **changed: Any) -> str:
        """Send a discharge; return the id of the message."""
        answer = self.team(TRUST).post("/hl7v2", a03(control_id=control_id, **changed))
        assert answer.status_code < 300, answer.get_data(as_text=True)
        source: str = self.team(HOSPICE if "postcode" not in changed else WEEKDAYS).feed()[-1][
            "meta"
        ]["source"]
        return source.removeprefix("urn:uuid:")

    def feed(self, ods: str) -> list[Json]:
        return self.team(ods).feed()

    def said(self, ods: str) -> list[str]:
        """Return the first words of everything that a team was sent."""
        return [one["payload"][0]["contentString"].split(".")[0] for one in self.feed(ods)]

    def tasks(self, ods: str) -> list[Json]:
        bundle = self.team(ods).get(f"/fhir/Task?owner:identifier={ods}").get_json()
        return [entry["resource"] for entry in bundle.get("entry", ())]

    def answer(self, ods: str, status: str, event: int = 0, reason: str = "") -> int:
        """Acknowledge an event of the team's feed; return the status code."""
        id_ = self.feed(ods)[event]["id"]
        parameters: list[Json] = [{"name": "status", "valueCode": status}]
        if reason:
            parameters.append({"name": "reason", "valueString": reason})
        team = self.team(ods)
        return team.http.post(
            f"/fhir/Communication/{id_}/$acknowledge",
            json={"resourceType": "Parameters", "parameter": parameters},
            content_type=FHIR,
            headers={"Authorization": f"Bearer {team.token}"},
        ).status_code


def loop_on(url: str, path: Path, days: list[datetime]) -> Loop:
    """Open a relay on a database; the tests' own directory is in the folder."""
    settings = Settings(database=url)
    mappings, _ = rules(settings.mappings)
    routing = Routing.load(folder(path, DIRECTORY, RULES))
    store = open_store(url, lambda: Instant.of(days[0]))
    return Loop(assemble(settings, store, mappings, routing, lambda: days[0]), days)

"""A team's caseload as tests keep it, and the synthetic patient who is on it."""

from __future__ import annotations

from typing import Any

from service.app import Relay
from service.caseload import Kept, caseloads, read_member
from service.model import Instant, OdsCode
from service.store import AuditEntry
from tests.hl7v2_letters import NHS_NUMBER
from tests.relay_client import Team

BIRTH_DATE = "1944-02-03"
ENTRY = "https://discharge-relay.example/fhir/StructureDefinition/caseload-entry"


def by(relay: Relay, team: str = "8HX03") -> AuditEntry:
    """Who does it."""
    now = Instant.of(relay.clock())
    return AuditEntry(at=now, client="nurse", organisation=team, action="", type="Group")


def put(relay: Relay, team: str = "8HX03", **said: str) -> Kept:
    """Put the synthetic patient, or another, on a team's list."""
    usual = {"nhs_number": NHS_NUMBER, "birth_date": BIRTH_DATE, "basis_text": "Direct care"}
    keeping, _ = caseloads(relay)
    member = read_member({**usual, **said}, keeping.today())
    return keeping.put(OdsCode(team), [member], by(relay, team))


def take_off(relay: Relay, team: str = "8HX03") -> Kept:
    """Take everybody off a team's list."""
    keeping, _ = caseloads(relay)
    ids = [entry.id for entry in relay.store.caseloads.entries(team)]
    return keeping.remove(OdsCode(team), ids, by(relay, team))


def member(number: str = NHS_NUMBER, born: str = BIRTH_DATE, **more: Any) -> dict[str, Any]:
    """A Group.member."""
    basis = {"text": "Direct care"}
    details = [
        {"url": "birthDate", "valueDate": born},
        {"url": "basis", "valueCodeableConcept": basis},
        *more.pop("details", ()),
    ]
    system = "https://fhir.nhs.uk/Id/nhs-number"
    return {
        "extension": [{"url": ENTRY, "extension": details}],
        "entity": {"type": "Patient", "identifier": {"system": system, "value": number}},
        **more,
    }


def group(*members: dict[str, Any]) -> dict[str, Any]:
    """A caseload as its team sends it."""
    made = {"resourceType": "Group", "type": "person", "actual": True}
    return made | {"member": list(members)} if members else made


def reasons(team: Team) -> list[str]:
    """Why a team was told, Task by Task, as its own system reads them."""
    found = team.get("/fhir/Task?_count=100").get_json().get("entry", [])
    return [entry["resource"]["reasonCode"]["text"] for entry in found]


def kinds(team: Team) -> list[str]:
    """What a team was told, event by event."""
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]

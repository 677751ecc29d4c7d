"""A Communication that a sender posted and takes back: whoever got it or a copy hears of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from service.app import Relay
from tests.caseload_lists import put
from tests.mllp_wire import quick_relay
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.store_fixtures"]

PATIENT, STAY, NOTICE = (f"urn:uuid:11111111-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
NAMED, HAVING = "8HX03", "8HX01"


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    with quick_relay(database_url) as relay:
        yield relay


def posted(address: str, kind: str, **elements: Any) -> dict[str, Any]:
    resource = {"resourceType": kind, **elements}
    return {"fullUrl": address, "resource": resource, "request": {"method": "POST", "url": kind}}


def discharge() -> bytes:
    """A transaction with a Communication to one hospice about a stay that has ended."""
    about = {"subject": {"reference": PATIENT}}
    entries = [
        posted(
            PATIENT,
            "Patient",
            identifier=[{"system": NHS, "value": "9990123454"}],
            name=[{"family": "XXTESTPATIENT"}],
            birthDate="1944-02-03",
        ),
        posted(
            STAY,
            "Encounter",
            status="finished",
            **{"class": {"code": "IMP"}},
            period={"start": "2026-11-12T09:00:00Z", "end": "2026-11-20T16:00:00Z"},
            **about,
        ),
        posted(
            NOTICE,
            "Communication",
            status="in-progress",
            encounter={"reference": STAY},
            recipient=[{"identifier": {"system": ODS, "value": NAMED}}],
            payload=[{"contentString": "Discharged home, see plan"}],
            **about,
        ),
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return json.dumps(bundle).encode()


def told(relay: Relay, team: str) -> list[tuple[str, str]]:
    feed = Team.of(relay, team).feed()
    return [(one["status"], one["topic"]["coding"][0]["code"]) for one in feed]


def test_taking_it_back_stops_every_copy_and_tells_no_discharge_anew(relay: Relay) -> None:
    trust = Team.of(relay, "RJZ")
    put(relay, HAVING)
    assert trust.post("/fhir", discharge(), FHIR).status_code == 200
    [notice] = Team.of(relay, NAMED).feed()
    own = trust.get(f"/fhir/Communication/{notice['id']}").get_json()

    answer = trust.put(f"/fhir/Communication/{notice['id']}", own | {"status": "entered-in-error"})

    assert answer.status_code == 200
    assert told(relay, NAMED) == [("entered-in-error", "discharge"), ("in-progress", "document")]
    assert told(relay, HAVING) == [("stopped", "discharge"), ("in-progress", "document")]
    for team in (NAMED, HAVING):
        first, second = Team.of(relay, team).feed()
        assert second["inResponseTo"] == [{"reference": f"Communication/{first['id']}"}]
        tasks = Team.of(relay, team).get("/fhir/Task").get_json()["entry"]
        states = {
            task["resource"]["focus"]["reference"]: task["resource"]["status"] for task in tasks
        }
        assert states[f"Communication/{first['id']}"] == "cancelled"

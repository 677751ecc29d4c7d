"""A death that is posted as a new Patient: whoever holds an older record of the person hears."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures"]

DISCHARGE = bundled_folder("mappings") / "examples" / "rvv-transaction-discharge.json"
Json = dict[str, Any]


@pytest.fixture
def east_kent(relay: Relay) -> Team:
    """East Kent's integration engine, after it sent a discharge."""
    team = Team.of(relay, "RVV")
    assert team.post("/fhir", DISCHARGE.read_bytes(), FHIR).status_code == 200
    return team


@pytest.fixture
def told(relay: Relay) -> Team:
    """The hospice that was told of the discharge."""
    return Team.of(relay, "8HX01")


def only(team: Team, kind: str) -> Json:
    (entry,) = team.get(f"/fhir/{kind}").get_json()["entry"]
    return dict(entry["resource"])


def kinds(team: Team) -> list[str]:
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]


def another_record(team: Team, **changed: Any) -> Json:
    """The patient of the discharge as a new resource, as a system posts it that keeps no ids."""
    known = only(team, "Patient")
    return {name: value for name, value in known.items() if name not in ("id", "meta")} | changed


def create(team: Team, patient: Json) -> int:
    return team.post("/fhir/Patient", json.dumps(patient).encode(), FHIR).status_code


def test_a_death_posted_as_a_new_patient_follows_to_who_holds_the_older_record(
    east_kent: Team, told: Team
) -> None:
    dead = another_record(
        east_kent, deceasedDateTime="2025-05-08", identifier=nhs_number(east_kent)
    )

    assert create(east_kent, dead) == 201
    assert create(east_kent, {**dead, "gender": "unknown"}) == 201  # no news any more

    assert kinds(told) == ["discharge", "death"]
    notice = told.feed()[1]
    assert "died" in notice["payload"][0]["contentString"]
    subject = told.get(f"/fhir/{notice['subject']['reference']}").get_json()
    assert subject["deceasedDateTime"] == "2025-05-08"


def test_a_death_in_a_transaction_of_its_own_follows_once(east_kent: Team, told: Team) -> None:
    bundle = json.loads(DISCHARGE.read_bytes())
    patient, stay = bundle["entry"][0]["resource"], bundle["entry"][1]["resource"]
    del patient["identifier"], stay["identifier"]
    patient |= {"identifier": nhs_number(east_kent), "deceasedBoolean": True}
    for entry in bundle["entry"]:
        entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": bundle["entry"][:2]}

    assert east_kent.post("/fhir", json.dumps(bundle).encode(), FHIR).status_code == 200

    assert kinds(told) == ["discharge", "death"]


STRANGERS = {
    "somebody else of this number": {"birthDate": "1931-01-02", "name": [{"family": "Other"}]},
    "no number": {"identifier": [{"system": "https://fhir.nhs.uk/RVV/Id/MRN", "value": "V9"}]},
    "alive": {"deceasedBoolean": False},
}


@pytest.mark.parametrize("changed", STRANGERS.values(), ids=STRANGERS)
def test_nobody_is_told_of_the_death_of_another_or_of_none(
    changed: Json, east_kent: Team, told: Team
) -> None:
    dead = another_record(east_kent, deceasedBoolean=True, identifier=nhs_number(east_kent))

    assert create(east_kent, {**dead, **changed}) == 201

    assert kinds(told) == ["discharge"]


def test_a_restricted_record_of_a_death_is_refused_where_others_would_be_shown_it(
    east_kent: Team, told: Team, relay: Relay
) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    dead = another_record(east_kent, deceasedBoolean=True, identifier=nhs_number(east_kent))

    assert create(east_kent, {**dead, "meta": {"security": [label]}}) == 422

    assert kinds(told) == ["discharge"]
    assert len(relay.store.dead_letters.list()) == 1


def nhs_number(team: Team) -> list[Json]:
    """The national number of the patient, without the hospital's."""
    numbers: list[Json] = only(team, "Patient")["identifier"]
    return [number for number in numbers if number["system"].endswith("/nhs-number")]

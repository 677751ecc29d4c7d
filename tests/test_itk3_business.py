"""The business acknowledgement of an ITK3 message: what its recipients answered."""

from __future__ import annotations

import pytest

from service.app import Relay
from tests.itk3_messages import MESSAGE_ID, XML, discharge, read
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures", "tests.kent_fixtures"]

ADDRESS = f"/itk/acknowledgements/{MESSAGE_ID}"


@pytest.fixture
def surgery(relay: Relay) -> Team:
    """The GP practice that it names."""
    return Team.of(relay, "G99901")


def answer(team: Team, status: str, reason: str = "") -> None:
    """Answer the team's one open Task."""
    system = "https://fhir.nhs.uk/Id/ods-organization-code"
    found = team.get(f"/fhir/Task?owner:identifier={system}|{team.ods}").get_json()
    (task,) = [entry["resource"] for entry in found["entry"]]
    changed = {**task, "status": status}
    if reason:
        changed["statusReason"] = {"text": reason}
    etag = f'W/"{task["meta"]["versionId"]}"'
    assert team.put(f"/fhir/Task/{task['id']}", changed, If_Match=etag).status_code == 200


def test_nobody_speaks_for_the_recipients_before_they_have_answered(kent: Team) -> None:
    kent.post("/fhir", discharge(), XML)

    assert kent.get(ADDRESS).status_code == 202


def test_whoever_accepts_it_knows_the_patient(kent: Team, pilgrims: Team) -> None:
    kent.post("/fhir", discharge(), XML)
    answer(pilgrims, "accepted")

    told = read(kent.get(ADDRESS))

    assert (told.event, told.answers, told.code) == ("ITK008M", MESSAGE_ID, "ok")
    assert told.codes == ("30001",)
    assert told.reference == "toc-000417"


def test_that_nobody_knows_the_patient_is_said_when_all_have_said_so(
    kent: Team, pilgrims: Team, surgery: Team
) -> None:
    kent.post("/fhir", discharge(), XML)
    answer(pilgrims, "rejected", "Patient not known here (30002)")
    between = kent.get(ADDRESS).status_code
    answer(surgery, "rejected", "Patient not known here (41002)")

    told = read(kent.get(ADDRESS))

    assert between == 202
    assert (told.code, told.codes) == ("fatal-error", ("30002",))


def test_a_rejection_for_another_reason_says_nothing_of_the_patient(
    kent: Team, pilgrims: Team, surgery: Team
) -> None:
    kent.post("/fhir", discharge(), XML)
    answer(pilgrims, "rejected", "no bed free")
    answer(surgery, "rejected", "sent by mistake")

    assert kent.get(ADDRESS).status_code == 202


@pytest.mark.parametrize(
    ("sent", "asking"),
    [
        pytest.param(discharge(business="false"), "RVV", id="not asked for"),
        pytest.param(discharge(), "RJZ", id="another's message"),
        pytest.param(b"", "RVV", id="no such message"),
    ],
)
def test_there_is_none_where_none_is_due(
    sent: bytes, asking: str, relay: Relay, kent: Team
) -> None:
    if sent:
        kent.post("/fhir", sent, XML)

    assert Team.of(relay, asking).get(ADDRESS).status_code == 404

"""`route`: why this team is told, why that one is not, by the rules of which day."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.bundled import bundled_folder
from service.cli import main
from service.cli.convert import offline_converter
from service.conversion import Attempt
from service.delivery.routing import Routing
from service.explaining.routes import routed, why
from service.model import OdsCode
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.mllp_wire import quick_relay
from tests.relay_client import Team
from tests.routing_fixtures import folder
from tests.simulated_days import DIRECTORY

pytest_plugins = ["tests.store_fixtures"]

RULES = """
version: "7"
rules:
  - id: west-palliative
    kinds: [discharge]
    from: 2026-12-01
    when: {district: [TN2], specialty: ["315"]}
    to: [{ods: 8HX03, role: action}]
  - id: north
    kinds: [discharge]
    when: {district: [ME1]}
    to: [{ods: 8HX02, role: information}]
fallback:
  - id: nobody-else
    kinds: [referral]
    to: [{ods: 8HX01, role: action}]
"""


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base mapping for HL7 v2 alone, with the tests' directory and rules."""
    made = tmp_path_factory.mktemp("mappings")
    for name in ("base", "tables", "examples", "schema.json"):
        (made / name).symlink_to(bundled_folder("mappings") / name)
    return folder(made, DIRECTORY, RULES)


@pytest.fixture
def message(tmp_path: Path) -> Path:
    path = tmp_path / "message.hl7"
    path.write_bytes(a03())
    return path


@pytest.fixture(scope="module")
def attempt(mappings: Path) -> Attempt:
    """The message as it is read without a database, once for all tests."""
    [made] = offline_converter(mappings).attempts(a03(), sender=OdsCode("RJZ"))
    return made


def route(mappings: Path, *arguments: object) -> Result:
    said = ["route", *map(str, arguments), "--mappings", str(mappings)]
    return CliRunner().invoke(main, said)


def test_it_shows_who_is_told_and_each_condition_of_each_rule(
    mappings: Path, message: Path
) -> None:
    shown = route(mappings, message, "--explain", "--on", "2026-12-01")

    assert shown.exit_code == 0, shown.output
    assert "8HX03\tWest Hospice\taction\trule west-palliative of routing.yaml" in shown.stdout
    assert "rule (7)\tteam\tholds" in shown.stdout
    north = next(line for line in shown.stdout.splitlines() if line.startswith("north"))
    assert north.split("\t")[1:3] == ["8HX02", "no"]
    assert north.endswith("district ME1")
    assert NHS_NUMBER not in shown.output


@pytest.mark.parametrize(
    ("asked", "told", "said"),
    [
        (("8HX03", "2026-12-01"), 0, "8HX03 is told, for action: rule west-palliative"),
        (("8HX03", "2026-11-30"), 1, "west-palliative does not hold: not in force from 2026-12-01"),
        (("8HX02", "2026-12-01"), 1, "rule north does not hold: not district ME1"),
        (("8HX01", "2026-12-01"), 1, "not kind referral; not nobody else is found to act"),
        (("8PX01", "2026-12-01"), 1, "no rule of routing.yaml leads to it"),
        (("8ZZ99", "2026-12-01"), 1, "it is not in directory.yaml"),
        (("RJZ", "2026-12-01"), 1, "it sends the message"),
        (("G99901", "2026-12-01"), 0, "it is the patient's GP practice"),
    ],
)
def test_it_says_why_a_team_is_told_or_is_not(
    mappings: Path, attempt: Attempt, asked: tuple[str, str], told: int, said: str
) -> None:
    routing, team = Routing.load(mappings), OdsCode(asked[0])
    found = routed(attempt, routing, date.fromisoformat(asked[1]))

    sentences = list(why(found, team, routing))

    assert sentences[0].startswith(f"{team} is told" if told == 0 else f"{team} is not told")
    assert said in "\n".join(sentences)


def test_the_exit_code_says_whether_the_team_is_told(mappings: Path, message: Path) -> None:
    practice = route(mappings, message, "--team", "G99901")
    other = route(mappings, message, "--team", "8HX02")

    assert (practice.exit_code, other.exit_code) == (0, 1)
    assert "8HX02 is not told" in other.stdout


def test_a_restricted_record_says_that_it_is_the_reason(mappings: Path, tmp_path: Path) -> None:
    path = tmp_path / "restricted.hl7"
    path.write_bytes(a03().replace(b"DR^^^GMC\rPV1", b"DR^^^GMC||||||||Y\rPV1"))  # PD1-12

    told = json.loads(route(mappings, path, "--json", "--on", "2026-12-01").stdout)[0]
    shown = route(mappings, path, "--team", "8HX03", "--on", "2026-12-01")

    assert told["restricted"]
    assert [one["ods"] for one in told["recipients"]] == ["G99901"]
    assert "does not hold: the record is restricted" in shown.stdout


def test_a_stored_message_is_routed_again(mappings: Path, sqlite_url: str) -> None:
    with quick_relay(sqlite_url) as relay:
        assert Team.of(relay, "RJZ").post("/hl7v2", a03()).status_code == 200
        source = Team.of(relay, "G99901").feed()[0]["meta"]["source"]

    shown = route(mappings, "--stored", source, "--database", sqlite_url, "--on", "2026-12-01")
    unknown = route(mappings, "--stored", "x", "--database", sqlite_url)

    assert "8HX03\tWest Hospice" in shown.stdout, shown.output
    assert unknown.exit_code == 1
    assert "there is no message x" in unknown.output


def test_a_wrong_use_is_named(mappings: Path, message: Path) -> None:
    neither, day = route(mappings), route(mappings, message, "--on", "soon")

    assert neither.exit_code == day.exit_code == 2
    assert "name a FILE" in neither.output
    assert "YYYY-MM-DD" in day.output

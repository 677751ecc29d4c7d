"""Who is the same patient as before: twins, numbers that are wrong, words instead of numbers."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import Relay
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

PRACTICE, LATER_PRACTICE = "G99901", "G99902"
GIVEN, HOSPITAL, STAY = b"ROSALIND", b"K778899", b"V12345678"
NUMBERS = f"{NHS_NUMBER}^^^NHS^NH~K778899^^^RJZ^MR".encode()
Change = tuple[bytes, bytes]


def sent(team: Team, body: bytes, *changes: Change) -> None:
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    assert team.post("/hl7v2", body).status_code == 200


def patients(team: Team) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in team.get("/fhir/Patient").get_json()["entry"]]


def last_notes(relay: Relay) -> str:
    notice = Team.of(relay, LATER_PRACTICE).feed()[-1]
    return " ".join(note["text"] for note in notice.get("note", ()))


def another(*changes: Change) -> tuple[bytes, tuple[Change, ...]]:
    """A later discharge, from another stay."""
    return a03(control_id="K0002", practice=LATER_PRACTICE), ((STAY, b"V99999999"), *changes)


DIFFERENCES: dict[str, tuple[tuple[Change, ...], int, str]] = {
    "a twin": (((GIVEN, b"MAUD"), (HOSPITAL, b"K111111")), 2, "sent before for somebody else"),
    "another given name": (((GIVEN, b"MAUD"),), 1, "differs from what was sent before"),
    "another hospital number": (((HOSPITAL, b"K111111"),), 1, ""),
    "an initial": (((GIVEN, b"R"), (HOSPITAL, b"K111111")), 1, ""),
    "no given name": (((GIVEN, b""), (HOSPITAL, b"K111111")), 1, ""),
}


@pytest.mark.parametrize(("changes", "records", "doubt"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_given_names_and_hospital_numbers_tell_twins_apart(
    changes: tuple[Change, ...], records: int, doubt: str, trust: Team, relay: Relay
) -> None:
    sent(trust, a03(practice=PRACTICE))
    body, more = another(*changes)
    sent(trust, body, *more)

    assert len(patients(trust)) == records
    assert doubt in last_notes(relay)
    assert doubt or "sent before" not in last_notes(relay)


SHARED = {
    "a wrong NHS number": (b"9990123455^^^NHS^NH", ""),
    "a word for a number": (b"UNKNOWN^^^RJZ^MR", "a number stands for many"),
    "noughts": (b"0000000^^^RJZ^MR", "a number stands for many"),
}


@pytest.mark.parametrize(("numbers", "doubt"), SHARED.values(), ids=SHARED)
def test_what_many_may_have_matches_nobody(
    numbers: bytes, doubt: str, trust: Team, relay: Relay
) -> None:
    sent(trust, a03(practice=PRACTICE), (NUMBERS, numbers))
    body, more = another((NUMBERS, numbers))
    sent(trust, body, *more)

    assert len(patients(trust)) == 2
    assert doubt in last_notes(relay)


@pytest.mark.parametrize("numbers", [numbers for numbers, _ in SHARED.values()], ids=SHARED)
def test_a_patient_without_a_number_is_found_by_the_stay_that_is_cancelled(
    numbers: bytes, trust: Team, relay: Relay
) -> None:
    sent(trust, a03(practice=PRACTICE), (NUMBERS, numbers))
    sent(trust, a03(control_id="K0002", event="A13"), (NUMBERS, numbers))

    first, second = Team.of(relay, PRACTICE).feed()
    assert first["status"] == "stopped"
    assert second["encounter"] == first["encounter"]
    assert len(patients(trust)) == 1


def test_the_stay_of_somebody_else_finds_nobody(trust: Team) -> None:
    number = (NUMBERS, SHARED["a word for a number"][0])
    sent(trust, a03(), number)
    sent(trust, a03(control_id="K0002"), number, (GIVEN, b"MAUD"))

    assert len(patients(trust)) == 2


@pytest.mark.parametrize(("status", "is_doubtful"), [("01", False), ("04", True), ("05", True)])
def test_a_number_that_was_traced_in_vain_is_flagged(
    status: str, is_doubtful: bool, trust: Team, relay: Relay
) -> None:
    telecom = b"02079460001^PRN^PH"
    sent(
        trust,
        a03(practice=LATER_PRACTICE),
        (telecom, telecom + b"|" * 19 + f"NSTS{status}".encode()),
    )

    assert ("when it was traced" in last_notes(relay)) is is_doubtful

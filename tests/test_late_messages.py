"""A message that comes late changes nothing newer; who it names hears what holds, and that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.app import Relay
from tests.hl7v2_letters import a03
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

T1, T2, T3, T4 = (f"20261120{hour}0000" for hour in (10, 11, 12, 13))
LATE = "came after newer ones of its sender"
OTHER = "G99902"


@pytest.fixture
def gp(relay: Relay) -> Team:
    return Team.of(relay, "G99901")


@pytest.fixture
def other_gp(relay: Relay) -> Team:
    return Team.of(relay, OTHER)


def send(team: Team, *messages: bytes) -> None:
    for message in messages:
        answer = team.post("/hl7v2", message)
        assert answer.status_code == 200, answer.text


def adt(event: str, sent: str, **more: Any) -> bytes:
    return a03(event=event, sent=sent, control_id=f"{event}-{sent}", **more)


def kinds(team: Team) -> list[str]:
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]


def notes(notice: dict[str, Any]) -> str:
    return " ".join(note["text"] for note in notice.get("note", ()))


def only(team: Team, kind: str) -> dict[str, Any]:
    (entry,) = team.get(f"/fhir/{kind}").get_json()["entry"]
    return dict(entry["resource"])


def test_a_discharge_that_comes_after_its_cancellation_is_told_as_cancelled(
    trust: Team, gp: Team, other_gp: Team
) -> None:
    send(trust, adt("A13", T2), adt("A03", T1, practice=OTHER))

    (notice,) = other_gp.feed()
    assert kinds(other_gp) == kinds(gp) == ["discharge-cancelled"]
    assert "was cancelled: the patient is still there" in notice["payload"][0]["contentString"]
    assert LATE in notes(notice)
    assert notice["status"] == "in-progress"
    assert only(other_gp, "Encounter")["status"] == "in-progress"


def test_a_discharge_after_the_cancellation_is_a_discharge_again(trust: Team, gp: Team) -> None:
    send(trust, adt("A13", T2), adt("A03", T1), adt("A03", T3))

    assert kinds(gp)[-1] == "discharge"
    assert only(gp, "Encounter")["status"] == "finished"
    assert LATE not in notes(gp.feed()[-1])


def test_a_correction_that_comes_first_is_what_the_late_discharge_tells(
    trust: Team, gp: Team, other_gp: Team
) -> None:
    corrected = adt("A03", T2, discharged="20261120090000")
    send(trust, corrected, adt("A03", T1, discharged="20261120080000", practice=OTHER))

    (notice,) = other_gp.feed()
    assert "20 Nov 2026 09:00" in notice["payload"][0]["contentString"]
    assert only(other_gp, "Encounter")["period"]["end"] == "2026-11-20T09:00:00+00:00"
    assert kinds(gp) == ["discharge"]  # who knows already is not told again


def test_details_that_were_sent_later_stay_and_the_rest_is_filled_in(trust: Team, gp: Team) -> None:
    phone = b"||02079460001^PRN^PH"
    later = adt("A31", T2, postcode="ME16 9ZZ").replace(phone, b"||")
    send(trust, adt("A03", "20261119090000"), later, adt("A31", T1, postcode="TN9 9ZZ"))

    patient = only(gp, "Patient")
    assert [address["postalCode"] for address in patient["address"]] == ["ME16 9ZZ"]
    assert patient["telecom"][0]["value"] == "02079460001"


def test_a_late_message_says_that_newer_details_were_kept(trust: Team, gp: Team) -> None:
    send(trust, adt("A31", T2, postcode="ME16 9ZZ"), adt("A03", T1))

    (notice,) = gp.feed()
    assert notice["topic"]["coding"][0]["code"] == "discharge"
    assert "newer details of the patient came before this message" in notes(notice)


def marked_dead(sent: str) -> bytes:
    dead = b"|02079460001^PRN^PH" + b"|" * 17 + b"Y\rPD1"
    return adt("A31", sent).replace(b"|02079460001^PRN^PH\rPD1", dead)


def test_a_patient_marked_as_dead_in_their_details_is_a_death_to_whoever_holds_them(
    trust: Team, gp: Team
) -> None:
    send(trust, adt("A03", T1), marked_dead(T2), marked_dead(T3))

    assert kinds(gp) == ["discharge", "death"]
    assert "Do not arrange a visit." in gp.feed()[1]["payload"][0]["contentString"]


def test_a_discharge_of_a_patient_who_was_told_as_dead_is_no_invitation_to_visit(
    trust: Team, gp: Team
) -> None:
    send(trust, marked_dead(T1), adt("A03", T2))

    (notice,) = gp.feed()
    assert notice["topic"]["coding"][0]["code"] == "death"
    assert "told before that the patient has died" in notes(notice)


def test_a_death_that_a_discharge_alone_told_is_taken_back_with_it(trust: Team, gp: Team) -> None:
    send(trust, adt("A03", T1, method="79"), adt("A13", T2), adt("A03", T3))

    assert kinds(gp) == ["death", "discharge-cancelled", "discharge"]
    assert "deceasedBoolean" not in only(gp, "Patient")


def test_a_number_that_was_merged_away_finds_the_record_it_went_into(trust: Team, gp: Team) -> None:
    nhs, old = b"9990123454^^^NHS^NH~", (b"K778899^^^RJZ", b"K111111^^^RJZ")
    merge = adt("A40", T2) + b"MRG|K111111^^^RJZ^MR\r"
    late = adt("A03", T1).replace(nhs, b"").replace(*old)
    send(trust, merge, late)

    assert len(trust.get("/fhir/Patient").get_json()["entry"]) == 1
    old_number = [n for n in only(gp, "Patient")["identifier"] if n["value"] == "K111111"]
    assert [number["use"] for number in old_number] == ["old"]


def test_two_messages_of_one_moment_are_taken_in_the_order_they_come(trust: Team, gp: Team) -> None:
    send(trust, adt("A03", T1), adt("A13", T1))

    assert kinds(gp) == ["discharge", "discharge-cancelled"]


def test_a_time_to_come_makes_nothing_late(trust: Team, gp: Team) -> None:
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    send(trust, adt("A03", "20991120100000"), adt("A13", now))

    assert kinds(gp) == ["discharge", "discharge-cancelled"]
    assert LATE not in notes(gp.feed()[1])


def test_an_admission_a_move_and_its_cancellation_reach_whoever_holds_the_patient(
    trust: Team, gp: Team
) -> None:
    new = (b"V12345678", b"V87654321")
    events = [adt(event, sent).replace(*new) for event, sent in (("A01", T2), ("A02", T3))]
    send(trust, adt("A03", T1), *events, adt("A11", T4).replace(*new))

    assert kinds(gp) == ["discharge", "admission", "transfer", "admission-cancelled"]
    assert [notice["status"] for notice in gp.feed()] == ["in-progress", *["stopped"] * 2,
                                                         "in-progress"]  # fmt: skip

"""Corrections, withdrawals, deaths and merges: who hears of them, and what becomes of the first."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from tests.hl7v2_letters import a03
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"
PRACTICE, LATER_PRACTICE = "G99901", "G99902"
OTHER_PERSON = (b"XXTESTPATIENT^ROSALIND", b"XXTESTOTHER^MAUD")


def example(name: str, *changes: tuple[bytes, bytes]) -> bytes:
    body = (EXAMPLES / f"{name}.hl7").read_bytes()
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    return body


def sent(team: Team, *bodies: bytes) -> None:
    for body in bodies:
        response = team.post("/hl7v2", body)
        assert response.status_code == 200, response.text


def kinds(team: Team) -> list[str]:
    return [notice["topic"]["coding"][0]["code"] for notice in team.feed()]


def notes(notice: dict[str, Any]) -> str:
    return " ".join(note["text"] for note in notice.get("note", ()))


@pytest.fixture
def practice(relay: Relay) -> Team:
    return Team.of(relay, PRACTICE)


FOLLOWED = {
    "a cancelled discharge": ({"event": "A13"}, "discharge-cancelled"),
    "a corrected discharge": ({"discharged": "20261120183000"}, "discharge"),
    "a death in the same stay": ({"method": "79"}, "death"),
    "changed details": ({"event": "A31", "postcode": "ME16 9ZZ"}, "patient-update"),
}


@pytest.mark.parametrize(("change", "kind"), FOLLOWED.values(), ids=FOLLOWED)
def test_it_follows_to_whoever_got_the_first(
    change: dict[str, str], kind: str, trust: Team, practice: Team
) -> None:
    sent(trust, a03(practice=PRACTICE))
    sent(trust, a03(control_id="K0002", practice=LATER_PRACTICE, **change))

    assert kinds(practice) == ["discharge", kind]


def test_a_withdrawn_discharge_stops_its_notices_and_cancels_their_tasks(
    trust: Team, practice: Team
) -> None:
    sent(trust, a03(), a03(control_id="K0002", event="A13"))

    first, second = practice.feed()
    tasks = practice.get("/fhir/Task").get_json()["entry"]
    state = {t["resource"]["focus"]["reference"]: t["resource"]["status"] for t in tasks}
    assert first["status"] == "stopped"
    assert second["status"] == "in-progress"
    assert state[f"Communication/{first['id']}"] == "cancelled"
    assert state[f"Communication/{second['id']}"] == "requested"


def test_one_recipient_does_not_come_to_see_anothers_notice_by_its_withdrawal(
    trust: Team, practice: Team, relay: Relay
) -> None:
    sent(trust, a03(practice=PRACTICE))
    sent(trust, a03(control_id="K0002", event="A13", practice=LATER_PRACTICE))

    other = Team.of(relay, LATER_PRACTICE)
    first = practice.feed()[0]
    seen = [entry["resource"]["id"] for entry in other.get("/fhir/Task").get_json()["entry"]]
    mine = [entry["resource"]["id"] for entry in practice.get("/fhir/Task").get_json()["entry"]]
    assert other.get(f"/fhir/Communication/{first['id']}").status_code == 404
    assert not set(seen) & set(mine)


def test_a_withdrawal_of_what_was_never_sent_is_told(trust: Team, practice: Team) -> None:
    sent(trust, a03(event="A13"))

    (notice,) = practice.feed()
    assert "was not sent here before" in notes(notice)


def test_details_that_change_nothing_are_no_news(trust: Team, practice: Team) -> None:
    sent(trust, a03(), a03(control_id="K0002", event="A31"))

    assert kinds(practice) == ["discharge"]


def test_a_known_number_with_another_nhs_number_and_name_is_somebody_else(
    trust: Team, practice: Team, relay: Relay
) -> None:
    sent(trust, a03(practice=PRACTICE))
    body = a03(control_id="K0002", nhs_number="9994512307", practice=LATER_PRACTICE)
    sent(trust, body.replace(*OTHER_PERSON).replace(b"V12345678", b"V99999999"))

    first = practice.feed()[0]
    (notice,) = Team.of(relay, LATER_PRACTICE).feed()
    patient = practice.get(f"/fhir/{first['subject']['reference']}").get_json()
    assert patient["name"][0]["family"] == "XXTESTPATIENT"
    assert notice["subject"]["reference"] != first["subject"]["reference"]
    assert "sent before for somebody else" in notes(notice)
    assert practice.get(f"/fhir/{notice['subject']['reference']}").status_code == 404


def test_both_persons_under_one_number_are_found_again(trust: Team) -> None:
    other = a03(control_id="K0002", nhs_number="9994512307").replace(*OTHER_PERSON)
    again = a03(control_id="K0004", nhs_number="9994512307").replace(*OTHER_PERSON)
    sent(trust, a03(), other, a03(control_id="K0003"), again)

    assert len(trust.get("/fhir/Patient").get_json()["entry"]) == 2


def test_a_stay_number_of_another_patient_is_another_stay(trust: Team, practice: Team) -> None:
    sent(trust, a03(practice=PRACTICE))
    other = a03(control_id="K0002", nhs_number="9994512307", practice=LATER_PRACTICE)
    sent(trust, other.replace(*OTHER_PERSON).replace(b"K778899", b"K111111"))

    (first,) = practice.feed()
    encounter = practice.get(f"/fhir/{first['encounter']['reference']}").get_json()
    assert encounter["subject"]["reference"] == first["subject"]["reference"]
    assert encounter["meta"]["versionId"] == "1"


def test_a_withdrawn_referral_is_revoked_and_its_recipients_told(
    trust: Team, hospice: Team
) -> None:
    sent(trust, example("rjz-i12-hospice"), example("rjz-i14-cancelled"))

    first, second = hospice.feed()
    request = hospice.get(f"/fhir/{first['basedOn'][0]['reference']}").get_json()
    assert kinds(hospice) == ["referral", "referral-cancelled"]
    assert first["status"] == "stopped"
    assert second["basedOn"] == first["basedOn"]
    assert request["status"] == "revoked"


def test_a_referral_number_of_another_patient_is_another_referral(
    trust: Team, hospice: Team
) -> None:
    sent(trust, example("rjz-i12-hospice"))
    other = [
        (b"KCH-REF-0004417", b"KCH-REF-0004418"),
        (b"9990001006", b"9994512307"),
        (b"K0001234", b"K0009999"),
        (b"TESTPATIENT^ROSALIND", b"XXTESTOTHER^MAUD"),
        (b"881200341", b"881209999"),
    ]
    sent(trust, example("rjz-i12-hospice", *other))

    first, second = hospice.feed()
    request = hospice.get(f"/fhir/{first['basedOn'][0]['reference']}").get_json()
    assert request["subject"]["reference"] == first["subject"]["reference"]
    assert first["basedOn"] != second["basedOn"]
    assert "for another patient" in notes(second)


def test_a_withdrawn_document_reaches_whoever_got_it(relay: Relay) -> None:
    dartford = Team.of(relay, "RN7")
    moved = (b"G99907", b"G99908")
    sent(dartford, example("rn7-t02-text"))
    sent(dartford, example("rn7-t11-withdrawn", moved, (b"DS-5501-2", b"DS-5501-1")))

    first = Team.of(relay, "G99907")
    assert len(first.feed()) == 2
    assert "withdrawn" in first.feed()[1]["payload"][0]["contentString"]


def test_a_merge_reaches_whoever_holds_the_record_that_went(trust: Team, practice: Team) -> None:
    sent(trust, a03(practice=PRACTICE))
    merge = a03(control_id="K0002", event="A40", practice=LATER_PRACTICE)
    merge = merge.replace(b"K778899", b"K222222") + b"MRG|K778899^^^RJZ^MR\r"
    sent(trust, merge.replace(b"9990123454^^^NHS^NH~", b""))

    assert kinds(practice) == ["discharge", "patient-merge"]


def test_a_cancellation_without_the_stays_number_reaches_whoever_holds_the_patient(
    trust: Team, practice: Team
) -> None:
    sent(trust, a03(practice=PRACTICE))
    cancelled = a03(control_id="K0002", event="A13", practice=LATER_PRACTICE)
    sent(trust, cancelled.replace(b"V12345678^^^VISITID", b""))

    assert kinds(practice) == ["discharge", "discharge-cancelled"]
    assert "was not sent here before" in notes(practice.feed()[1])


def test_what_is_restricted_later_is_not_shown_to_those_who_hold_the_patient(
    trust: Team, practice: Team
) -> None:
    doctor = b"|G9999991^TESTDOCTOR^PAT^^^DR^^^GMC"
    moved = a03(control_id="K0002", event="A31", practice=LATER_PRACTICE, postcode="ME16 9ZZ")
    sent(trust, a03(practice=PRACTICE))
    sent(trust, moved.replace(doctor, doctor + b"||||||||Y"))

    patients = practice.get("/fhir/Patient").get_json()["entry"]
    assert [entry["resource"]["address"][0]["postalCode"] for entry in patients] == ["TN2 9ZZ"]
    assert kinds(practice) == ["discharge"]

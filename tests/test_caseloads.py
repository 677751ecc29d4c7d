"""Who has the patient on a caseload is told, at once or later, once, and no sender learns it."""

from __future__ import annotations

import json

import pytest

from service.app import Relay
from service.caseload import caseloads
from service.errors import Conflict
from service.model import OdsCode
from service.store import Stale
from tests.caseload_lists import by, kinds, put, reasons, take_off
from tests.hl7v2_letters import a03
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]
AWAY = "SW1A 9ZZ"  # no rule tells the hospice of who lives there


def send(trust: Team, **changed: object) -> str:
    """Send a discharge of somebody who lives far away; return how it was acknowledged."""
    answer = trust.post("/hl7v2", a03(postcode=AWAY, **changed))  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_discharge_reaches_who_has_the_patient_with_a_task_and_the_reason(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay)

    send(trust)

    assert kinds(hospice) == ["discharge"]
    assert reasons(hospice) == ["caseload"]
    [notice] = hospice.feed()
    assert notice["recipient"][0]["identifier"]["value"] == "8HX03"
    assert hospice.get("/fhir/" + notice["subject"]["reference"]).status_code == 200


def test_the_sender_hears_that_teams_were_told_and_not_which(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay)

    ack = send(trust)

    assert "also delivered to teams who have the patient on their caseload" in ack
    assert "8HX03" not in ack
    seen = [
        trust.get(path).get_data(as_text=True)
        for path in ("/fhir/Communication?_count=100", "/fhir/Task?_count=100")
    ]
    assert all("8HX03" not in text for text in seen)
    [notice] = hospice.feed()
    assert trust.get(f"/fhir/Communication/{notice['id']}").status_code == 404
    message = notice["meta"]["source"].removeprefix("urn:uuid:")
    assert "8HX03" not in trust.get(f"/messages/{message}/$explain").get_data(as_text=True)


def test_a_sender_that_tries_out_a_message_learns_nothing_of_caseloads(
    relay: Relay, trust: Team
) -> None:
    put(relay)
    send(trust)

    tried = trust.post("/intake/rjz-adt/$try", a03(postcode=AWAY, control_id="K0009"))

    assert tried.status_code == 200
    assert "8HX03" not in tried.get_data(as_text=True)
    assert "caseload" not in json.dumps(tried.get_json()["messages"][0]["recipients"])


def test_a_discharge_after_the_admission_stays_hidden_from_the_sender(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay)
    send(trust, event="A01", control_id="K1", sent="20261112091000")

    ack = send(trust, control_id="K2")

    assert kinds(hospice) == ["admission", "discharge"]
    assert "8HX03" not in ack
    assert reasons(hospice) == ["caseload", "caseload"]


def test_corrections_and_retractions_follow(relay: Relay, trust: Team, hospice: Team) -> None:
    put(relay)
    send(trust, control_id="K1")

    send(trust, event="A13", control_id="K2", sent="20261120180000")

    assert kinds(hospice) == ["discharge", "discharge-cancelled"]
    first, second = hospice.feed()
    assert (first["status"], second["status"]) == ("stopped", "in-progress")
    tasks = hospice.get("/fhir/Task?_count=100").get_json()["entry"]
    assert [t["resource"]["status"] for t in tasks] == ["cancelled", "requested"]


def test_a_team_answers_and_the_sender_is_not_shown_it(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay)
    send(trust)
    [notice] = hospice.feed()

    done = hospice.post(f"/fhir/Communication/{notice['id']}/$acknowledge", b"", "")

    assert done.status_code == 200
    assert done.get_json()["status"] == "received"
    assert trust.get(f"/fhir/Task/{done.get_json()['id']}").status_code == 404


@pytest.mark.parametrize("wanted", ["referral", "death admission"])
def test_a_team_hears_only_of_what_it_asked_for(
    relay: Relay, trust: Team, hospice: Team, wanted: str
) -> None:
    put(relay, kinds=wanted)

    send(trust)

    assert kinds(hospice) == []


@pytest.mark.parametrize(
    "dates",
    [{"start": "2020-01-01", "end": "2020-02-01"}, {"start": "2099-01-01"}],
)
def test_nobody_is_told_outside_the_dates_of_care(
    relay: Relay, trust: Team, hospice: Team, dates: dict[str, str]
) -> None:
    put(relay, **dates)

    send(trust)

    assert kinds(hospice) == []


def test_taking_a_patient_off_stops_what_is_new(relay: Relay, trust: Team, hospice: Team) -> None:
    put(relay)
    send(trust, control_id="K1")
    take_off(relay)

    for event, control_id in (("A01", "K2"), ("A03", "K3")):
        letter = a03(event=event, postcode=AWAY, control_id=control_id, sent="20261122090000")
        answer = trust.post("/hl7v2", letter.replace(b"V12345678", b"V12345679"))
        assert "also delivered" not in answer.get_data(as_text=True)

    assert kinds(hospice) == ["discharge"]


def test_what_was_told_is_corrected_after_the_patient_was_taken_off(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay)
    send(trust, control_id="K1")
    take_off(relay)

    send(trust, control_id="K2", sent="20261120190000", discharged="20261120153000")

    assert kinds(hospice) == ["discharge", "discharge"]


def test_adding_a_patient_tells_what_happened_before_once_and_in_order(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    send(trust, event="A01", control_id="K1", sent="20261112091000")
    send(trust, control_id="K2")

    kept = put(relay)

    assert (kept.added, kept.told) == (1, 2)
    assert kinds(hospice) == ["admission", "discharge"]
    assert reasons(hospice) == ["caseload", "caseload"]
    take_off(relay)
    assert put(relay).told == 0
    assert kinds(hospice) == ["admission", "discharge"]


def test_what_was_withdrawn_before_is_not_told(relay: Relay, trust: Team, hospice: Team) -> None:
    send(trust, control_id="K1")
    send(trust, event="A13", control_id="K2", sent="20261120180000")

    put(relay)

    assert kinds(hospice) == []


def test_another_birth_date_is_never_told_and_a_person_decides(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay, birth_date="1944-03-02")
    ack = send(trust, control_id="K1")
    _, reviewing = caseloads(relay)

    [waiting] = reviewing.waiting(OdsCode("8HX03"))

    assert kinds(hospice) == []
    assert "caseload" not in ack
    assert waiting.review.why == "birth-date-differs"
    done = reviewing.decide(waiting.review.id, "accepted", "asked the patient", by(relay))
    assert done == 1
    send(trust, event="A13", control_id="K2", sent="20261120180000")
    assert kinds(hospice) == ["discharge", "discharge-cancelled"]
    with pytest.raises(Conflict):
        reviewing.decide(waiting.review.id, "rejected", "again", by(relay))


def test_a_pair_that_was_rejected_is_not_asked_about_again(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    send(trust, control_id="K1")
    assert put(relay, birth_date="1944-03-02").asked == 1
    _, reviewing = caseloads(relay)
    [waiting] = reviewing.waiting(OdsCode("8HX03"))
    reviewing.decide(waiting.review.id, "rejected", "somebody else", by(relay))

    send(trust, control_id="K2", sent="20261120190000")

    assert reviewing.waiting(OdsCode("8HX03")) == []
    assert kinds(hospice) == []


def test_name_birth_date_and_postcode_alone_are_for_a_person_to_decide(
    relay: Relay, trust: Team, hospice: Team
) -> None:
    put(relay, family="XXTESTPATIENT", given="Rosalind", postcode="sw1a9zz")

    send(trust, nhs_number="")

    _, reviewing = caseloads(relay)
    [waiting] = reviewing.waiting(OdsCode("8HX03"))
    assert (waiting.review.why, kinds(hospice)) == ("no-nhs-number", [])


def test_a_list_that_changed_since_it_was_read_is_not_overwritten(relay: Relay) -> None:
    first = put(relay)
    change = relay.store.caseloads.state("8HX03")
    assert change == first.state
    keeping, _ = caseloads(relay)
    put(relay, family="CHANGED")
    with pytest.raises(Exception, match="changed meanwhile"):
        keeping.put(OdsCode("8HX03"), [], by(relay), whole=True, version=first.state.version)
    assert issubclass(Stale, Exception)

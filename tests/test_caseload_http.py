"""A team keeps its caseload over HTTP: as a Group, patient by patient, as CSV; only its own."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import Relay
from tests.caseload_lists import ENTRY, group, kinds, member
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures"]
OWN = "/fhir/Group/caseload-8HX03"
OTHER = "9990000018"
CSV = b"nhs_number,birth_date,basis_text\n%s,03/02/1944,Direct care\n" % NHS_NUMBER.encode()


def numbers(team: Team) -> list[str]:
    found = team.get(OWN).get_json().get("member", [])
    return [one["entity"]["identifier"]["value"] for one in found]


def call(team: Team, operation: str, *parameters: dict[str, Any]) -> Any:
    body = {"resourceType": "Parameters", "parameter": list(parameters)}
    return team.http.post(
        f"{OWN}/{operation}",
        json=body,
        content_type=FHIR,
        headers={"Authorization": f"Bearer {team.token}"},
    )


def patch(team: Team, operations: list[dict[str, Any]], **headers: str) -> Any:
    return team.http.patch(
        OWN,
        json=operations,
        content_type="application/json-patch+json",
        headers={"Authorization": f"Bearer {team.token}", **headers},
    )


def identifier(number: str) -> dict[str, str]:
    return {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": number}


def test_a_list_is_put_read_patched_and_emptied(hospice: Team) -> None:
    assert hospice.get(OWN).get_json()["quantity"] == 0

    put = hospice.put(OWN, group(member(period={"start": "2026-11-01"})))

    assert put.status_code == 200
    assert numbers(hospice) == [NHS_NUMBER]
    [held] = put.get_json()["member"]
    details = {part["url"] for part in held["extension"][0]["extension"]}
    assert {"birthDate", "basis", "kind", "added", "addedBy"} <= details
    added = patch(
        hospice, [{"op": "add", "path": "/member/-", "value": member(OTHER, "1950-01-01")}]
    )
    assert (added.status_code, added.headers["ETag"]) == (200, 'W/"2"')
    assert numbers(hospice) == [NHS_NUMBER, OTHER]
    stale = patch(hospice, [{"op": "remove", "path": "/member/0"}], **{"If-Match": 'W/"1"'})
    assert stale.status_code == 412
    assert patch(hospice, [{"op": "remove", "path": "/member/0"}]).status_code == 200
    assert numbers(hospice) == [OTHER]
    assert hospice.put(OWN, group()).get_json()["quantity"] == 0


def test_no_other_team_or_trust_sees_or_changes_a_list(relay: Relay, hospice: Team) -> None:
    hospice.put(OWN, group(member()))
    other = Team.of(relay, "RJZ")

    assert other.get(OWN).status_code == 404
    assert other.put(OWN, group()).status_code == 404
    assert patch(other, []).status_code == 404
    assert call(other, "$member-remove").status_code == 404
    assert other.get(f"{OWN}/$reviews").status_code == 404
    assert numbers(hospice) == [NHS_NUMBER]


def test_a_token_that_does_not_cover_groups_is_refused(relay: Relay) -> None:
    reader = Team.of(relay, "8HX03", "system/Communication.rs system/Group.r")

    assert reader.get(OWN).status_code == 200
    assert reader.put(OWN, group()).status_code == 403


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (member(number="9990123455"), "Group.member[0].entity.identifier"),
        (member(born="2099-01-01"), f"Group.member[0].extension('{ENTRY}')"),
        (member(period={"start": "2026-02-01", "end": "2026-01-01"}), "Group.member[0].period"),
        (member(details=[{"url": "kind", "valueCode": "gossip"}]), "Group.member[0].extension"),
    ],
)
def test_every_fault_has_its_place_and_changes_nothing(
    hospice: Team, broken: dict[str, Any], place: str
) -> None:
    answer = hospice.put(OWN, group(broken))

    assert answer.status_code == 422
    told = answer.get_data(as_text=True)
    assert place in told
    assert "9990123455" not in told
    assert numbers(hospice) == []


def test_a_patient_is_added_and_removed_by_an_operation(hospice: Team) -> None:
    added = call(
        hospice,
        "$member-add",
        {"name": "memberId", "valueIdentifier": identifier(NHS_NUMBER)},
        {"name": "birthDate", "valueDate": "1944-02-03"},
        {"name": "basis", "valueCodeableConcept": {"text": "Direct care"}},
    )

    assert added.status_code == 200, added.get_data(as_text=True)
    assert numbers(hospice) == [NHS_NUMBER]
    removed = call(
        hospice, "$member-remove", {"name": "memberId", "valueIdentifier": identifier(NHS_NUMBER)}
    )
    assert removed.status_code == 200
    assert numbers(hospice) == []


def test_a_csv_file_is_tried_then_taken_and_told_what_happened_before(
    trust: Team, hospice: Team
) -> None:
    trust.post("/hl7v2", a03(postcode="SW1A 9ZZ"))

    tried = hospice.post(f"{OWN}/$import?dryRun=true", CSV, "text/csv")
    assert "1 added" in tried.get_data(as_text=True)
    assert numbers(hospice) == []
    taken = hospice.post(f"{OWN}/$import", CSV, "text/csv")

    assert taken.status_code == 200
    assert "1 events of the last days delivered" in taken.get_data(as_text=True)
    assert kinds(hospice) == ["discharge"]


def test_a_csv_file_with_faults_changes_nothing_and_names_line_and_column(hospice: Team) -> None:
    body = CSV + b"9990123455,31/02/1944,\n"

    answer = hospice.post(f"{OWN}/$import", body, "text/csv")

    assert answer.status_code == 422
    told = answer.get_data(as_text=True)
    for place in ("nhs_number", "birth_date", "basis_text"):
        assert f"line 3, column {place}" in told
    assert numbers(hospice) == []


def test_a_near_match_is_shown_without_the_other_record_and_decided(
    trust: Team, hospice: Team
) -> None:
    hospice.put(OWN, group(member(born="1944-03-02")))
    trust.post("/hl7v2", a03(postcode="SW1A 9ZZ"))

    shown = hospice.get(f"{OWN}/$reviews")
    [review] = shown.get_json()["parameter"]
    parts = {
        part["name"]: next(v for k, v in part.items() if k != "name") for part in review["part"]
    }
    assert parts["why"] == "birth-date-differs"
    assert "1944-02-03" not in shown.get_data(as_text=True)
    assert kinds(hospice) == []
    said = (
        {"name": "review", "valueString": parts["id"]},
        {"name": "decision", "valueCode": "accept"},
    )
    assert call(hospice, "$decide", *said).status_code == 400
    reason = {"name": "reason", "valueString": "birth date read off the passport"}
    assert call(hospice, "$decide", *said, reason).status_code == 200
    assert kinds(hospice) == ["discharge"]
    assert call(hospice, "$decide", *said, reason).status_code == 409
    assert "parameter" not in hospice.get(f"{OWN}/$reviews").get_json()


def test_a_restricted_record_is_withheld_and_the_sender_told_so(trust: Team, hospice: Team) -> None:
    hospice.put(OWN, group(member()))
    protected = a03(postcode="SW1A 9ZZ").replace(b"^^^GMC\rPV1", b"^^^GMC||||||||Y\rPV1", 1)

    answer = trust.post("/hl7v2", protected).get_data(as_text=True)

    assert "teams who have the patient on their caseload are not told" in answer
    assert "8HX03" not in answer
    assert kinds(hospice) == []
    emptied = hospice.put(OWN, group())
    assert emptied.status_code == 200
    again = hospice.put(OWN, group(member()))
    assert again.status_code == 200
    assert kinds(hospice) == []

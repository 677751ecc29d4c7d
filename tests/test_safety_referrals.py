"""Referrals: who is asked to act, how urgently, and that no notice contradicts its request."""

from __future__ import annotations

import pytest
from safety_fixtures import PALLIATIVE, RECEIVER, outcome, referral


@pytest.mark.parametrize(
    "service", ["^Palliative care referral", "PALL^Palliative care^L", ""], ids=str
)
def test_a_referral_that_nobody_is_asked_to_act_on_says_so(service: str) -> None:
    told = outcome(referral(rf1=f"P|R|{service}|||REF1^RWF"))

    assert told.acting == set()
    assert "nobody is asked to act on this referral" in told.warnings
    assert all(
        any("nobody is asked to act" in note["text"] for note in notice["note"])
        for notice in told.notices.values()
    )


@pytest.mark.parametrize(
    "receiver",
    [
        "PRD|RT|Hospice|||||8HX01^ODS",
        "PRD|rt|Hospice|||||8HX01^ODS",
        "PRD|ir|Hospice|||||8HX01^ODS",
        "PRD|REFTO^Referred To|Hospice|||||8HX01^ODS",
        "PRD|RT|NURSE^NINA|||||8HX01",
        "PRD|RT|Pilgrims Hospices in East Kent",
        "PRD|CP~RT|Hospice|||||8HX01^ODS",
    ],
)
def test_the_receiver_is_asked_however_its_role_and_code_are_written(receiver: str) -> None:
    told = outcome(referral(receiver, rf1=f"P|U^Urgent|{PALLIATIVE}|||REF1^RWF"))

    assert told.acting == {"8HX01"}  # not the hospice of the place, 8HX03
    assert told.notices["8HX01"]["priority"] == "urgent"
    assert "basedOn" in told.notices["8HX01"]
    performers = told.one("ServiceRequest")["performer"]
    assert [each["identifier"]["value"] for each in performers] == ["8HX01"]
    assert ("has no kind" in told.warnings) == receiver.endswith("|8HX01")


def test_a_provider_of_an_unknown_role_is_flagged_and_told_in_a_note() -> None:
    told = outcome(referral("PRD|CONS^Consulted|Hospice X|||||8HX01^ODS"))

    assert "a provider whose role is not known" in told.warnings
    notes = [note["text"] for note in told.one("ServiceRequest")["note"]]
    assert "CONS Consulted Hospice X 8HX01" in notes


def test_a_receiver_who_is_a_person_without_an_organisation_is_flagged() -> None:
    assert "is a person" in outcome(referral("PRD|RT|NURSE^NINA")).warnings


def test_a_receiver_that_nobody_knows_stands_beside_the_team_that_is_asked() -> None:
    told = outcome(referral("PRD|RT|Some Other Hospice", rf1=f"P|S|{PALLIATIVE}|||REF1^RWF"))

    assert told.acting == {"8HX03"}
    assert told.notices["8HX03"]["priority"] == "stat"
    displays = [each["display"] for each in told.one("ServiceRequest")["performer"]]
    assert displays[0] == "Some Other Hospice"
    assert "the directory has nobody of this name" in told.warnings


@pytest.mark.parametrize(
    ("sent", "priority"),
    [
        *[("R^Routine", "routine"), ("U", "urgent"), ("S", "stat"), ("A", "asap"), ("s", "stat")],
        *[("URGENT", "urgent"), ("Stat", "stat"), ("ASAP", "asap"), ("Routine", "routine")],
    ],
)
def test_a_priority_that_is_understood_is_told_to_the_receiver(sent: str, priority: str) -> None:
    told = outcome(referral(RECEIVER, rf1=f"P|{sent}|{PALLIATIVE}|||REF1^RWF"))

    assert told.one("ServiceRequest")["priority"] == priority
    assert told.notices["8HX01"]["priority"] == priority
    assert all(f"Requested ({priority})" in line for line in told.lines)


@pytest.mark.parametrize(
    ("sent", "words"),
    [("2WW", "2WW"), ("EM", "EM"), ("1^Urgent", "1 Urgent"), ("Two Week Wait", "Two Week Wait")],
)
def test_a_priority_that_is_not_understood_is_shown_as_sent_and_never_called_routine(
    sent: str, words: str
) -> None:
    told = outcome(referral(RECEIVER, rf1=f"P|{sent}|{PALLIATIVE}|||REF1^RWF"))

    request = told.one("ServiceRequest")
    assert "priority" not in request
    assert f"Priority as sent: {words}" in [note["text"] for note in request["note"]]
    assert all(f"Requested (priority as sent: {words})" in line for line in told.lines)
    assert not any("routine" in line for line in told.lines)
    assert "request-priority has no row" in told.warnings
    ends = {task["restriction"]["period"]["end"] for task in told.resources["Task"]}
    # as for urgent, it may well be; a practice has its working hours for it
    assert ends == {"2025-03-15T17:00:00+00:00", "2025-03-17T17:00:00+00:00"}


@pytest.mark.parametrize("event", ["I12", "I13"])
@pytest.mark.parametrize("status", ["R", "E^Expired", "X^Cancelled"])
def test_a_notice_never_asks_for_what_its_request_says_is_over(event: str, status: str) -> None:
    told = outcome(referral(RECEIVER, rf1=f"{status}|R|{PALLIATIVE}|||REF1^RWF", event=event))

    assert told.one("ServiceRequest")["status"] in {"revoked", "unknown"}
    for line in told.lines:
        assert "Requested" not in line
        assert "The request for Referral to palliative care service is" in line
        assert "before acting" in line
    assert "the referral is marked as" in told.warnings or "the status" in told.warnings


@pytest.mark.parametrize("deceased", ["Y", "YES", "true"])
def test_a_referral_of_somebody_marked_as_deceased_is_flagged(deceased: str) -> None:
    body = referral(RECEIVER).replace("GBR^H", "GBR^H" + "|" * 19 + deceased)

    assert "the patient is marked as deceased" in outcome(body).warnings


def test_teams_of_two_addresses_that_are_both_asked_are_told_to_be() -> None:
    home = "1 St^^TOWN^KENT^TN2 9ZZ^GBR^H"
    staying = referral().replace(home, f"{home}~2 St^^CITY^KENT^CT1 9ZZ^GBR^C")

    assert outcome(staying).acting == {"8HX01", "8HX03"}
    assert "teams of several are asked" in outcome(staying).warnings
    assert "teams of several are asked" not in outcome(referral()).warnings

"""Simulated days: who is reminded, who is asked in whose place, what the sender is told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from service.fhir.systems import CONFIDENTIALITY
from tests.api_samples import referral
from tests.hl7v2_letters import NHS_NUMBER
from tests.relay_client import FHIR
from tests.simulated_days import HOSPICE, SECOND, THIRD, TRUST, WEEKDAYS, Loop

pytest_plugins = ["tests.loop_fixtures"]


def test_who_acknowledges_is_not_reminded_and_nobody_else_is_asked(loop: Loop) -> None:
    loop.discharge()
    loop.answer(HOSPICE, "accepted")

    loop.pass_time(days=5, step=timedelta(hours=1))

    assert len(loop.feed(HOSPICE)) == 1
    assert loop.feed(SECOND) == []
    assert loop.feed(TRUST) == []


def test_who_is_silent_is_reminded_once_then_the_next_is_asked_and_the_sender_told(
    loop: Loop,
) -> None:
    loop.discharge()
    original = loop.feed(HOSPICE)[0]

    loop.at("2026-11-21 12:25")  # three quarters of a day are over at 12:30
    before = loop.said(HOSPICE)
    loop.at("2026-11-21 18:25")
    reminded = loop.feed(HOSPICE)
    loop.at("2026-11-21 18:45")

    assert len(before) == 1
    assert len(reminded) == 2
    assert reminded[1]["inResponseTo"][0]["reference"] == f"Communication/{original['id']}"
    assert reminded[1]["payload"][0]["contentString"].startswith(
        "Reminder: Nobody has acknowledged this yet. Please do so by Sat 21 Nov 2026, 18:30."
    )
    [asked] = loop.feed(SECOND)
    assert asked["meta"]["tag"][0]["code"] == "FA"
    assert asked["payload"][0]["contentString"].startswith(
        "West Hospice has not acknowledged this by Sat 21 Nov 2026, 18:30."
    )
    assert asked["subject"] == original["subject"]
    [told] = loop.feed(TRUST)
    assert "East Hospice is asked to act in its place." in told["payload"][0]["contentString"]
    assert told["inResponseTo"][0]["reference"] == f"Communication/{original['id']}"
    notes = [note["text"] for note in loop.tasks(HOSPICE)[0]["note"]]
    assert notes[0] == "Reminded."
    assert notes[1].endswith("East Hospice is asked to act in its place.")
    assert loop.tasks(HOSPICE)[0]["status"] == "requested"


def test_whoever_is_asked_instead_may_read_all_that_the_first_may(loop: Loop) -> None:
    loop.discharge()
    loop.pass_time(days=1, hours=1, step=timedelta(hours=1))
    [asked] = loop.feed(SECOND)
    named = [one["reference"] for one in [asked["subject"], asked["encounter"], *asked["about"]]]

    read = {name: loop.team(SECOND).get(f"/fhir/{name}").status_code for name in named}

    assert set(read.values()) == {200}
    [task] = loop.tasks(SECOND)
    assert task["reasonCode"]["text"] == f"fallback:{HOSPICE}"
    assert task["restriction"]["period"]["end"] == "2026-11-21T22:30:00+00:00"  # its own four hours
    assert loop.team(THIRD).get(f"/fhir/{named[0]}").status_code == 404


def test_when_the_next_is_silent_too_the_one_after_is_asked_and_then_nobody(loop: Loop) -> None:
    loop.discharge()

    loop.pass_time(days=9, step=timedelta(hours=1))

    assert [len(loop.feed(ods)) for ods in (HOSPICE, SECOND, THIRD)] == [2, 2, 2]
    told = [one["payload"][0]["contentString"] for one in loop.feed(TRUST)]
    assert [text.split(" has not")[0] for text in told] == [
        "West Hospice",
        "East Hospice",
        "North Hospice",
    ]
    assert "North Hospice is asked to act" in told[1]
    assert "Nobody else is asked" in told[2]
    assert loop.work() == 0


def test_when_the_stand_in_accepts_the_first_is_told_and_keeps_its_task(loop: Loop) -> None:
    loop.discharge()
    loop.pass_time(days=1, hours=1, step=timedelta(hours=1))

    loop.answer(SECOND, "accepted")
    loop.pass_time(days=9, step=timedelta(hours=1))

    assert loop.said(HOSPICE)[-1] == "East Hospice has acknowledged this in your place"
    assert loop.tasks(HOSPICE)[0]["status"] == "requested"
    assert len(loop.feed(SECOND)) == 1
    assert loop.feed(THIRD) == []
    assert len(loop.feed(TRUST)) == 1


def test_when_the_first_accepts_after_all_the_stand_in_need_not_act(loop: Loop) -> None:
    loop.discharge()
    loop.pass_time(days=1, hours=1, step=timedelta(hours=1))

    loop.answer(HOSPICE, "accepted")
    loop.pass_time(days=9, step=timedelta(hours=1))

    assert loop.said(SECOND)[-1] == (
        "West Hospice has acknowledged this: you need not act in its place any more"
    )
    assert loop.tasks(SECOND)[0]["status"] == "cancelled"
    assert loop.feed(SECOND)[0]["status"] == "stopped"
    assert loop.feed(THIRD) == []


def test_a_receipt_of_the_system_alone_stops_nothing(loop: Loop) -> None:
    loop.discharge()
    loop.answer(HOSPICE, "received")

    loop.pass_time(days=1, hours=1, step=timedelta(hours=1))

    reminder = loop.feed(HOSPICE)[1]["payload"][0]["contentString"]
    assert reminder.startswith("Reminder: Your system has it; nobody has acknowledged this yet.")
    assert "(its system has received it)" in loop.feed(TRUST)[0]["payload"][0]["contentString"]


def test_who_rejects_is_replaced_at_once_and_the_sender_reads_why(loop: Loop) -> None:
    loop.discharge()
    loop.answer(HOSPICE, "rejected", reason="out of our area")

    loop.work()

    assert loop.said(SECOND) == ["West Hospice has rejected this: out of our area"]
    assert loop.said(TRUST) == ["West Hospice has rejected this: out of our area"]
    assert loop.work() == 0


def test_who_is_only_told_is_not_chased(loop: Loop) -> None:
    loop.discharge()

    loop.pass_time(days=9, step=timedelta(hours=1))

    assert len(loop.feed("G99901")) == 1


def test_a_reminder_is_answered_as_what_it_reminds_of(loop: Loop) -> None:
    loop.discharge()
    loop.pass_time(hours=20, step=timedelta(hours=1))

    assert loop.answer(HOSPICE, "accepted", event=1) == 200

    assert loop.tasks(HOSPICE)[0]["status"] == "accepted"


def test_a_friday_evening_is_not_due_on_saturday_and_reaches_who_is_on_duty_at_once(
    loop: Loop,
) -> None:
    loop.discharge(postcode="TN1 9ZZ")

    loop.pass_time(minutes=1)
    asked = loop.said(SECOND)
    loop.at("2026-11-23 16:45")
    over_the_weekend = loop.said(WEEKDAYS)
    loop.at("2026-11-24 09:15")

    assert asked == [
        "Pain Service is closed until Mon 23 Nov 2026, 09:00; please act in its place until then"
    ]
    assert loop.tasks(WEEKDAYS)[0]["restriction"]["period"]["end"] == "2026-11-24T09:00:00+00:00"
    assert [said.startswith("Reminder") for said in over_the_weekend] == [False, True]
    assert loop.said(TRUST)[-1].startswith("Pain Service has not acknowledged this by Tue 24 Nov")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_is_reminded_of_a_patient_who_has_died(loop: Loop) -> None:
    loop.discharge()
    loop.discharge("K0002", method="79", sent="20261120190000")

    loop.pass_time(days=3, step=timedelta(hours=1))

    assert len(loop.feed(HOSPICE)) <= 2
    assert loop.feed(SECOND) == []
    assert loop.tasks(HOSPICE)[0]["note"][-1]["text"] == "Nobody is reminded: the patient has died."


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_withdrawn_is_not_chased(loop: Loop) -> None:
    loop.discharge()
    loop.discharge("K0002", event="A13", sent="20261120190000")
    loop.answer(HOSPICE, "accepted", event=1)

    loop.pass_time(days=3, step=timedelta(hours=1))

    assert len(loop.feed(HOSPICE)) == 2
    assert loop.feed(SECOND) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_took_on_a_later_notice_of_the_same_is_not_chased_for_the_earlier(loop: Loop) -> None:
    loop.discharge()
    loop.discharge("K0002", sent="20261120190000")
    loop.answer(HOSPICE, "accepted", event=1)

    loop.pass_time(days=3, step=timedelta(hours=1))

    assert len(loop.feed(HOSPICE)) == 2
    assert loop.feed(SECOND) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("label", "asked"), [("N", 1), ("R", 0), ("V", 0)])
def test_a_restricted_referral_is_passed_on_to_nobody_else(
    loop: Loop, label: str, asked: int
) -> None:
    posted = referral("1", NHS_NUMBER, HOSPICE)
    labelled = {"system": CONFIDENTIALITY, "code": label}
    posted["entry"][0]["resource"]["meta"] = {"security": [labelled]}
    answer = loop.team(TRUST).post("/fhir", json.dumps(posted).encode(), FHIR)
    assert answer.status_code == 200

    loop.pass_time(hours=25, step=timedelta(hours=1))

    assert len(loop.feed(HOSPICE)) == 2
    assert len(loop.feed(SECOND)) == asked
    told = loop.feed(TRUST)[-1]["payload"][0]["contentString"]
    assert ("The record is restricted" in told) is (not asked)

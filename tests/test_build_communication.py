"""One Communication and one Task for each recipient: what they say of which event."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from build_fixtures import HOSPICE, NOW, PRACTICE, discharge, made

from service.errors import Issue
from service.fhir.build.wording import spoken_time
from service.fhir.validate import check
from service.model import (
    KINDS,
    Coded,
    Document,
    Encounter,
    Moment,
    OdsCode,
    Organisation,
    Recipient,
    Request,
)

Pair = tuple[dict[str, Any], dict[str, Any]]


def told(kind: str = "discharge", recipient: Recipient = HOSPICE, **changes: Any) -> Pair:
    """Return Communication and Task of one recipient."""
    _, communication, task = made(discharge(kind=kind, **changes), recipient).communications[0]
    return communication, task


def line(communication: dict[str, Any]) -> str:
    return str(communication["payload"][0]["contentString"])


def test_every_recipient_gets_its_own():
    built = made(discharge(), HOSPICE, PRACTICE)

    first, second = (communication for _, communication, _ in built.communications)
    assert [each["identifier"]["value"] for each in first["recipient"]] == ["8HX03"]
    assert [each["identifier"]["value"] for each in second["recipient"]] == ["G85001"]
    assert first["identifier"][0] != second["identifier"][0]
    assert first["identifier"][1] == second["identifier"][1]  # the event they share
    assert [each["meta"]["tag"][0]["code"] for each in (first, second)] == ["FA", "FI"]


def test_what_is_asked_goes_to_those_for_action():
    built = made(discharge(), HOSPICE, PRACTICE)
    request = next(each for each in built.resources if each["resourceType"] == "ServiceRequest")

    first, second = (communication for _, communication, _ in built.communications)
    assert first["basedOn"] == [{"reference": f"ServiceRequest/{request['id']}"}]
    assert first["priority"] == "urgent"
    assert second.keys() & {"basedOn", "priority"} == set()
    assert "Joint pain review" not in line(second)


def test_a_request_that_names_its_performer_is_for_that_one_only():
    asked = Request(performers=(Organisation(ods=OdsCode("G85001")),), priority="stat")
    built = made(discharge(requests=(asked,)), HOSPICE, PRACTICE)

    first, second = (communication for _, communication, _ in built.communications)
    assert "basedOn" not in first
    assert (len(second["basedOn"]), second["priority"]) == (1, "stat")


@pytest.mark.parametrize("kind", KINDS)
def test_a_notice_of_every_kind_says_what_happened(kind):
    communication, task = told(kind)

    coding = communication["topic"]["coding"][0]
    assert coding["code"] == kind
    assert communication["topic"]["text"] == coding["display"]
    assert check(communication) == []
    assert check(task) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_names_neither_the_patient_nor_a_diagnosis(kind):
    communication, _ = told(kind)

    for secret in ("Testpatient", "Rosalind", "9990123454", "K123456", "neoplasm", "TN9"):
        assert secret not in line(communication)
        assert secret not in communication["text"]["div"]


def test_a_discharge_says_when_where_from_and_where_to():
    communication, _ = told()

    assert line(communication) == (
        "Discharged on 14 Mar 2025 16:15 from King's College Hospital NHS Foundation Trust,"
        " Davidson Ward, to: Usual place of residence."
        " Requested (urgent) by 21 Mar 2025: Joint pain review at the hospice. For action."
    )
    assert [each["code"] for each in communication["topic"]["coding"]] == [
        "discharge", "373942005", "summary-report",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("display", "told_as"),
    [
        (
            "Usual place of residence unless listed below, for example, a house",
            "Usual place of residence",
        ),
        ("Non-NHS (other than Local Authority) run Hospice", "Non-NHS run Hospice"),
    ],
)
def test_a_destination_is_told_without_the_conditions_of_its_definition(display, told_as):
    stay = Encounter(discharge_destination=Coded(code="19", display=display))

    assert f"to: {told_as}. For action." in line(told(encounter=stay, requests=())[0])


@pytest.mark.parametrize(
    ("moment", "spoken"),
    [
        ("2025", "2025"),
        ("2025-03", "Mar 2025"),
        ("2025-03-04", "4 Mar 2025"),
        ("2025-07-01T12:00:00Z", "1 Jul 2025 13:00"),
        ("2025-07-01T00:30:00+01:00", "1 Jul 2025 00:30"),
    ],
)
def test_times_are_told_as_clocks_in_london_show_them(moment, spoken):
    assert spoken_time(moment) == spoken


@pytest.mark.parametrize(
    ("document", "text", "category"),
    [
        (Document(), "has sent a document about the patient.", "notification"),
        (
            Document(type=Coded(display="Discharge summary")),
            "has sent a document (Discharge summary) about the patient.",
            "notification",
        ),
        (Document(replaces="1"), "has sent a new version of a document", "notification"),
        (Document(status="entered-in-error"), "has withdrawn a document", "alert"),
    ],
)
def test_a_document_is_told_as_new_changed_or_withdrawn(document, text, category):
    communication, _ = told("document", documents=(document,))

    assert text in line(communication)
    assert communication["category"][0]["coding"][0]["code"] == category


def test_a_referral_says_to_everyone_what_is_asked():
    asked = Request(
        service=Coded(text="Joint pain review"),
        performers=(Organisation(ods=OdsCode("8HX03")),),
    )

    for recipient in (HOSPICE, PRACTICE):
        assert "Requested: Joint pain review." in line(
            told("referral", recipient, requests=(asked,))[0]
        )
    withdrawn = line(told("referral-cancelled", requests=(asked,))[0])
    assert "was withdrawn: Joint pain review. Disregard" in withdrawn


def test_a_death_is_an_alert_and_never_an_invitation():
    communication, _ = told("death", recipient=replace(HOSPICE, role="information"))

    assert communication["category"][0]["coding"][0]["code"] == "alert"
    assert communication["topic"]["text"] == "Death notification"
    assert "has died" in line(communication)
    assert "Do not arrange a visit" in line(communication)
    assert "Requested" not in line(communication)
    assert "Discharged" not in line(communication)


def test_a_death_is_told_with_its_date_where_that_is_known():
    died = replace(discharge().patient, died_at=Moment("2025-03"))

    assert line(told("death", patient=died)[0]).startswith("The patient died on Mar 2025, as told")


def test_a_cancelled_discharge_is_withdrawn():
    communication, _ = told("discharge-cancelled")

    assert communication["category"][0]["coding"][0]["code"] == "alert"
    assert "was cancelled: the patient is still there" in line(communication)
    assert "Requested" not in line(communication)


def test_a_notice_says_which_message_it_replaces():
    message = replace(discharge().message, replaces="MSG00041")

    answered = told(message=message)[0]["inResponseTo"][0]

    assert answered["identifier"] == {
        "system": "https://fhir.nhs.uk/RJZ/Id/message",
        "value": "MSG00041",
    }


def test_what_was_doubtful_is_told_in_words():
    issues = (
        Issue(
            severity="warning",
            code="code-invalid",
            text="is not in the table",
            target="encounter.discharge_destination",
            source="PV1-36",
        ),
        Issue(severity="information", code="informational", text="repaired line ends"),
    )

    notes = [each["text"] for each in told(issues=issues)[0]["note"]]

    assert notes == [
        "Warning: is not in the table (encounter.discharge_destination, PV1-36)",
        "Information: repaired line ends",
    ]


def test_the_documents_come_first_among_what_a_notice_is_about():
    built = made(discharge(), HOSPICE)
    communication = built.communications[0][1]

    kinds = [each["reference"].partition("/")[0] for each in communication["about"]]
    assert kinds == ["DocumentReference", "Composition", "DocumentReference"]
    payload = communication["payload"]
    assert [each["contentReference"] for each in payload[1:]] == communication["about"]


@pytest.mark.parametrize(
    ("priorities", "hours"),
    [((), 72), (("routine",), 72), (("routine", "urgent"), 24), (("asap",), 8), (("stat",), 2)],
)
def test_the_more_urgent_the_sooner_it_is_to_be_acknowledged(priorities, hours):
    requests = tuple(Request(priority=priority) for priority in priorities)

    _, task = told(requests=requests)

    end = datetime.fromisoformat(task["restriction"]["period"]["end"])
    assert end - NOW == timedelta(hours=hours)


def test_the_task_is_the_recipients_and_about_its_communication():
    communication, task = told()

    assert task["focus"] == {"reference": f"Communication/{communication['id']}"}
    assert task["owner"] == communication["recipient"][0]
    assert task["groupIdentifier"] == communication["identifier"][1]
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("requested", "queued")


@pytest.mark.parametrize(
    ("because", "codes"),
    [
        ("named", ["named"]),
        ("gp-practice, rule:kent-pain", ["gp-practice", "rule"]),
        ("rule:a, rule:b", ["rule"]),
        ("a hunch", ["other"]),
    ],
)
def test_the_task_says_why_this_recipient_must_know(because, codes):
    _, task = told(recipient=replace(HOSPICE, because=because))

    assert [each["code"] for each in task["reasonCode"]["coding"]] == codes
    assert task["reasonCode"]["text"] == because


def test_the_only_recipient_of_a_posted_communication_gets_that_one():
    posted = replace(HOSPICE, reference="Communication/c1")
    _, communication, _ = made(discharge(recipients=(posted,)), posted).communications[0]

    assert communication["id"] == "c1"
    assert "partOf" not in communication


def test_several_recipients_of_a_posted_communication_get_parts_of_it():
    both = (
        replace(HOSPICE, reference="Communication/c1"),
        replace(PRACTICE, reference="Communication/c1"),
    )
    built = made(discharge(recipients=both), *both)

    communications = [communication for _, communication, _ in built.communications]
    assert len({each["id"] for each in communications} - {"c1"}) == 2
    assert {each["partOf"][0]["reference"] for each in communications} == {"Communication/c1"}

"""What each trust's messages become: the facts a next team acts on, read by hand from samples."""

from __future__ import annotations

import re

import pytest
from mapping_samples import FOLDER, converted, doubts, example, fact, read, shipped
from trust_facts_kent import KENT
from trust_facts_london import LONDON

from service.delivery.routing import Routing
from service.formats import FORMATS
from service.mapping import check
from service.model import KINDS, NhsNumber, OdsCode

TRUSTS = {
    "RJZ": "King's College Hospital",
    "RJ1": "Guy's and St Thomas'",
    "RRV": "University College London Hospitals",
    "RAN": "Royal National Orthopaedic Hospital",
    "RWF": "Maidstone and Tunbridge Wells",
    "RVV": "East Kent Hospitals",
    "RPA": "Medway",
    "RN7": "Dartford and Gravesham",
    "RYY": "Kent Community Health",
}

FACTS = {**LONDON, **KENT}

DOUBTFUL = {
    "rjz-a03-doubtful": {
        "message.sent_at",  # the hour came twice
        "message.recorded_at",
        "encounter.discharged_at",  # so did this one, and it is the time of the event
        "encounter.discharge_destination",  # HOTEL is in no table
        "patient.nhs_number",  # wrong check digit
    },
    "rrv-i12-no-prd": {"requests[0].requester"},
}


@pytest.mark.parametrize(("sender", "name"), FACTS, ids=[name for _, name in FACTS])
def test_a_trusts_message_becomes_what_it_says(sender: str, name: str) -> None:
    mapping, transfer = converted(sender, example(name))

    wanted = FACTS[sender, name]
    assert {path: fact(transfer, path) for path in wanted} == wanted
    assert mapping.senders == (sender,)
    assert doubts(transfer) == DOUBTFUL.get(name, set())


def test_a_doubtful_message_is_flagged_field_by_field_and_nothing_in_it_is_guessed() -> None:
    _, transfer = converted("RJZ", example("rjz-a03-doubtful"))

    assert doubts(transfer) == DOUBTFUL["rjz-a03-doubtful"]
    assert transfer.patient.nhs_number is None
    assert "9990001005" in [each.value for each in transfer.patient.identifiers]
    assert transfer.patient.birth_date == "1949"
    assert transfer.patient.gender == "unknown"
    assert transfer.encounter is not None
    assert transfer.encounter.discharged_at == "2025-10-26T01:30:00+01:00"  # the first of two
    assert fact(transfer, "encounter.discharge_destination.text") == "HOTEL"
    assert fact(transfer, "encounter.discharge_destination.code") is None


@pytest.mark.parametrize("sender", TRUSTS)
def test_every_trust_has_a_discharge_and_a_referral_feed(sender: str) -> None:
    kinds = {converted(one, example(name))[1].kind for one, name in FACTS if one == sender}

    assert kinds & {"discharge", "document"}
    assert kinds & {"referral", "referral-update"}


@pytest.mark.parametrize(("sender", "name"), FACTS, ids=[name for _, name in FACTS])
def test_no_issue_tells_a_patients_value(sender: str, name: str) -> None:
    _, transfer = converted(sender, example(name))
    patient = transfer.patient
    secrets = {patient.family, patient.nhs_number, patient.birth_date, *patient.given}
    secrets |= {each.postcode for each in patient.addresses}

    told = " ".join(issue.text for issue in transfer.issues)
    assert not [secret for secret in secrets if secret and len(secret) > 1 and secret in told]


REPORT = check(FOLDER, formats=FORMATS)
# What examples hold on purpose to be left out, or what has no home in the record (yet).
LEFT = re.compile(
    r"OBX(\[\d\])?-(8|14)"  # flags and times of observations
    r"|ZU1-\d+"  # a segment of the sender's own
    r"|PRD\[2\]-(2\.5|5\.[123])|PRD\[5\]-7\.2"  # how to reach the one referred to
    r"|OBX\[1\]-5\.[245]"  # an attachment posted as wrong
    r"|OBR-4\.\d|OBX\[2\]-(2|3\.\d|5)|OBX\[3\]-6"  # a result posted as wrong
    r"|ORC\[2\]-(1|2\.2|9)|OBR\[2\]-(2\.2|4\.[23]|24)"  # a test ordered beside a consult: told
    r"|entry\[13\]\.resource\.medicationCodeableConcept\.text"  # a stopped medicine
    r"|entry\[4\]\.resource\.category.*"
)


def test_the_shipped_mappings_have_no_fault_and_nothing_in_them_is_idle() -> None:
    assert [str(fault) for fault in REPORT.faults] == []
    idle = ("unreachable", "unused-table", "unused-name", "no-recipients", "no-description")
    assert [str(odd) for m in REPORT.mappings for odd in m.advice if odd.kind in idle] == []
    assert [str(stray) for stray in REPORT.strays] == []


@pytest.mark.parametrize("mapping", REPORT.mappings, ids=lambda mapping: mapping.id)
def test_few_fields_of_an_example_are_read_by_no_rule_and_each_is_known(mapping: object) -> None:
    for one in mapping.examples:  # type: ignore[attr-defined]
        assert one.passed, one.name
        unknown = [place for place in one.unread if not LEFT.fullmatch(place)]
        assert unknown == [], f"{one.name}: read it, or name it under ignored"


def test_a_field_that_no_rule_reads_is_reported() -> None:
    body = example("rwf-a03-home").replace(b"ZU1|", b"ZAP|something\nZU1|")
    source = read(body)

    unread, _ = shipped().by_id("rwf-adt").left_out(source)

    assert "ZAP-1" in unread


def test_every_kind_of_transfer_has_an_example() -> None:
    examples = [one.name for mapping in REPORT.mappings for one in mapping.examples]
    text = "".join((FOLDER / f"{name}.expected.json").read_text("utf-8") for name in set(examples))

    assert [kind for kind in KINDS if f'"kind": "{kind}"' not in text] == []


def test_every_example_is_about_a_synthetic_patient() -> None:
    for path in sorted(FOLDER.glob("examples/*.expected.json")):
        number = re.search(r'"nhs_number": "(\d+)"', path.read_text("utf-8"))
        if number:
            assert NhsNumber.parse(number[1]).startswith("999"), path.name


@pytest.mark.parametrize(
    ("sender", "name", "whom"),
    [
        ("RJZ", "rjz-a03-home", {"8HX03", "8PX01", "G99901"}),
        ("RJZ", "rjz-a03-died", {"8HX01", "G99901"}),
        ("RJZ", "rjz-i12-hospice", {"8HX03", "8PX01", "8HX02", "G99901"}),
        ("RJ1", "rj1-a03-hospice", {"8HX01", "8PX03", "RYY", "G99902"}),
        ("RJ1", "rj1-transaction-referral", {"8HX03", "G99901"}),
        ("RRV", "rrv-i12-no-prd", {"8PX01", "G99901"}),
        ("RWF", "rwf-a03-home", {"8HX02", "G99904"}),
        ("RWF", "rwf-document-discharge", {"8HX03", "G99901"}),
        ("RVV", "rvv-i12-free-text", {"8PX03", "G99905"}),
        ("RPA", "rpa-t02-restricted", {"G99906"}),
        ("RN7", "rn7-i12-text", {"8HX03"}),
        ("RYY", "ryy-message-referral", {"8PX03", "G99903"}),
    ],
)
def test_the_right_teams_are_found(sender: str, name: str, whom: set[str]) -> None:
    _, transfer = converted(sender, example(name))

    routed = Routing.load(FOLDER).recipients(transfer)

    assert {each.ods for each in routed.recipients} == whom
    if transfer.kind == "death":
        assert {each.role for each in routed.recipients} == {"information"}


def test_every_sender_and_recipient_of_the_mappings_is_in_the_directory() -> None:
    directory = Routing.load(FOLDER).directory

    assert all(directory.by_code(OdsCode(sender)) for sender in TRUSTS)

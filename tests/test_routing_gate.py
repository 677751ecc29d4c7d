"""The routing file's own examples, days, conditions on the record, and who is told if nobody is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from routing_fixtures import DIRECTORY, MAPPINGS, RULES, folder, living_at, stay, transfer

from service.delivery.directory import RoutingFaults
from service.delivery.routing import Routing
from service.model import OdsCode, Patient, Practitioner, Recipient, Request

EXAMPLES = """
examples:
  - id: east
    kind: discharge
    postcode: CT1 9ZZ
    diagnosis: [Z51.5]
    practice: G99901
    to: {8HX01: information, G99901: information}
"""
DATED = """
version: "2"
rules:
  - id: winter
    kinds: [discharge]
    from: 2026-12-01
    until: 2027-03-31
    when: {district: [TN2]}
    to: [{ods: 8HX01, role: action}]
"""
ON_THE_RECORD = """
version: "2"
rules:
  - id: by-record
    kinds: [discharge]
    when: {district: [TN2], record: "encounter.specialty.code = '191' and not exists requests"}
    to: [{ods: 8HX01, role: information}]
"""
SPARE = """
version: "2"
rules:
  - id: south
    kinds: [discharge, referral]
    when: {district: [TN2]}
    to: [{ods: 8HX01, role: information}]
fallback:
  - id: nobody-else
    kinds: [discharge, referral]
    to: [{ods: 8PX01, role: action}]
  - id: nobody-at-all
    kinds: [death]
    when: {district: [TN2]}
    to: [{ods: RWF, role: information}]
"""


def faults(path: Path, rules: str) -> list[str]:
    with pytest.raises(RoutingFaults) as caught:
        Routing.load(folder(path, DIRECTORY, rules))
    return [f"{fault.line}: {fault.text}" for fault in caught.value.faults]


def told(routing: Routing, kind: str = "discharge", on: str = "", **fields: object) -> set[str]:
    day = date.fromisoformat(on) if on else None
    routed = routing.recipients(transfer(kind, **fields), day)
    return {f"{one.ods} {one.role} {one.because}" for one in routed.recipients}


def test_examples_that_are_told_to_whom_they_name_let_the_file_load(tmp_path: Path) -> None:
    assert Routing.load(folder(tmp_path, DIRECTORY, RULES + EXAMPLES)).version == "1"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("{G99901: information}", "8HX01 is told too, for information (rule:palliative-east)"),
        ("{8HX01: action, G99901: information}", "8HX01 is told for information, not for action"),
        ("{8HX01: information, G99901: information, RWF: action}", "RWF is not told"),
    ],
)
def test_an_example_that_is_told_to_others_refuses_the_file_with_its_line(
    tmp_path: Path, said: str, fault: str
) -> None:
    rules = (RULES + EXAMPLES).replace("{8HX01: information, G99901: information}", said)
    line = rules[: rules.index("    to: " + said)].count("\n") + 1

    assert faults(tmp_path, rules) == [f"{line}: example east: {fault}"]


def test_an_example_of_a_restricted_record_is_told_by_no_rule(tmp_path: Path) -> None:
    rules = (RULES + EXAMPLES).replace(
        "kind: discharge\n    p", "kind: discharge\n    restricted: true\n    p"
    )

    assert faults(tmp_path, rules)[0].endswith("8HX01 is not told")


def test_every_shipped_rule_is_tried_by_an_example() -> None:
    shipped = Routing.load(MAPPINGS)

    assert shipped.version
    assert shipped.untried == ()


def test_a_rule_counts_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    routing = Routing.load(folder(tmp_path, DIRECTORY, DATED))
    patient = living_at("TN2 9ZZ")
    days = ("2026-11-30", "2026-12-01", "2027-03-31", "2027-04-01")

    assert [len(told(routing, on=day, patient=patient)) for day in days] == [0, 1, 1, 0]


def test_the_day_is_that_of_the_clock_in_london(tmp_path: Path) -> None:
    routing = Routing.load(folder(tmp_path, DIRECTORY, DATED))
    last = routing.going_by(lambda: datetime(2027, 3, 31, 22, 59, tzinfo=UTC))
    after = routing.going_by(lambda: datetime(2027, 3, 31, 23, 1, tzinfo=UTC))  # summer time

    patient = living_at("TN2 9ZZ")
    assert told(last, patient=patient) == {"8HX01 action rule:winter"}
    assert told(after, patient=patient) == set()


def test_days_that_cannot_be_and_examples_without_one_are_refused(tmp_path: Path) -> None:
    wrong = DATED.replace("2026-12-01", "2027-02-30").replace("id: winter", "id: a") + (
        DATED.partition("rules:\n")[2].replace("2027-03-31", "2026-03-31")
    )
    undated = DATED + "examples:\n  - {id: one, kind: discharge, to: {}}\n"

    assert faults(tmp_path, wrong) == ["6: 2027-02-30 is no day", "13: it ends before it begins"]
    assert faults(tmp_path, undated) == [
        "11: example one: say on which day: rules here have a first or last one"
    ]


def test_a_rule_asks_the_record_in_the_language_of_mappings(tmp_path: Path) -> None:
    routing = Routing.load(folder(tmp_path, DIRECTORY, ON_THE_RECORD))
    patient = living_at("TN2 9ZZ")

    assert told(routing, patient=patient, encounter=stay(specialty="191"))
    assert not told(routing, patient=patient, encounter=stay(specialty="100"))
    assert not told(
        routing, patient=patient, encounter=stay(specialty="191"), requests=(Request(),)
    )


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ("encounter.colour = 'red'", "Encounter has no field colour"),
        ("encounter = 'x'", "encounter has parts and no text of its own"),
        ("encounter.specialty.code", "expected"),
        ("exists documents.content", "holds bytes"),
    ],
)
def test_a_condition_that_asks_for_what_is_not_there_is_refused_with_its_line(
    tmp_path: Path, condition: str, fault: str
) -> None:
    written = ON_THE_RECORD.partition('record: "')[0] + f'record: "{condition}"}}\n'
    rules = written + "    to: [{ods: 8HX01, role: information}]\n"

    [told_] = faults(tmp_path, rules)

    assert told_.startswith("6: ")
    assert fault in told_


def test_the_fallback_is_told_only_where_nobody_else_is(tmp_path: Path) -> None:
    routing = Routing.load(folder(tmp_path, DIRECTORY, SPARE))
    elsewhere, here = living_at("CT1 9ZZ"), living_at("TN2 9ZZ")
    fell_back = {"8PX01 action rule:nobody-else"}

    assert told(routing, patient=elsewhere) == fell_back
    assert told(routing, patient=here) == {"8HX01 information rule:south"}
    assert told(routing, "death", patient=here) == {"RWF information rule:nobody-at-all"}
    assert told(routing, "death", patient=elsewhere) == set()


def test_a_referral_falls_back_where_nobody_is_asked_to_act(tmp_path: Path) -> None:
    routing = Routing.load(folder(tmp_path, DIRECTORY, SPARE))
    here, asked = living_at("TN2 9ZZ"), (Request(requester=Practitioner(family="X")),)
    named = (Recipient(ods=OdsCode("8HX01"), role="action"),)

    assert "8PX01 action rule:nobody-else" in told(
        routing, "referral", patient=here, requests=asked
    )
    assert "8PX01" not in str(
        told(routing, "referral", patient=here, requests=asked, recipients=named)
    )


def test_a_restricted_record_never_falls_back(tmp_path: Path) -> None:
    routing = Routing.load(folder(tmp_path, DIRECTORY, SPARE))
    restricted = Patient(restricted=True)

    assert told(routing, patient=restricted) == set()
    assert told(routing, "referral", patient=restricted) == set()


def test_an_explanation_says_of_each_condition_whether_it_holds(tmp_path: Path) -> None:
    routing = Routing.load(
        folder(
            tmp_path,
            DIRECTORY,
            DATED + SPARE.partition("fallback:")[1] + (SPARE.partition("fallback:")[2]),
        )
    )

    winter, spare, _ = routing.explain(transfer(patient=living_at("TN2 9ZZ")), date(2026, 11, 30))

    assert ("in force from 2026-12-01 until 2027-03-31", False) in winter.conditions
    assert not winter.held
    assert ("nobody else is found to act", True) in spare.conditions
    assert (spare.held, spare.to) == (True, ("8PX01",))

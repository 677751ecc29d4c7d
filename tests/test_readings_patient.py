"""Names, dates, addresses and the GP practice, where a message says more or less than is due."""

from __future__ import annotations

from typing import Any

import pytest
from mapping_samples import FOLDER, converted, doubts, fact
from reading_messages import discharge

from service.delivery.routing import Routing

ROUTING = Routing.load(FOLDER)


@pytest.mark.parametrize(
    ("fields", "doubtful"),
    [
        ({}, set()),
        ({"name": ""}, {"patient.family"}),
        ({"name": "PARTNER^BOB^^^^^P"}, {"patient.family"}),
        ({"name": "OLD^ANN^^^^^L~NEW^ANN^^^^^L"}, {"patient.family"}),
        ({"born": "20651213"}, {"patient.birth_date"}),
        ({"born": "20250315"}, {"patient.birth_date"}),  # the day after the message
        ({"born": "20250314"}, set()),
        ({"born": "2025"}, set()),
        ({"left": "20990714161500"}, {"encounter.discharged_at"}),
        ({"left": "202503142359"}, set()),
        ({"left": "20250301"}, {"encounter.discharged_at"}),  # before the admission
        ({"left": "202503141200~202503131200"}, {"encounter.discharged_at"}),
    ],
    ids=str,
)
def test_what_cannot_be_right_or_is_not_one_value_is_flagged(
    fields: dict[str, Any], doubtful: set[str]
) -> None:
    assert doubts(converted("RWF", discharge(**fields))[1]) == doubtful


def test_of_several_times_of_discharge_none_is_taken() -> None:
    _, transfer = converted("RWF", discharge(left="202503141200~202503131200"))

    assert fact(transfer, "encounter.discharged_at") is None


@pytest.mark.parametrize("kind", ["A", "B", "M", "N"])
def test_only_where_there_is_no_other_name_an_alias_or_a_former_one_is_taken(kind: str) -> None:
    _, alone = converted("RWF", discharge(name=f"OTHER^BEA^CLO^^^^{kind}"))
    _, beside = converted("RWF", discharge(name=f"OTHER^BEA^CLO^^^^{kind}~XXTEST^ANN^^^^^L"))

    assert (alone.patient.family, alone.patient.given) == ("OTHER", ("BEA", "CLO"))
    assert "patient.family" in doubts(alone)
    assert (beside.patient.family, beside.patient.given) == ("XXTEST", ("ANN",))
    assert "patient.family" not in doubts(beside)


HOME = "1 St^^TOWN^KENT^CT1 9ZZ^GBR^H"


@pytest.mark.parametrize(
    ("second", "use"),
    [
        ("2 Rd^^TUN^KENT^TN2 9ZZ^GBR^B", "work"),
        ("2 Rd^^TUN^KENT^TN2 9ZZ^GBR^H^^^^^20100101&20120101", "old"),
        ("2 Rd^^TUN^KENT^TN2 9ZZ^GBR^H^^^^^^20100101^20120101", "old"),
        ("2 Rd^^TUN^KENT^TN2 9ZZ^GBR^BDL", "old"),
        ("2 Rd^^TUN^KENT^TN2 9ZZ^GBR^N", "old"),
    ],
)
def test_a_team_hears_of_those_who_live_in_its_place_not_who_work_or_lived_there(
    second: str, use: str
) -> None:
    _, transfer = converted("RWF", discharge(address=f"{HOME}~{second}"))

    assert fact(transfer, "patient.addresses[].use") == ("home", use)
    assert {each.ods for each in ROUTING.recipients(transfer).recipients} == {"8HX01", "G99901"}


def test_an_address_that_ends_later_is_where_the_patient_lives() -> None:
    second = "2 Rd^^TUN^KENT^TN2 9ZZ^GBR^C^^^^^20250301&20250601"

    _, transfer = converted("RWF", discharge(address=f"{HOME}~{second}"))

    told = {each.ods for each in ROUTING.recipients(transfer).recipients}
    assert {"8HX01", "8HX03"} <= told


@pytest.mark.parametrize(
    "fields",
    [
        {"practice": "G99901^SURGERY"},
        {"practice": "G99901"},
        {"practice": "g99901^SURGERY"},
        {"practice": "SURGERY^^^^^^^^^G99901"},
        {"practice": "", "gp": "G9999901^EXAMPLE^ADA^^^DR^^^GMP^^^^^G99901"},
        {"practice": "", "more": "ROL|1|AD|PP|G9999902^NEWGP^BEN^^^DR^^^GMP|||||||^^^G99901"},
    ],
    ids=str,
)
@pytest.mark.parametrize("sender", ["RWF", "RJZ"])
def test_the_practice_is_told_wherever_its_code_stands(sender: str, fields: dict[str, Any]) -> None:
    _, transfer = converted(sender, discharge(sender, **fields))

    assert fact(transfer, "patient.gp_practice.ods") == "G99901"
    assert fact(transfer, "patient.gp_practice.name") in {"SURGERY", None}
    assert "G99901" in {each.ods for each in ROUTING.recipients(transfer).recipients}


@pytest.mark.parametrize(
    "fields",
    [
        {"practice": "OLD SURGERY^^G99902~SURGERY^^G99901"},
        {"more": "ROL|1|AD|PP|G9999902^NEWGP^BEN^^^DR^^^GMP|||||||^^^G99902"},
    ],
    ids=str,
)
def test_a_second_practice_is_flagged(fields: dict[str, Any]) -> None:
    assert "patient.gp_practice" in doubts(converted("RWF", discharge(**fields))[1])


def test_people_of_other_roles_are_mentioned() -> None:
    _, transfer = converted("RWF", discharge(more="ROL|1|AD|FHCP|8HX01^^^"))

    assert [issue.source for issue in transfer.issues] == ["ROL-4.1"]


def test_a_primary_care_provider_in_rol_is_the_gp_where_pd1_names_none() -> None:
    body = discharge(practice="", more="ROL|1|AD|PP|G9999902^NEWGP^BEN^^^DR^^^GMP")

    assert fact(converted("RWF", body)[1], "patient.gp.family") == "NEWGP"


@pytest.mark.parametrize("code", ["103735009^Palliative care^SCT", "Z51.5^Palliative care^I10"])
def test_a_palliative_diagnosis_in_either_terminology_reaches_the_hospice(code: str) -> None:
    body = discharge(more=f"DG1|1||{code}||20250312|F").replace(b"|315|", b"|300|")

    _, transfer = converted("RWF", body)

    assert "8HX03" in {each.ods for each in ROUTING.recipients(transfer).recipients}

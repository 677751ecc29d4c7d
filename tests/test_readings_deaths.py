"""A death is told in many ways, and in each it is a death or at the least a warning."""

from __future__ import annotations

from typing import Any

import pytest
from mapping_samples import converted, doubts, fact
from reading_messages import discharge

ITK = ("RWF", "RAN", "RVV", "RN7", "RPA", "RYY", "RXX")
EPIC = ("RJZ", "RJ1", "RRV")

PLAIN: list[dict[str, Any]] = [
    *[{"dead": dead} for dead in ("Y", "y", "YES", "Yes", "true", "TRUE", "T", "1", "D", "Dead")],
    {"died": "202503141200"},
    {"died": "20250314", "dead": "N"},  # they contradict each other: the worse is taken
    {"method": "79"},
    {"destination": "79"},
    {"method": "79", "destination": "19"},
    *[
        {"method": word}
        for word in ("DIED", "Dead", "Deceased", "Expired", "Death", "RIP", "R.I.P.", "DTH", "DOA")
    ],
    *[{"method": f"20^{word}"} for word in ("Death", "Patient died", "Patient has died")],
    {"method": "DTH^Patient Died"},
    *[{"destination": word} for word in ("Mortuary", "MORTUARY", "Hospital mortuary", "Died")],
    {"destination": "X&Mortuary"},
    {"method": "Not applicable - patient died or stillbirth"},
]


@pytest.mark.parametrize("sender", [*ITK, *EPIC])
@pytest.mark.parametrize("told", PLAIN, ids=str)
def test_a_death_told_in_any_plain_way_is_a_death(sender: str, told: dict[str, Any]) -> None:
    _, transfer = converted(sender, discharge(sender, **told))

    assert transfer.kind == "death"


@pytest.mark.parametrize("sender", ITK)
@pytest.mark.parametrize("method", ["4", "04", "5", "05", " 4"])
def test_the_method_died_is_a_death_where_pv1_36_is_the_method(sender: str, method: str) -> None:
    _, transfer = converted(sender, discharge(sender, method=method))

    assert transfer.kind == "death"
    assert fact(transfer, "encounter.discharge_method.code") == method.strip().lstrip("0")


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        *[("RJZ", {"method": code}) for code in ("4", "04", "5")],  # the method in Epic's field
        *[("RWF", {"destination": code}) for code in ("4", "5")],
        *[(sender, {"method": "20"}) for sender in ("RWF", "RJZ")],  # HL7 table 0112: expired
        *[(sender, {"method": "41"}) for sender in ("RWF", "RJZ")],
        ("RWF", {"destination": "Preferred place of death"}),
        ("RJZ", {"method": "19^Home, dying"}),
        ("RWF", {"method": "1^not dead"}),
    ],
)
def test_what_may_be_a_death_is_flagged(sender: str, told: dict[str, Any]) -> None:
    _, transfer = converted(sender, discharge(sender, **told))

    assert transfer.kind == "discharge"
    assert "patient.deceased" in doubts(transfer)


@pytest.mark.parametrize("sender", [*ITK, *EPIC])
@pytest.mark.parametrize(
    "told",
    [
        *[{"dead": alive} for alive in ("", "N", "no", "false", "0", '""')],
        {"died": '""', "dead": '""'},
        {"died": "N"},  # a field too far to the left
        {"died": "00000000"},
        {"method": "19^Home"},
        {"destination": "Ripley Ward"},
        {"destination": "Deadwood Care Home"},
    ],
    ids=str,
)
def test_nobody_is_declared_dead_who_is_not(sender: str, told: dict[str, Any]) -> None:
    _, transfer = converted(sender, discharge(sender, **told))

    assert transfer.kind == "discharge"
    assert "patient.deceased" not in doubts(transfer)
    assert not transfer.patient.deceased


@pytest.mark.parametrize("dead", ["Y", "YES", "true", "1"])
def test_whoever_is_marked_as_dead_is_so_in_the_record_of_the_patient(dead: str) -> None:
    _, changed = converted("RWF", discharge(event="A08", dead=dead))

    assert changed.kind == "patient-update"
    assert changed.patient.deceased is True


@pytest.mark.parametrize("told", [{"dead": "YES"}, {"died": "20250314"}, {"method": "04"}], ids=str)
@pytest.mark.parametrize(
    ("event", "segment", "kind"),
    [
        ("REF^I12", "RF1|P|R|306237005^Palliative care^SCT|||R1^RWF", "referral"),
        ("MDM^T02", "TXA|1|DS|TX||||||||||D1\rOBX|1|TX|S||Went home||||||F", "death"),
        ("MDM^T02", "TXA|1|CN|TX||||||||||D1\rOBX|1|TX|S||Seen||||||F", "document"),
    ],
)
def test_a_referral_or_a_letter_about_the_dead_is_flagged_and_a_summary_is_a_death(
    event: str, segment: str, kind: str, told: dict[str, str]
) -> None:
    body = discharge(more=segment, **told).replace(b"ADT^A03", event.encode())  # type: ignore[arg-type]

    _, transfer = converted("RWF", body)

    assert transfer.kind == kind
    assert kind == "death" or "patient.deceased" in doubts(transfer)


def test_a_sign_of_death_against_a_sign_of_life_is_flagged() -> None:
    for told in ({"dead": "NO", "method": "04"}, {"dead": "false", "destination": "Mortuary"}):
        _, transfer = converted("RWF", discharge(**told))  # type: ignore[arg-type]

        assert transfer.kind == "death"
        assert "patient.deceased" in doubts(transfer)

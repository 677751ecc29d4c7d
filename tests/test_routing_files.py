"""The directory and the rules as people write them: every fault at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from routing_fixtures import DIRECTORY, MAPPINGS, RULES, folder

from service.delivery.directory import RoutingFaults
from service.delivery.routing import Routing
from service.model import OdsCode

TRUSTS = {"RJZ", "RJ1", "RRV", "RAN", "RWF", "RVV", "RPA", "RN7", "RYY", "RNQ"}


def faults(path: Path, directory: str = DIRECTORY, rules: str = RULES) -> list[str]:
    with pytest.raises(RoutingFaults) as caught:
        Routing.load(folder(path, directory, rules))
    return [f"{fault.file}:{fault.line}: {fault.text}" for fault in caught.value.faults]


def test_the_shipped_directory_has_the_trusts_under_their_own_codes() -> None:
    directory = Routing.load(MAPPINGS).directory

    assert {e.ods for e in directory if e.kind in {"trust", "community"}} == TRUSTS
    assert not {e.ods for e in directory.placeholders} & TRUSTS


def test_no_shipped_code_of_a_hospice_or_pain_service_passes_for_a_real_one() -> None:
    directory = Routing.load(MAPPINGS).directory

    unconfirmed = [e for e in directory if e.kind in {"hospice", "pain-service"}]
    assert len(unconfirmed) >= 6
    assert all(e.placeholder for e in unconfirmed)
    # no code that the Organisation Data Service ever gave begins so
    assert all(e.ods.startswith(("8HX", "8PX")) for e in unconfirmed)


def test_every_district_of_a_shipped_rule_is_one_that_its_recipients_serve() -> None:
    routing = Routing.load(MAPPINGS)
    written = (MAPPINGS / "routing.yaml").read_text("utf-8")

    for entry in routing.directory:
        for district in entry.districts:
            assert district in written, f"{entry.ods} serves {district}, and no rule knows it"


def test_a_name_that_the_directory_does_not_release_finds_nobody(tmp_path: Path) -> None:
    directory = Routing.load(folder(tmp_path)).directory

    assert directory.by_name("Pain Service") is None
    assert directory.by_code(OdsCode("8PX01")) is not None


def test_every_fault_of_the_directory_is_told_with_its_line(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        directory="organisations:\n"
        "  - {ods: rjz, name: King's, kind: trust}\n"
        "  - {ods: RWF, kind: castle, colour: red}\n",
    )

    assert len(told) == 4
    assert [line for line in told if line.startswith("directory.yaml:2:") and "rjz" in line]
    assert [line for line in told if line.startswith("directory.yaml:3:") and "castle" in line]
    assert [line for line in told if line.startswith("directory.yaml:3:") and "colour" in line]
    assert [line for line in told if line.startswith("directory.yaml:3:") and "name" in line]


def test_one_code_or_name_for_two_organisations_is_refused(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        directory=DIRECTORY
        + "  - {ods: RWF, name: Again, kind: trust}\n"
        + "  - {ods: RZZ, name: KING\u2019S, kind: trust, by_name: true}\n",
    )

    assert told == [
        "directory.yaml:12: RWF has two entries",
        'directory.yaml:13: "KING\u2019S" names two organisations, '
        "so it cannot be used without a code",
    ]


def test_what_a_rule_refers_to_must_be_there(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        rules="""rules:
  - id: one
    kinds: [discharge]
    when: {area: nowhere, marker: unheard-of}
    to: [{ods: RXX, role: action}]
  - id: one
    kinds: [death]
    when: {specialty: ["315"]}
    to: [{ods: RWF, role: action}]
version: "1"
""",
    )

    assert told == [
        "routing.yaml:4: no area is called nowhere",
        "routing.yaml:4: no marker is called unheard-of",
        "routing.yaml:5: RXX is not in the directory",
        "routing.yaml:6: two rules are called one",
    ]


def test_a_rule_without_conditions_kinds_or_recipients_is_refused(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        rules="rules:\n  - id: all\n    kinds: [everything]\n    when: {}\n    to: []\n"
        "version: '1'\n",
    )

    assert [line.split(":")[1] for line in told] == ["3", "4", "5"]


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    told = faults(tmp_path, rules="rules: []\nrules: []\nversion: '1'\n")

    assert len(told) == 1
    assert told[0].startswith("routing.yaml:2: ")

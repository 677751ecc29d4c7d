"""What the directory says of a team's answers: its own words, its kind's, the defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from routing_fixtures import DIRECTORY, MAPPINGS, RULES, folder

from service.delivery.directory import Directory, RoutingFaults
from service.delivery.routing import Routing
from service.model import OdsCode

FRIDAY_EVENING = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)
TERMS = """
defaults:
  pain-service: {hours: Mon-Fri 09:00-17:00, within: {urgent: 2 days}}
organisations:
  - {ods: RJZ, name: King's, kind: trust}
  - {ods: 8HX01, name: Hospice, kind: hospice}
  - ods: 8PX01
    name: Pain Service
    kind: pain-service
    within: {stat: 4 h}
    fallback: [8HX01]
  - {ods: 8PX02, name: Other Pain Service, kind: pain-service, hours: always}
"""


def directory(path: Path, text: str = TERMS) -> Directory:
    return Directory.load(folder(path, text, RULES))


@pytest.mark.parametrize(
    ("ods", "urgency", "due"),
    [
        ("8HX01", "urgent", "2026-11-21T19:30"),  # always works
        ("8PX01", "urgent", "2026-11-25T09:00"),  # its kind's hours and its kind's two days
        ("8PX01", "stat", "2026-11-23T13:00"),  # its own four hours
        ("8PX01", "routine", "2026-11-26T09:00"),  # nobody says: three days
        ("8PX02", "urgent", "2026-11-22T19:30"),  # its own hours, its kind's two days
        ("G99901", "urgent", "2026-11-21T19:30"),  # a practice that nothing is said of
        ("X99", "urgent", "2026-11-21T19:30"),  # nobody knows
    ],
)
def test_a_team_s_own_words_go_before_its_kind_s(
    tmp_path: Path, ods: str, urgency: str, due: str
) -> None:
    terms = directory(tmp_path).terms_of(OdsCode(ods))

    assert terms.due(urgency, FRIDAY_EVENING).isoformat()[:16] == due


def test_a_practice_has_the_hours_of_the_shipped_directory_without_an_entry() -> None:
    shipped = Routing.load(MAPPINGS).directory

    due = shipped.terms_of(OdsCode("G99901")).due("urgent", FRIDAY_EVENING)

    assert due.isoformat()[:16] == "2026-11-24T08:00"


def test_every_fault_of_the_terms_is_told_with_its_line(tmp_path: Path) -> None:
    written = """
defaults:
  gp: {hours: weekdays}
organisations:
  - {ods: RJZ, name: King's, kind: trust, within: {urgent: soon}}
  - {ods: 8HX01, name: Hospice, kind: hospice, hours: Mon 17:00-09:00}
  - ods: 8PX01
    name: Pain Service
    kind: pain-service
    fallback:
      - 8PX01
      - 8HX99
    on_duty: [8HX98]
"""
    with pytest.raises(RoutingFaults) as caught:
        directory(tmp_path, written)

    assert [(fault.line, fault.text) for fault in caught.value.faults] == [
        (3, '"weekdays" is no time of the week: write Mon-Fri 09:00-17:00, or always'),
        (5, '"soon" is no time: write 30 min, 2 h, 1 day or 3 days'),
        (6, '"Mon 17:00-09:00" ends before it begins: write two times'),
        (11, "a team cannot stand in for itself"),
        (12, "8HX99 is not in the directory"),
        (13, "8HX98 is not in the directory"),
    ]


def test_what_the_schema_does_not_know_is_refused(tmp_path: Path) -> None:
    written = DIRECTORY + "defaults: {gp: {opening: always}}\n"

    with pytest.raises(RoutingFaults, match="opening is not known here"):
        directory(tmp_path, written)

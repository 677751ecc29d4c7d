"""Dates and times that no standard writes so: read where they can mean one thing, and told."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from service.mapping.times import date_converter, moment_converter

LONDON = ZoneInfo("Europe/London")
TOLD = [
    ("warning", "written neither as HL7 v2 nor as ISO 8601 write it, and read as it can only be "
     "meant"),
]  # fmt: skip
READ = {
    "20240501 10:00": "2024-05-01T10:00:00+01:00",
    "20240501 1000": "2024-05-01T10:00:00+01:00",
    "20240501T100059": "2024-05-01T10:00:59+01:00",
    "20240501T10:00:00Z": "2024-05-01T10:00:00Z",
    "20240501 10:00:00+0530": "2024-05-01T10:00:00+05:30",
    "2024/05/01 10:00": "2024-05-01T10:00:00+01:00",
    "25/05/2024 10:00": "2024-05-25T10:00:00+01:00",
    "05/25/2024 10:00": "2024-05-25T10:00:00+01:00",
    "5.5.2024": "2024-05-05",
    "25-12-2024": "2024-12-25",
    "1 May 2024 10:00": "2024-05-01T10:00:00+01:00",
    "01-MAY-2024": "2024-05-01",
}


@pytest.mark.parametrize(("text", "made"), READ.items())
def test_a_time_that_can_mean_one_thing_is_read_and_told(text: str, made: str) -> None:
    doubts: list[tuple[str, str]] = []

    assert moment_converter(LONDON)(text, doubts) == made
    assert doubts == TOLD


@pytest.mark.parametrize("text", ["01/05/2024 10:00", "01/05/2024", "1.5.2024", "01-05-2024"])
def test_a_day_that_may_be_a_month_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="may be the day before the month"):
        moment_converter(LONDON)(text, [])


@pytest.mark.parametrize(
    "text", ["32/13/2024", "2024-5-1", "20241301 10:00", "1 Mee 2024", "01/05/24", "now", "N"]
)
def test_what_is_no_date_in_any_order_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|month|day"):
        moment_converter(LONDON)(text, [])


def test_a_date_alone_is_read_so_too() -> None:
    doubts: list[tuple[str, str]] = []

    assert date_converter()("25/05/1944", doubts) == "1944-05-25"
    assert doubts == TOLD


def test_the_order_that_a_mapping_names_stands_before_all_others() -> None:
    doubts: list[tuple[str, str]] = []

    assert date_converter("MM/DD/YYYY")("01/05/2024", doubts) == "2024-01-05"
    assert doubts == []

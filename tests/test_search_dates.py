"""Dates compare as intervals at the precision they are written with."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.plan import start_of
from service.errors import BadRequest
from service.fhir.search_dates import PREFIXES, Interval, compare, interval
from service.model import Instant
from tests.api_samples import Resource
from tests.search_samples import NOW, OPEN, PERSON, STAY, TIMED, TOLD, found, read


@pytest.mark.parametrize(
    ("resource", "query", "expected"),
    [
        (TOLD, "sent=2025-03-14", True),
        (TOLD, "sent=2025-03", True),
        (TOLD, "sent=2025", True),
        (TOLD, "sent=2025-03-14T16:30", True),
        (TOLD, "sent=2025-03-14T16:31", False),
        (TOLD, "sent=2025-03-14T16:30:00Z", True),
        (TOLD, "sent=2025-03-14T17:30:00+01:00", True),
        (TOLD, "sent=ne2025-03-14", False),
        (TOLD, "sent=gt2025-03-14", False),
        (TOLD, "sent=ge2025-03-14", True),
        (TOLD, "sent=gt2025-03-13", True),
        (TOLD, "sent=lt2025-03-14", False),
        (TOLD, "sent=le2025-03-14", True),
        (TOLD, "sent=lt2025-03-15", True),
        (TOLD, "sent=sa2025-03-13", True),
        (TOLD, "sent=sa2025-03-14", False),
        (TOLD, "sent=eb2025-03-15", True),
        (TOLD, "sent=ap2025-03-14", True),
        (TOLD, "sent=ap2024-01-01", False),
        (TOLD, "sent=ge2025-03-14&sent=lt2025-03-15", True),
        # the resource's own precision is a day: it may be before or after noon
        (TOLD, "received=2025-03-14", True),
        (TOLD, "received=2025-03-14T12:00", False),
        (TOLD, "received=gt2025-03-14T12:00", True),
        (TOLD, "received=lt2025-03-14T12:00", True),
        (TOLD, "received=sa2025-03-14T12:00", False),
        (STAY, "date=2025-03", True),
        (STAY, "date=2025-03-12", False),
        (STAY, "date=ge2025-03-12&date=le2025-03-12", True),
        (STAY, "date=sa2025-03-09", True),
        (STAY, "date=eb2025-03-15", True),
        (OPEN, "date=gt2030-01-01", True),
        (OPEN, "date=eb2030-01-01", False),
        (OPEN, "date=2025", False),
        (TIMED, "occurrence=2025-04-15", True),
        (TIMED, "occurrence=2025-04-08", False),
        (PERSON, "birthdate=1950-01-02", True),
        (PERSON, "birthdate=lt1950-01-02", False),
        (PERSON, "birthdate=1950-01-01,1950-01-02", True),
        (PERSON, "_lastUpdated=gt2025-03-14T17:20:05.500122Z", True),
        (PERSON, "_lastUpdated=gt2025-03-14T17:20:05.500123Z", False),
        (PERSON, "_lastUpdated=ge2025-03-14T17:20:05.500123Z", True),
        (PERSON, "_lastUpdated=2025-03-14", True),
        (PERSON, "death-date:missing=true", True),
    ],
)
def test_dates_compare_as_intervals(resource: Resource, query: str, expected: bool) -> None:
    assert found(resource, query) is expected


def test_a_date_without_offset_is_a_day_of_the_united_kingdom() -> None:
    assert interval("2025-06-14") == interval_of("2025-06-13T23:00:00Z", "2025-06-14T23:00:00Z")
    assert interval("2025-01-14") == interval_of("2025-01-14T00:00:00Z", "2025-01-15T00:00:00Z")
    # the day on which the clocks go forward has 23 hours
    assert interval("2025-03-30") == interval_of("2025-03-30T00:00:00Z", "2025-03-30T23:00:00Z")


def interval_of(start: str, end: str) -> Interval:
    return Interval(
        Instant.of(datetime.fromisoformat(start)), Instant.of(datetime.fromisoformat(end))
    )


@pytest.mark.parametrize(
    "text",
    ["", "x", "20250314", "2025-13", "2025-02-30", "2025-03-14T25:00", "2025-03-14T10", "25-03-14"],
)
def test_what_is_no_date_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read("Communication", f"sent={text}")

    assert text == "" or all(text not in issue.text for issue in refused.value.issues)


moments = st.integers(-(2**31), 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


widths = st.integers(1, 10**12)


@given(low=moments, width=widths, other=moments, other_width=widths)
def test_prefixes_partition_and_imply_as_the_standard_says(
    low: datetime, width: int, other: datetime, other_width: int
) -> None:
    asked = Interval(Instant.of(low), Instant.of(low) + width)
    one = Interval(Instant.of(other), Instant.of(other) + other_width)
    holds = {prefix: compare(prefix, asked, NOW)(one) for prefix in PREFIXES}

    assert holds["eq"] != holds["ne"]
    assert holds["ge"] == (holds["gt"] or holds["eq"])
    assert holds["le"] == (holds["lt"] or holds["eq"])
    assert not holds["sa"] or holds["gt"]
    assert not holds["eb"] or holds["lt"]
    assert not (holds["sa"] and holds["eb"])
    assert holds["eq"] or holds["gt"] or holds["lt"]
    overlap = one.low < asked.high and one.high > asked.low
    assert overlap != (holds["sa"] or holds["eb"])
    assert holds["ap"] or not overlap


@given(moments)
def test_coarser_dates_contain_finer_ones(moment: datetime) -> None:
    local = moment.astimezone(ZoneInfo("Europe/London"))
    exact = interval(local.isoformat(timespec="microseconds"))

    for text in ("%Y-%m-%dT%H:%M%z", "%Y-%m-%d", "%Y-%m", "%Y"):
        written = local.strftime(text)
        coarse = interval(written[:-2] + ":" + written[-2:] if "T" in written else written)
        assert coarse.low <= exact.low
        assert exact.high <= coarse.high


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        ("gt2025-03-14T12:00:00.000005Z", "2025-03-14T12:00:00.000005Z"),
        ("sa2025-03-14T12:00:00.000005Z", "2025-03-14T12:00:00.000005Z"),
        ("ge2025-03-14T12:00:00.000005Z", "2025-03-14T12:00:00.000004Z"),
        ("gt2025-03-14T12:00:00Z", "2025-03-14T12:00:00.999999Z"),
        ("ge2025-03-14", "2025-03-13T23:59:59.999999Z"),
    ],
)
def test_a_scan_by_last_updated_starts_right_behind_what_was_asked(asked: str, after: str) -> None:
    query = read("Communication", f"_lastUpdated={asked}")

    assert start_of(query) == Instant.of(datetime.fromisoformat(after))


@pytest.mark.parametrize("asked", ["lt2025", "le2025", "ne2025", "ap2025", "gt2025,gt2026"])
def test_other_dates_start_no_scan(asked: str) -> None:
    assert start_of(read("Communication", f"_lastUpdated={asked}")) is None

"""Until when a team is to answer: its own hours, working days, English bank holidays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.bank_holidays import known_until
from service.delivery.hours import LONDON, Allowance, Hours
from service.delivery.terms import Terms

WEEKDAYS = Hours.parse("Mon-Fri 09:00-17:00")
PRACTICE = Hours.parse("Mon-Fri 08:00-18:30")
SATURDAYS = Hours.parse("Mon-Fri 09:00-17:00, Sat 09:00-13:00")
OPEN_ON_HOLIDAYS = Hours.parse("Mon-Fri 09:00-17:00", on_bank_holidays=True)
WITH_A_BREAK = Hours.parse("Mon-Fri 13:00-17:00, Mon-Fri 09:00-12:00")
NIGHTS_TOO = Hours.parse("Mon-Sun 00:00-24:00", on_bank_holidays=True)
ALWAYS = Hours.parse("always")


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


# 2026: Friday 20 November; Christmas Day is a Friday, Monday 28 December a substitute day.
# 2026-03-29 and 2026-10-25 are the days on which the clocks change.
@pytest.mark.parametrize(
    ("hours", "released", "allowed", "due"),
    [
        # a Friday evening is not "due Saturday"
        (WEEKDAYS, "2026-11-20 18:00", "1 day", "2026-11-24 09:00"),
        (WEEKDAYS, "2026-11-20 16:00", "1 day", "2026-11-23 16:00"),
        (WEEKDAYS, "2026-11-20 16:00", "3 days", "2026-11-25 16:00"),
        (WEEKDAYS, "2026-11-20 16:00", "2 h", "2026-11-23 10:00"),
        (WEEKDAYS, "2026-11-20 15:00", "2 h", "2026-11-20 17:00"),
        (WEEKDAYS, "2026-11-20 15:00", "8 h", "2026-11-23 15:00"),
        (WEEKDAYS, "2026-11-21 12:00", "2 h", "2026-11-23 11:00"),
        (WEEKDAYS, "2026-11-23 08:00", "30 min", "2026-11-23 09:30"),
        (PRACTICE, "2026-11-20 17:30", "2 h", "2026-11-23 09:00"),
        (SATURDAYS, "2026-11-20 18:00", "1 day", "2026-11-23 09:00"),
        (SATURDAYS, "2026-11-20 15:00", "1 day", "2026-11-23 09:00"),  # Saturday ends at one
        (WITH_A_BREAK, "2026-11-20 11:30", "1 h", "2026-11-20 13:30"),
        (WITH_A_BREAK, "2026-11-20 12:30", "1 day", "2026-11-23 13:00"),
        # whoever always works has what the clock says
        (ALWAYS, "2026-11-20 18:00", "1 day", "2026-11-21 18:00"),
        (ALWAYS, "2026-11-20 18:00", "2 h", "2026-11-20 20:00"),
        # Christmas: Friday, Boxing Day on Saturday, its substitute on Monday
        (WEEKDAYS, "2026-12-24 16:00", "1 day", "2026-12-29 16:00"),
        (WEEKDAYS, "2026-12-24 16:00", "2 h", "2026-12-29 10:00"),
        (OPEN_ON_HOLIDAYS, "2026-12-24 16:00", "1 day", "2026-12-25 16:00"),
        # Easter: Good Friday 3 April, Monday 6 April, from before the clocks go forward
        (WEEKDAYS, "2026-03-27 16:00", "3 days", "2026-04-01 16:00"),
        (WEEKDAYS, "2026-04-02 16:00", "1 day", "2026-04-07 16:00"),
        # a night of 23 hours and one of 25
        (NIGHTS_TOO, "2026-03-28 12:00", "1 day", "2026-03-29 12:00"),
        (NIGHTS_TOO, "2026-10-24 23:00", "4 h", "2026-10-25 02:00"),
    ],
)
def test_time_to_answer_runs_while_the_team_works(
    hours: Hours, released: str, allowed: str, due: str
) -> None:
    assert hours.after(london(released), Allowance.parse(allowed)) == london(due)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20 09:00", True),
        ("2026-11-20 16:59", True),
        ("2026-11-20 17:00", False),
        ("2026-11-21 10:00", False),
        ("2026-08-31 10:00", False),  # the late summer bank holiday
    ],
)
def test_a_team_is_open_from_its_first_minute_until_before_its_last(
    moment: str, is_open: bool
) -> None:
    assert WEEKDAYS.is_open(london(moment)) is is_open


def test_a_team_is_reminded_while_a_quarter_of_its_working_time_is_left() -> None:
    terms = Terms(hours=WEEKDAYS)
    released = london("2026-11-20 16:00")
    due = terms.due("stat", released)

    assert due == london("2026-11-23 10:00")
    assert terms.reminder(released, due) == london("2026-11-23 09:30")


BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda n: BEGINNING + timedelta(minutes=n))
every_hours = st.sampled_from([WEEKDAYS, PRACTICE, SATURDAYS, WITH_A_BREAK, NIGHTS_TOO, ALWAYS])
allowances = st.one_of(
    st.integers(1, 5).map(lambda n: Allowance(days=n)),
    st.integers(1, 6000).map(lambda n: Allowance(time=timedelta(minutes=n))),
)


@given(every_hours, moments, allowances)
def test_no_deadline_is_before_its_release_or_outside_the_hours(
    hours: Hours, released: datetime, allowed: Allowance
) -> None:
    due = hours.after(released, allowed)

    assert due >= released
    # the last minute of a day still counts as one of it
    assert hours.is_open(due) or hours.is_open(due - timedelta(microseconds=1))


@given(every_hours, moments, moments, allowances)
def test_what_came_later_is_not_due_earlier(
    hours: Hours, one: datetime, other: datetime, allowed: Allowance
) -> None:
    first, second = sorted((one, other))

    assert hours.after(first, allowed) <= hours.after(second, allowed)


@given(every_hours, moments, st.integers(1, 6000))
def test_the_hours_until_a_deadline_are_the_hours_allowed(
    hours: Hours, released: datetime, minutes: int
) -> None:
    allowed = timedelta(minutes=minutes)

    assert hours.between(released, hours.after(released, Allowance(time=allowed))) == allowed


@pytest.mark.parametrize(
    "text", ["", "weekdays", "Mon-Fri", "Fri-Mon 09:00-17:00", "Mon 17:00-09:00", "Mon 09:00-25:00"]
)
def test_hours_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        Hours.parse(text)


def test_two_times_of_a_day_may_not_overlap() -> None:
    with pytest.raises(ValueError, match="Wed overlap"):
        Hours.parse("Mon-Fri 09:00-17:00, Wed 16:00-20:00")


@pytest.mark.parametrize("text", ["", "2", "0 h", "2h", "1 week", "-1 day"])
def test_times_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        Allowance.parse(text)


def test_bank_holidays_are_known_beyond_next_year() -> None:
    assert known_until() >= 2028

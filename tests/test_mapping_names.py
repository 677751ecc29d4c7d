"""Names: what several rules ask is said once, and widened by the file that extends a base."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mapping.names import with_own, written_out
from service.mapping.times import any_is_earlier, is_earlier

NAMES = {"nhs": "5 in ({labels})", "labels": "'NH', 'NHS'", "a": "{b}", "b": "{a}"}


def test_a_name_stands_for_its_text_and_names_may_stand_in_names() -> None:
    assert written_out("PID-3[not ({nhs})].1", NAMES) == "PID-3[not (5 in ('NH', 'NHS'))].1"


@pytest.mark.parametrize("text", ["PID-5 ~ '[0-9]{2}'", "a{1,3}", "{}", "{ nhs }", "PID-3.1"])
def test_what_is_no_name_stays_as_it_is(text: str) -> None:
    assert written_out(text, NAMES) == text


@pytest.mark.parametrize(("text", "said"), [("{nsh}", "no name nsh"), ("{a}", "stands for itself")])
def test_an_unknown_name_or_one_that_stands_for_itself_is_a_fault(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        written_out(text, NAMES)


def test_a_file_adds_to_what_its_base_means_by_a_name() -> None:
    laid = with_own({"nhs": "5 = 'NH'", "x": "1"}, {"nhs": "{nhs} or 4 = 'NATIONAL'", "y": "2"})

    assert laid == {"nhs": "5 = 'NH' or 4 = 'NATIONAL'", "x": "1", "y": "2"}


@pytest.mark.parametrize(
    ("one", "other", "earlier"),
    [
        ("20250313", "20250314", True),
        ("20250314235959", "20250315", True),
        ("20250314", "20250314163012", False),
        ("202503", "20250314", False),  # perhaps
        ("2024", "20250314", True),
        ("2025-03-13", "20250314", True),
        ("2025-03-13T23:00:00+01:00", "2025-03-14", True),
        (" 20250313 ", "20250314", True),
        ("soon", "20250314", False),
        ("20250313", '""', False),
    ],
)
def test_a_day_is_before_another_as_far_as_both_are_told(
    one: str, other: str, earlier: bool
) -> None:
    assert is_earlier(one, other) is earlier
    assert not (earlier and is_earlier(other, one))


@given(st.dates(), st.dates())
def test_days_are_ordered_as_the_calendar_has_them(one: object, other: object) -> None:
    assert is_earlier(f"{one}", f"{other}".replace("-", "")) is (one < other)  # type: ignore[operator]


TOLD = st.sampled_from(
    ["2025", "2024", "202503", "2025-04", "20250314", "2025-03-15T10:00", "20250313235959", "soon"]
)


@given(st.lists(TOLD, max_size=30), st.lists(TOLD, max_size=30))
def test_of_many_days_the_ends_tell_whether_any_is_before_another(
    ones: list[str], others: list[str]
) -> None:
    pairwise = any(is_earlier(one, other) for one in ones for other in others)

    assert any_is_earlier(ones, others) is pairwise

"""Bounded regular expressions: what is allowed, what is refused, and that none is slow."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.mapping.pattern import MAX_TEXT, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        (r"^(A0[13]|A13)$", "A03", "A031"),
        (r"(?i)palliat|hospice|end of life", "for HOSPICE care", "hosp ice"),
        (r"pain.*clinic", "the pain and joint clinic", "clinic for pain"),
        (r"\bRJZ-\d{3,6}\b", "see RJZ-1234.", "RJZ-12"),
        (r"[^\]a-z-]+x?", "A", "ab-]"),
        (r"(?:ab)*c", "ababc", "ab"),
        (r"a{3}|b{2,4}|c{1,}", "xbbx", "aab"),
        (r"\.\*\+", ".*+", "x*+"),
    ],
)
def test_ordinary_patterns_are_allowed(pattern, inside, outside):
    search = compile_pattern(pattern)

    assert search(inside)
    assert not search(outside)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a+)+", "what repeats freely must not hold"),
        ("(a|a)*", "what repeats freely must not hold"),
        ("(a?)*", "what repeats freely must not hold"),
        ("a*a*", "too many ways"),
        (".*.*=.*", "too many ways"),
        ("(a|b){20}", "too many ways"),
        ("(a?){60}a{60}", "too many ways"),
        ("((x{100}){100}){100}", "too many ways"),
        ("a**", "cannot itself be repeated"),
        ("a*+", "cannot itself be repeated"),
        ("a{2}{3}", "cannot itself be repeated"),
        ("*a", "there is nothing before *"),
        ("{2}", "there is nothing before {"),
        ("(?=a)", "only (?: )"),
        ("(?P<n>a)", "only (?: )"),
        ("a(?i)b", "only (?: )"),
        (r"(a)\1", r"\1 is not allowed"),
        (r"\Aa", r"\A is not allowed"),
        ("[a", "a [ is not closed"),
        ("[[:alpha:]]", "put a backslash"),
        ("[a&&b]", "put a backslash"),
        ("[z-a]", "not a pattern"),
        ("(a", "a ( is not closed"),
        ("a)", "closes nothing"),
        ("a{200}", "at most 100"),
        ("a{3,2}", "the smaller first"),
        ("x" * 501, "at most 500"),
        ("(" * 21 + ")" * 21, "nested too deeply"),
        ("\\", "is not allowed"),
    ],
)
def test_a_pattern_that_could_be_slow_or_is_none_is_refused(pattern, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        compile_pattern(pattern)


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="ab.*+?{2,}()|[]^$\\d", max_size=14),
    st.sampled_from(["a" * 5000, "ab" * 2500, "a" * 1999 + "!", "", "a b 1"]),
)
def test_no_allowed_pattern_takes_long(pattern, text):
    try:
        search = compile_pattern(pattern)
    except ValueError:
        return
    started = time.process_time()
    found = search(text)
    assert time.process_time() - started < 1.5  # seconds; mostly microseconds
    assert (found is None) == (re.search(pattern, text[:MAX_TEXT]) is None)

"""What can be asked of places: closures to true, false or FHIRPath's empty (None)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from service.formats.fhir_r4.index import Index
from service.formats.fhir_r4.node import Node
from service.formats.fhir_r4.steps import Step, Test, alike, present

MAX_MATCHED: Final = 2000  # characters of a value that matches() looks at


def exists(of: Step) -> Test:
    """Whether anything is there; a primitive that has extensions only is not."""
    return lambda nodes, index: bool(present(of(nodes, index)))


def empty(of: Step) -> Test:
    """Whether nothing is there."""
    return lambda nodes, index: not present(of(nodes, index))


def truth(of: Step) -> Test:
    """A boolean as itself, one other value as true, nothing or several as neither."""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        found = present(of(nodes, index))
        if len(found) != 1:
            return None
        value = found[0][0]
        return value if type(value) is bool else True

    return test


def negation(of: Test) -> Test:
    """not()"""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        found = of(nodes, index)
        return None if found is None else not found

    return test


def every(tests: Sequence[Test]) -> Test:
    """`and`: false if one is false, else empty if one is."""
    return _until(False, tests)


def some(tests: Sequence[Test]) -> Test:
    """`or`: true if one is true, else empty if one is."""
    return _until(True, tests)


def _until(decisive: bool, tests: Sequence[Test]) -> Test:
    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        otherwise: bool | None = not decisive
        for one in tests:
            found = one(nodes, index)
            if found is decisive:
                return found
            if found is None:
                otherwise = None
        return otherwise

    return test


def equals(left: Step, right: Step) -> Test:
    """`=`: empty if a side is empty, else whether both have the same values in order."""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        first, second = present(left(nodes, index)), present(right(nodes, index))
        if not first or not second:
            return None
        if len(first) != len(second):
            return False
        return all(alike(one[0], other[0]) for one, other in zip(first, second, strict=True))

    return test


def equals_text(of: Step, sought: str) -> Test:
    """`=` with a literal text on one side."""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        found = present(of(nodes, index))
        return len(found) == 1 and bool(found[0][0] == sought) if found else None

    return test


def is_among(left: Step, right: Step) -> Test:
    """`in`: whether the one value on the left is one of those on the right."""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        sought = present(left(nodes, index))
        if len(sought) != 1:
            return None
        return any(alike(sought[0][0], one[0]) for one in right(nodes, index))

    return test


def is_a(of: Step, predicate: Callable[[Node], bool]) -> Test:
    """is(): asked of one place, empty for none or several."""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        found = present(of(nodes, index))
        return predicate(found[0]) if len(found) == 1 else None

    return test


def text_test(of: Step, predicate: Callable[[str], Any]) -> Test:
    """startsWith() and its like: asked of one text, empty for none or several."""

    def test(nodes: Sequence[Node], index: Index) -> bool | None:
        found = present(of(nodes, index))
        if len(found) != 1 or type(found[0][0]) is not str:
            return None
        return bool(predicate(found[0][0]))

    return test


def starts_with(text: str) -> Callable[[str], bool]:
    """startsWith('…')"""
    return lambda value: value.startswith(text)


def ends_with(text: str) -> Callable[[str], bool]:
    """endsWith('…')"""
    return lambda value: value.endswith(text)


def contains(text: str) -> Callable[[str], bool]:
    """contains('…')"""
    return lambda value: text in value


def matches(pattern: str) -> Callable[[str], Any]:
    """matches('…'): anywhere in the value. Raises ValueError for what could take forever."""
    bare = _ESCAPED.sub("", pattern)
    if len(_FREE.findall(bare)) > 1 or _UNBOUNDED.search(bare) or bare.count("?") > MAX_OPTIONAL:
        raise ValueError("a pattern has one * or + at most, none after ), and {} with one number")
    try:
        search = re.compile(pattern, re.DOTALL).search
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return lambda value: search(value[:MAX_MATCHED])


MAX_OPTIONAL: Final = 8  # "?" in one pattern, each doubles the ways through it
_ESCAPED: Final = re.compile(r"\\.|\[(?:[^\]\\]|\\.)*\]", re.DOTALL)  # classes hold no signs
_FREE: Final = re.compile(r"[*+]")
_UNBOUNDED: Final = re.compile(r"\)[*+{]|\{\d*,")

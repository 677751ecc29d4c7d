"""Small numbers: 1 to 4 are not told, nor what would let anybody reckon them.

Where a total is told beside its parts, one suppressed part would be the difference. So another
part, the smallest of those that are not small, is suppressed with it; where there is none, the
total is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from service.evaluation.figures import COUNTS, Row

LEAST: Final = 5  # the smallest number that is told, beside 0


def concealed(parts: Sequence[Row], total: Row) -> tuple[list[Row], Row]:
    """Return rows, and their total, without what may not be told."""
    hidden = [set[str]() for _ in parts]
    of_total = _small(total)
    for name in COUNTS:
        values = [row.counts[name] or 0 for row in parts]
        masked = _masked(values, is_total_told=name not in of_total)
        for index in masked.parts:
            hidden[index].add(name)
        if masked.is_total:
            of_total.add(name)
    return [_without(row, names) for row, names in zip(parts, hidden, strict=True)], _without(
        total, of_total
    )


class _Masked:
    """Which values of one figure are not told."""

    def __init__(self, parts: set[int], *, is_total: bool) -> None:
        self.parts, self.is_total = parts, is_total


def _masked(values: Sequence[int], *, is_total_told: bool) -> _Masked:
    small = {index for index, value in enumerate(values) if 0 < value < LEAST}
    if not small or not is_total_told:
        return _Masked(small, is_total=not is_total_told)
    others = sorted((value, index) for index, value in enumerate(values) if value >= LEAST)
    if not others:
        return _Masked(small, is_total=True)
    return _Masked(small | {others[0][1]}, is_total=False)


def _small(row: Row) -> set[str]:
    return {name for name, value in row.counts.items() if 0 < (value or 0) < LEAST}


def _without(row: Row, names: set[str]) -> Row:
    """Return the row without these; the median goes with the number that it is made of."""
    counts = {name: None if name in names else value for name, value in row.counts.items()}
    return replace(row, counts=counts, hours=None if "acknowledged" in names else row.hours)

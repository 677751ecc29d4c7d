"""Rates of what warms up: repeated until two runs in a row agree, and only then counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

AGREEMENT: Final = 0.05  # between two runs in a row, of the larger
PATIENCE: Final = 60  # runs; a machine that is too noisy to agree is measured all the same
Rate = Callable[[], float]  # runs once, returns how many a second


def warm_up(rate: Rate, at_least: int = 2) -> int:
    """Run so often, and until two runs in a row agree; return how many it took."""
    before = rate()
    for runs in range(2, PATIENCE + 1):
        now = rate()
        if runs >= at_least and abs(now - before) <= AGREEMENT * max(now, before):
            return runs
        before = now
    return PATIENCE


def in_turns(repetitions: int, *rates: Rate) -> list[tuple[float, ...]]:
    """Return the rates of each repetition; in turns, so that what disturbs disturbs all."""
    return [tuple(rate() for rate in rates) for _ in range(repetitions)]

"""Prints how long this Python needs for a fixed piece of work, in microseconds.

`make` asks every Python of the machine and takes the fastest: how a Python was built makes a
third of difference. One that is too old, or was built without what is needed, fails and is left.
"""

import sqlite3  # noqa: F401
import ssl  # noqa: F401 - not every build has it
import sys
import time

ROUNDS, STEPS, OLDEST = 15, 4000, (3, 11)


def work() -> None:
    """Make, fill and drop small objects, as a message does."""
    held = {}
    for step in range(STEPS):
        held[step & 63] = (step, str(step))
        held[-1] = [one + 1 for one in (1, 2, 3)]


def fastest() -> float:
    best = 1.0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


if sys.version_info < OLDEST:
    sys.exit(1)
print(f"{fastest() * 1e6:.0f}")

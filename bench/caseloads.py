"""What matching against caseloads costs: `python -m bench.caseloads [--database URL]`, JSON lines.

The look-up in a message's way, against 1,000 and against 1,000,000 entries of 500 patients a team.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.figures import tell
from service.store import Lookup, Store, migrate, open_store
from service.store.caseload_records import number_place
from service.store.caseloads import Caseloads
from service.store.database import Database
from service.store.opening import database

SIZES: Final = (1_000, 1_000_000)
LOOKUPS: Final = 2_000
A_TEAM: Final = 500
CHUNK: Final = 20_000


def main() -> None:
    """Fill the list, look up, and say what the larger list costs more."""
    parser = argparse.ArgumentParser(prog="bench.caseloads", description=__doc__)
    parser.add_argument("--database", default="", help="URL of an empty database")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="entries (default 1,000,000)")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        measure(url, (SIZES[0], chosen.most))


def measure(url: str, sizes: tuple[int, int]) -> None:
    """Print a line a size, and one with the difference."""
    medians, filled = [], 0
    with open_store(url) as store:
        for size in sizes:
            fill(url, filled, size)
            filled = size
            medians.append(looked_up(store, size))
            told = f"median of {LOOKUPS} look-ups among {size:,} entries, each finds one"
            tell("caseload_match", medians[-1] * 1e3, "ms", told)
    more = (medians[1] - medians[0]) * 1e3
    told = f"what {sizes[1]:,} entries cost more than {sizes[0]:,}; to be less than 1"
    tell("caseload_match_more", more, "ms", told)


def number(i: int) -> str:
    """Return a number of ten digits: none that anybody has."""
    return f"999{i:07}"


def fill(url: str, start: int, end: int) -> None:
    """Put entries on the lists, past everything that is done for one."""
    opened: Database = database(url)
    for first in range(start, end, CHUNK):
        rows = [_row(i) for i in range(first, min(first + CHUNK, end))]
        opened.write(lambda tx, rows=rows: tx.insert("caseload", rows))  # type: ignore[misc]
    opened.close()


def _row(i: int) -> tuple[object, ...]:
    held = (number(i), "1944-02-03", "", "", "", '["discharge"]', '{"text":"bench"}')
    place = number_place(number(i))
    last = ("2026-01-01", "", 0, "bench", 0, "bench", 0, "")
    return (f"{i:012}", f"B{i // A_TEAM:05}", 1, place, b"", *held, *last)


def looked_up(store: Store, size: int) -> float:
    """Return the median seconds of one look-up that finds one entry."""
    lists: Caseloads = store.caseloads
    taken = []
    for i in range(LOOKUPS):
        lookup = Lookup(place=number_place(number(i * 7919 % size)))
        begun = time.perf_counter()
        found = lists.candidates(lookup)
        taken.append(time.perf_counter() - begun)
        assert len(found) == 1
    return statistics.median(taken)


if __name__ == "__main__":
    main()

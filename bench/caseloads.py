"""What matching against caseloads costs: `python -m bench.caseloads [--database URL]`, JSON lines.

The look-up in a message's way, against 1,000 and against 1,000,000 entries of 500 patients a team;
and, on SQLite, whole discharges of patients who are on a list, in turns beside both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.bodies import NUMBERS
from bench.figures import tell
from service.app import Relay, compose
from service.model import OdsCode
from service.settings import Settings
from service.store import Lookup, Store, migrate, open_store
from service.store.caseload_records import number_place
from service.store.caseloads import Caseloads
from service.store.database import Database
from service.store.opening import database

SIZES: Final = (1_000, 1_000_000)
LOOKUPS: Final = 2_000
MESSAGES: Final = 300
A_TEAM: Final = 500
_A03: Final = r"""MSH|^~\&|EPIC|RJZ|RELAY|RELAY|20261120171500||ADT^A03^ADT_A03|M{i}|P|2.4
EVN|A03|20261120171500||||20261120161000
PID|1||{number}^^^NHS^NH~K{i:06}^^^RJZ^MR||XXTESTBENCH^N^^^^^L||19440203|F|||1 ST^^^^SW1A 9ZZ^^H
PV1|1|I|RJZ^WARD|21|||||||||||||||V{i:08}^^^VISITID|||||||||||||||||19||||||||20261112|20261120161000
"""
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
    if not chosen.database:
        measure_messages((SIZES[0], chosen.most))


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
    return _entry(f"{i:012}", f"B{i // A_TEAM:05}", number(i))


def _entry(id_: str, team: str, held: str) -> tuple[object, ...]:
    whose = (held, "1944-02-03", "", "", "", '["discharge"]', '{"text":"bench"}')
    last = ("2026-01-01", "", 0, "bench", 0, "bench", 0, "")
    return (id_, team, 1, number_place(held), b"", *whose, *last)


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


def measure_messages(sizes: tuple[int, int]) -> None:
    """Print what a whole discharge costs more beside the larger list."""
    with TemporaryDirectory() as folder, ExitStack() as opened:
        relays = [opened.enter_context(_filled(Path(folder), size)) for size in sizes]
        taken: list[list[float]] = [[], []]
        for i in range(MESSAGES):
            for k in (0, 1) if i % 2 else (1, 0):
                taken[k].append(_taken_in(relays[k], i))
    for size, seconds in zip(sizes, taken, strict=True):
        told = f"median of {MESSAGES} discharges of patients on one of {size:,} entries"
        tell("caseload_message", statistics.median(seconds) * 1e3, "ms", told)
    more = statistics.median(b - a for a, b in zip(*taken, strict=True)) * 1e3
    told = f"median of what one costs more beside {sizes[1]:,} entries; to be less than 1"
    tell("caseload_message_more", more, "ms", told)


@contextmanager
def _filled(folder: Path, size: int) -> Iterator[Relay]:
    """A relay with so many entries, and one for each patient of the messages."""
    url = f"sqlite:///{folder / f'{size}.db'}"
    migrate(url)
    fill(url, 0, size)
    opened = database(url)
    own = [_entry(f"own{i:09}", "8HX01", NUMBERS[i]) for i in range(MESSAGES)]
    opened.write(lambda tx: tx.insert("caseload", own))
    opened.close()
    relay = compose(Settings(database=url))
    with relay.store:
        yield relay


def _taken_in(relay: Relay, i: int) -> float:
    body = _A03.format(i=i, number=NUMBERS[i]).replace("\n", "\r").encode()
    begun = time.perf_counter()
    [answer] = relay.pipeline.receive_hl7v2(OdsCode("RJZ"), "application/hl7-v2", body)
    took = time.perf_counter() - begun
    assert b"MSA|AA" in answer.body
    assert b"caseload" in answer.body
    return took


if __name__ == "__main__":
    main()

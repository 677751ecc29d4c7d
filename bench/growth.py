"""Whether it stays fast: ingest and poll with 1 thousand, 100 thousand, 1 million notices stored.

`python -m bench.growth [--sizes 1000,100000,1000000]`, JSON lines. The first thousand come by HTTP,
the rest is copied (`multiplied`); a million takes 15 GB of disk and some minutes.
"""

from __future__ import annotations

import argparse
import itertools
import sqlite3
import statistics
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.bodies import ODS, RECIPIENT, SENDER, transaction
from bench.figures import tell, tell_median
from bench.load import Step, Target, asking, rate, shared_out
from bench.multiplied import multiply
from bench.relay import Running, serving
from bench.steady import Rate, warm_up
from service.model import Instant

BASE: Final = 1000
CLIENTS: Final = 4
REQUESTS: Final = 500  # a repetition
REPEAT: Final = 5
PLACES: Final = 200  # of the feed, that are polled in turn
_FHIR: Final = "Content-Type: application/fhir+json\r\n"
Medians = tuple[float, float]  # ingest, poll


def main() -> None:
    """Measure each size on a database of its own, and tell what the largest keeps of the rates."""
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("--sizes", default="1000,100000,1000000", help="thousands, by commas")
    sizes = [int(one) for one in parser.parse_args().sizes.split(",")]
    medians = [measured(size) for size in sizes]
    for name, small, large in zip(("ingest", "poll"), medians[0], medians[-1], strict=True):
        told = f"rate with {sizes[-1]:,} stored ÷ with {sizes[0]:,}"
        tell(f"{name}_growth", large / small, "times", told)


def measured(size: int) -> Medians:
    """Return the medians of both rates with so many notices stored."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "growth.db")
        with serving(SENDER, RECIPIENT, database=f"sqlite:///{path}") as relay:
            sends = Target(port=relay.port, headers=_FHIR + relay.bearer(SENDER))
            rate(relay.port, shared_out([_post(sends, i) for i in range(BASE)], CLIENTS))
        multiply(path, size // BASE)
        with serving(SENDER, RECIPIENT, database=f"sqlite:///{path}") as relay:
            return _ingest(relay, size), _poll(relay, path, size)


def _ingest(relay: Running, size: int) -> float:
    numbers = itertools.count(10_000_000)
    sends = Target(port=relay.port, headers=_FHIR + relay.bearer(SENDER))

    def run() -> float:
        steps = [_post(sends, next(numbers)) for _ in range(REQUESTS)]
        return rate(relay.port, shared_out(steps, CLIENTS))

    return _median(f"ingest_at_{size}", run)


def _poll(relay: Running, path: Path, size: int) -> float:
    reads = Target(port=relay.port, headers=relay.bearer(RECIPIENT))
    base = f"/fhir/Communication?recipient:identifier={ODS}|{RECIPIENT}&_count=20"
    asked = [reads.request("GET", f"{base}&_lastUpdated=ge{time}") for time in _times(path)]
    steps = [asking(one) for one in itertools.islice(itertools.cycle(asked), REQUESTS)]
    return _median(f"poll_at_{size}", lambda: rate(relay.port, shared_out(steps), CLIENTS))


def _median(name: str, run: Rate) -> float:
    warm_up(run)
    rates = [run() for _ in range(REPEAT)]
    tell_median(f"{name}_rate", rates, "1/s", f"{CLIENTS} clients, 1 process, SQLite")
    return statistics.median(rates)


def _times(path: Path) -> list[str]:
    """Return instants all over the feed, as `_lastUpdated` asks for them."""
    sql = "SELECT updated FROM delivery WHERE recipient = ? AND n = ?"
    with closing(sqlite3.connect(path)) as db:
        (last,) = db.execute("SELECT n FROM recipient WHERE ods = ?", (RECIPIENT,)).fetchone()
        numbers = [1 + one * (last - 1) // PLACES for one in range(PLACES)]
        found = [db.execute(sql, (RECIPIENT, n)).fetchone()[0] for n in numbers]
    return [Instant(one).isoformat() for one in found]


def _post(target: Target, i: int) -> Step:
    return asking(target.request("POST", "/fhir", transaction(i)))


if __name__ == "__main__":
    main()

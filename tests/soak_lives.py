"""Processes of a soak: born of the nursery, killed at random points of their lives."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.mesh_relay import SECRETS
from tests.soak_nursery import ROLES, Setup

ROOT: Final = Path(__file__).resolve().parents[1]
_WRITES: Final = (0, 1, 2, 3, 5, 8, 13, 21, 34)  # at which of its writes one dies; 0: at none


@dataclass
class Nursery:
    """The process that the relay's processes are forks of."""

    process: subprocess.Popen[str]
    lines: list[list[Any]] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    asking: threading.Lock = field(default_factory=threading.Lock)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            what, pid, status = json.loads(line)
            with self.changed:
                if what == "ended":
                    self.ended[pid] = status
                else:
                    self.lines.append([what, pid, status])
                self.changed.notify_all()
        with self.changed:
            self.lines.append(["gone", 0, 0])
            self.changed.notify_all()

    def born(self, role: str, when: str = "", n: int = 0) -> int:
        with self.asking, self.changed:
            known = len(self.lines)
            self._say({"role": role, "when": when, "n": n})
            assert self.changed.wait_for(lambda: len(self.lines) > known, 60)
            return int(self.lines[-1][1])

    def has_ended(self, pid: int, seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: pid in self.ended, seconds)

    def kill(self, pid: int) -> None:
        self._say({"kill": pid})
        assert self.has_ended(pid, 30)

    def _say(self, asked: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()


@contextmanager
def nursery(setup: Setup) -> Iterator[Nursery]:
    """Load what the processes need; at the end all of them are killed."""
    secrets = {f"DISCHARGE_RELAY_{name.upper()}": value for name, value in SECRETS.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak_nursery", json.dumps(asdict(setup))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | secrets,
    )
    made = Nursery(process)
    thread = threading.Thread(target=made.listen, daemon=True)
    thread.start()
    try:
        with made.changed:
            assert made.changed.wait_for(lambda: bool(made.lines), 100)
            assert made.lines[0][0] == "ready"
        yield made
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(30)
        thread.join()
        process.stdout.close()


class Lives:
    """Keeps one process of each role alive, and kills them at random points until told to stop."""

    def __init__(self, there: Nursery, kills: int, seed: int) -> None:
        self._there, self._most = there, kills
        self._choose = random.Random(seed)
        self.kills, self._counting = 0, threading.Lock()
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=self._live, args=[role]) for role in ROLES]

    def __enter__(self) -> Lives:
        for thread in self._threads:
            thread.start()
        return self

    @property
    def share(self) -> float:
        """How much of the killing is done: 0 to 1."""
        return min(1.0, self.kills / self._most) if self._most else 1.0

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(60)

    def _live(self, role: str) -> None:
        while self.kills < self._most and not self.stop.is_set():
            self._killed(role)
        if not self.stop.is_set():
            pid = self._there.born(role)
            while not self.stop.wait(0.1):
                assert pid not in self._there.ended, f"{role} ended by itself"
            self._there.kill(pid)

    def _killed(self, role: str) -> None:
        """Let a process live until one of its writes, or for some time, whichever comes first."""
        n = self._choose.choice(_WRITES)
        pid = self._there.born(role, self._choose.choice(("before", "after")), n)
        if not self._there.has_ended(pid, self._choose.uniform(0.3, 2.0)):
            self._there.kill(pid)
        assert self._there.ended[pid] == -9, f"{role} ended by itself"
        with self._counting:
            self.kills += 1

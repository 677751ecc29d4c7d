"""Processes of a relay by a simulated clock: `python -m tests.soak_nursery SETUP`, told on stdin.

What all of them need is loaded once; each is then a fork that takes a tenth of a second to be
there, so that hundreds can be killed. A line asks for one, as JSON: its role, and at which of its
writes it is to kill itself. What became of which is told on stdout.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from werkzeug.serving import WSGIRequestHandler, make_server

from service import log
from service.app import Relay, assemble, chasing, create_app
from service.cli.delivering import configured, poller, pusher, worker
from service.cli.rules import rules
from service.delivery.chase import ChaseWorker
from service.delivery.sending import Policy
from service.model import Instant
from service.settings import Settings
from service.store import Store
from service.store.opening import database
from tests.chase_killed import Dying

LOOK: Final = 0.02  # seconds between two looks for what ended
PATIENT: Final = Policy(longest=900, look=0.1, tries=1 << 31)  # pauses in simulated seconds


@dataclass(frozen=True)
class Clock:
    """A time that whoever has the file shares: microseconds since 1970."""

    shared: mmap.mmap

    @classmethod
    def at(cls, path: Path) -> Clock:
        with path.open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), 8))

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.instant() / 1_000_000, UTC)

    def instant(self) -> Instant:
        return Instant(struct.unpack("q", self.shared[:8])[0])

    def set(self, to: datetime) -> None:
        self.shared[:8] = struct.pack("q", Instant.of(to))


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the processes of a run share."""

    database: str
    mappings: str
    mesh: str
    clock: str
    port: int

    @property
    def settings(self) -> Settings:
        return Settings(
            database=self.database,
            mappings=Path(self.mappings),
            mesh=self.mesh,
            port=self.port,
            push_inside="localhost",
        )

    def relay(self, clock: Clock, when: str, n: int) -> Relay:
        """A relay on the database; with `n` its process is killed at its n-th write."""
        url = self.database
        store = Store(Dying(url, when, n) if n else database(url), clock.instant)
        return assemble(self.settings, store, *rules(Path(self.mappings)), lambda: clock.now)


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        return


def serve(relay: Relay, _: Clock) -> None:
    make_server(
        "127.0.0.1",
        relay.settings.port,
        create_app(relay),
        threaded=True,
        request_handler=_Quiet,
    ).serve_forever()


def deliver(relay: Relay, _: Clock) -> None:
    """Send by MESH and to subscriptions, and poll the mailbox, as the command does."""
    mesh = configured(relay.settings, relay.routing.directory)
    assert mesh is not None
    without_hooks = replace(relay, settings=replace(relay.settings, push=False))
    _together(worker(without_hooks, mesh), poller(relay, mesh), pusher(relay, PATIENT))


def chase(relay: Relay, clock: Clock) -> None:
    made = chasing(relay.store, relay.routing.directory, lambda: clock.now)
    ChaseWorker(made, relay.store, look=0.1).run(threading.Event())


ROLES: Final[dict[str, Callable[[Relay, Clock], None]]] = {
    "serve": serve,
    "deliver": deliver,
    "chase": chase,
}


def _together(*parts: Callable[[threading.Event], None]) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=part, args=(stop,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _child(setup: Setup, clock: Clock, asked: dict[str, Any]) -> None:
    """Be one of them until killed."""
    relay = setup.relay(clock, asked["when"], asked["n"])
    with closing(relay.store):
        ROLES[asked["role"]](relay, clock)


def main(written: str) -> None:
    log.configure("CRITICAL")
    setup = Setup(**json.loads(written))
    clock = Clock.at(Path(setup.clock))
    rules(Path(setup.mappings))
    _tell("ready", 0, 0)
    living: set[int] = set()
    try:
        while _heard(setup, clock, living):
            _bury(living)
    finally:
        for pid in living:
            os.kill(pid, signal.SIGKILL)


def _heard(setup: Setup, clock: Clock, living: set[int]) -> bool:
    """Do what the next line asks for, if there is one; False: whoever asked is gone."""
    if not select.select([sys.stdin], [], [], LOOK)[0]:
        return True
    line = os.read(0, 65536)
    for one in line.splitlines():
        asked = json.loads(one)
        if "kill" in asked and asked["kill"] in living:
            os.kill(asked["kill"], signal.SIGKILL)
        elif "role" in asked:
            living.add(_forked(setup, clock, asked))
    return bool(line)


def _forked(setup: Setup, clock: Clock, asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _child(setup, clock, asked)
        finally:
            os._exit(3)  # one that ends by itself is a fault
    _tell(asked["role"], pid, 0)
    return pid


def _bury(living: set[int]) -> None:
    for pid in list(living):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            living.remove(pid)
            _tell("ended", pid, os.waitstatus_to_exitcode(status))


def _tell(what: str, pid: int, status: int) -> None:
    sys.stdout.write(json.dumps([what, pid, status]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

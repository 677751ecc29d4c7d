"""Three `serve` on one PostgreSQL, killed in turn: every 2xx is in the feed, in order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.store import open_store
from tests.mesh_relay import eventually
from tests.routing_fixtures import folder
from tests.serving import Served, serving
from tests.soak_plan import DIRECTORY, HOOK, MESH, POLLS_TOO, RULES, TRUSTS, Plan, plan
from tests.soak_run import BEGIN, needed_mappings, system_of
from tests.soak_teams import Polling, Trust, marks

pytest_plugins = ["tests.store_fixtures"]
pytestmark = [pytest.mark.postgres, pytest.mark.slow]
SERVERS = 3
SHARE = 40  # messages that are sent about each kill, most of them while a server is missing
PAUSE = 0.02  # seconds between two messages of a trust
READERS = (POLLS_TOO, HOOK, MESH)  # as the rules know them; here all of them poll


@dataclass
class Servers:
    """Several processes that share a database."""

    database: str
    mappings: Path
    running: dict[int, tuple[AbstractContextManager[Served], Served]] = field(default_factory=dict)

    def start(self, number: int) -> None:
        here = serving(
            *("--database", self.database, "--mappings", self.mappings),
            chases="no",
            push="no",
            log_level="CRITICAL",
        )
        self.running[number] = here, here.__enter__()

    def kill(self, number: int) -> None:
        """End its processes by SIGKILL."""
        here, served = self.running.pop(number)
        served.process.kill()
        here.__exit__(None, None, None)

    def base(self, choose: random.Random) -> str:
        _, served = choose.choice(list(self.running.values()))
        return f"http://127.0.0.1:{served.port}"


@contextmanager
def started(database: str, mappings: Path) -> Iterator[Servers]:
    """Start them at once; at the end none is left."""
    made = Servers(database, mappings)
    threads = [threading.Thread(target=made.start, args=[n]) for n in range(SERVERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len(made.running) == SERVERS
        yield made
    finally:
        for number in list(made.running):
            made.kill(number)


@dataclass
class Load:
    """Trusts that send and teams that read, each time by any of the servers that are there."""

    servers: Servers
    trusts: list[Trust]
    readers: dict[str, Polling]
    quota: int = 0  # messages that may be sent by now
    over: threading.Event = field(default_factory=threading.Event)
    faults: list[BaseException] = field(default_factory=list)

    @contextmanager
    def busy(self) -> Iterator[None]:
        every = [*self.trusts, *self.readers.values()]
        threads = [threading.Thread(target=self._again, args=[one]) for one in every]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(30)

    def answered(self) -> int:
        assert self.faults == []
        return sum(trust.answered for trust in self.trusts)

    def _again(self, one: Trust | Polling) -> None:
        choose = random.Random(one.system.ods)
        try:
            while not self.over.wait(PAUSE):
                one.system.base = self.servers.base(choose)
                if isinstance(one, Trust):
                    one.turn(lambda _: self.answered() < self.quota)
                else:
                    one.turn()
        except BaseException as fault:  # told to the test, which runs in another thread
            self.faults.append(fault)


def load_of(servers: Servers, wanted: Plan) -> Load:
    with open_store(servers.database) as store:
        trusts = [Trust(system_of(store, ods, 0), wanted.of(ods)) for ods in TRUSTS]
        readers = {ods: Polling(system_of(store, ods, 0), answers=False) for ods in READERS}
    return Load(servers, trusts, readers)


def test_servers_that_are_killed_in_turn_lose_and_reorder_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    wanted = plan(140, BEGIN, days=5)
    mappings = folder(needed_mappings(tmp_path), DIRECTORY, RULES)
    with started(postgres_url, mappings) as servers:
        load = load_of(servers, wanted)
        with load.busy():
            for number in range(SERVERS):
                load.quota += SHARE
                eventually(lambda: load.answered() > load.quota - SHARE * 3 / 4)
                servers.kill(number)
                servers.start(number)
            load.quota = len(wanted.sendings)
            eventually(lambda: load.answered() == load.quota)
        for reader in load.readers.values():
            reader.system.base = servers.base(random.Random(1))
            while reader.turn():
                continue

    with open_store(postgres_url) as store:
        for ods, reader in load.readers.items():
            events = store.feed(ods, None, 10_000).events
            assert [event.n for event in events] == list(range(1, len(events) + 1))
            assert [one["id"] for _, one in reader.told.seen] == [event.id for event in events]
            told = [control_id for control_id, _ in marks(reader.told, ods)]
            for trust in TRUSTS:
                sent = wanted.notices(ods, trust)
                assert [one for one in told if one in sent] == sent
            assert len(told) == sum(len(wanted.notices(ods, trust)) for trust in TRUSTS)

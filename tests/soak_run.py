"""One soak: a plan is sent through a relay of several processes, which may be killed meanwhile."""

from __future__ import annotations

import json
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from service.app import access_tokens
from service.bundled import bundled_folder
from service.cli.ports import free_port
from service.model import Instant, OdsCode
from service.security import Client, Scopes
from service.store import RegisteredClient, Store, open_store
from tests.hook_endpoint import endpoint
from tests.mesh_beside import Sandbox
from tests.mesh_relay import eventually, mesh_file
from tests.routing_fixtures import folder
from tests.soak_lives import Lives, Nursery, nursery
from tests.soak_nursery import Clock, Setup
from tests.soak_plan import (
    DIRECTORY,
    HOOK,
    LATE,
    MESH,
    POLLS,
    POLLS_TOO,
    RULES,
    SILENT,
    TRUSTS,
    Plan,
    Sending,
)
from tests.soak_teams import Hooked, Mailbox, Polling, System, Trust, marks

BEGIN: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)  # a Friday
UP: Final = timedelta(hours=3)  # the endpoint is up so long, then down so long
AHEAD: Final = timedelta(minutes=30)  # that the clock may be ahead of what is not sent yet
TICK: Final = 0.02  # seconds between two steps of the clock
SCOPES: Final = "system/*.cruds"


@dataclass
class Soak:
    """The parts of a run."""

    plan: Plan
    clock: Clock
    store: Store
    trusts: list[Trust]
    polling: dict[str, Polling]
    silent: Polling  # reads nothing until all is over
    hooked: Hooked
    mailbox: Mailbox
    late: set[str] = field(default_factory=set)  # whose senders see that the silent one is late
    over: threading.Event = field(default_factory=threading.Event)
    faults: list[BaseException] = field(default_factory=list)

    def run(self, lives: Lives, seconds: float) -> None:
        """Send everything while the clock goes on, then let the last deadlines pass."""
        with self._busy(), lives:
            self.hooked.subscribe()
            eventually(lambda: self.store.subscriptions.of(HOOK)[0].status == "active", 60)
            self._pass(lives, seconds)
            self._settle(self.clock.now + LATE + timedelta(hours=8))
            self.hooked.be(up=True, k=0)
            self._read_all()
            while self.silent.turn():
                continue
            self.late |= set(self._seen_late())

    def _pass(self, lives: Lives, seconds: float) -> None:
        step = (self.plan.end - self.plan.begin) / max(1, seconds / TICK)
        whole = self.plan.end - self.plan.begin
        while unsent := [one.next.at for one in self.trusts if one.next]:
            bound = min(min(unsent) + AHEAD, self.plan.begin + whole * (lives.share + 0.02))
            self._tick(max(self.clock.now, min(self.clock.now + step, bound)))

    def _settle(self, until: datetime) -> None:
        while self.clock.now < until:
            self._tick(self.clock.now + timedelta(minutes=30))

    def _tick(self, to: datetime) -> None:
        assert not self.faults, self.faults[0]
        self.clock.set(to)
        half, odd = divmod(to - self.plan.begin, UP)
        self.hooked.be(up=half % 2 == 0, k=int(odd / timedelta(minutes=10)) + half)
        time.sleep(TICK)

    def _read_all(self) -> None:
        """Wait until every face shows all that there is."""
        until = time.monotonic() + 60
        while time.monotonic() < until and not self._is_all_read():
            self._tick(self.clock.now + timedelta(seconds=30))
            self.hooked.be(up=True, k=0)

    def _is_all_read(self) -> bool:
        heads = {ods: self.store.head(ods).n for ods in (*self.polling, HOOK, MESH)}
        told = {ods: len(one.told.seen) for ods, one in self.polling.items()}
        told |= {HOOK: len(self.hooked.told.seen), MESH: len(self.mailbox.told.seen)}
        return heads == told and not self.store.deadlines.due(self.clock.instant())

    def _seen_late(self) -> Iterator[str]:
        """Yield what senders see as late and reminded, in their own view of what they sent."""
        trusts = {one.control_id: one.trust for one in self.plan.sendings}
        notices = zip(marks(self.silent.told, SILENT), self.silent.told.seen, strict=True)
        for (control_id, why), (_, communication) in notices:
            id_ = communication["meta"]["source"].removeprefix("urn:uuid:")
            system = self.polling[trusts[control_id]].system
            status = json.loads(system.insist("GET", f"/messages/{id_}/$status"))
            [mine] = [one for one in status["recipients"] if one["ods"] == SILENT]
            done = [one["what"] for one in mine["done"]]
            if not why and done[:1] == ["Reminded."] and "has not acknowledged" in done[1]:
                yield control_id

    # --- everybody at once -------------------------------------------------------------------

    @contextmanager
    def _busy(self) -> Iterator[None]:
        def is_due(sending: Sending) -> bool:
            return sending.at <= self.clock.now

        sending = [lambda one=one: one.turn(is_due) for one in self.trusts]
        reading = [one.turn for one in self.polling.values()]
        parts = [(one, 0.005) for one in sending]
        parts += [(one, 0.1) for one in (*reading, self.hooked.turn, self.mailbox.turn)]
        threads = [threading.Thread(target=self._again, args=part) for part in parts]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(40)

    def _again(self, turn: Callable[[], object], pause: float) -> None:
        try:
            while not self.over.wait(pause):
                turn()
        except BaseException as fault:  # told to the main thread
            self.faults.append(fault)
            raise


@contextmanager
def prepared(url: str, path: Path, sandbox: Sandbox, plan: Plan) -> Iterator[tuple[Soak, Nursery]]:
    """Set everything up on an empty database: processes, endpoint, tokens."""
    setup = _setup(url, path, sandbox)
    clock = Clock.at(Path(setup.clock))
    clock.set(plan.begin)
    with ExitStack() as opened:
        hook = opened.enter_context(endpoint())
        store = opened.enter_context(open_store(url, clock.instant))
        there = opened.enter_context(nursery(setup))
        systems = {ods: system_of(store, ods, setup.port) for ods in (*TRUSTS, POLLS, POLLS_TOO)}
        polling = {ods: Polling(one, answers=ods not in TRUSTS) for ods, one in systems.items()}
        hooked = Hooked(system_of(store, HOOK, setup.port), hook)
        trusts = [Trust(system_of(store, ods, setup.port), plan.of(ods)) for ods in TRUSTS]
        mailbox = Mailbox(MESH, sandbox, "HSP0001")
        silent = Polling(system_of(store, SILENT, setup.port), answers=False)
        yield Soak(plan, clock, store, trusts, polling, silent, hooked, mailbox), there


def _setup(url: str, path: Path, sandbox: Sandbox) -> Setup:
    mappings = folder(needed_mappings(path), DIRECTORY, RULES)
    mesh = mesh_file(path, sandbox)
    clock = path / "clock"
    clock.write_bytes(struct.pack("q", Instant.of(BEGIN)))
    return Setup(
        database=url,
        mappings=str(mappings),
        mesh=str(mesh),
        clock=str(clock),
        port=free_port("127.0.0.1"),
    )


def needed_mappings(path: Path) -> Path:
    """Copy the mappings that the three trusts need."""
    copied = path / "mappings"
    bases = {"hl7v2-adt.yaml", "hl7v2-adt-epic.yaml"}
    needed = {f"{ods.lower()}-adt.yaml" for ods in TRUSTS} | bases
    shutil.copytree(bundled_folder("mappings"), copied)
    for mapping in (*copied.glob("???-*.yaml"), *copied.glob("base/*.yaml")):
        if mapping.name not in needed:
            mapping.unlink()
    return copied


def system_of(store: Store, ods: str, port: int) -> System:
    """Register an organisation's client; return it with a token that lasts."""
    id_ = f"{ods}-1"
    if store.clients.get(id_) is None:
        store.clients.add(
            RegisteredClient(id=id_, organisation=ods, name=ods, scopes=SCOPES, jwks="{}")
        )
    client = Client(id=id_, organisation=OdsCode(ods), scopes=Scopes.parse(SCOPES))
    token = access_tokens(store).issue(client, id_, lifetime=7200)
    return System(ods, f"http://127.0.0.1:{port}", token)

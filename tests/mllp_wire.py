"""A listener on a port of its own, and plain sockets to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from service.app import Relay, assemble, take_in
from service.mllp import Address, Intake, Listener
from service.model import OdsCode
from service.settings import Settings
from service.store import open_store
from tests.shipped import shipped

Listen = Callable[..., "Wire"]


def intake_of(relay: Relay) -> Intake:
    return Intake(take_in=partial(take_in, relay), keep_part=relay.pipeline.keep_part)


@contextmanager
def quick_relay(url: str) -> Iterator[Relay]:
    """A relay whose mappings are loaded once for all tests."""
    with open_store(url) as store:
        yield assemble(Settings(database=url), store, *shipped())


@dataclass
class Wire:
    """A listener that runs, and a plain socket to it."""

    port: int
    stop: Callable[[], None] = field(repr=False)
    tls: ssl.SSLContext | None = None  # of a client

    @contextmanager
    def connected(self, timeout: float = 20) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as plain:
            if self.tls is None:
                yield plain
                return
            with self.tls.wrap_socket(plain, server_hostname="localhost") as secured:
                yield secured


def heard(wire: socket.socket, answers: int = 1) -> list[tuple[str, str]]:
    """Return (MSA-1, MSA-2) of so many answers; fewer if the other side closes before."""
    received = b""
    while received.count(b"\x1c\r") < answers and (chunk := wire.recv(65536)):
        received += chunk
    return codes(received)


def all_heard(wire: socket.socket) -> list[tuple[str, str]]:
    """Return (MSA-1, MSA-2) of every answer until the other side closes."""
    return codes(b"".join(iter(lambda: wire.recv(65536), b"")))


def codes(received: bytes) -> list[tuple[str, str]]:
    frames = received.split(b"\x1c\r")
    assert frames.pop() == b"", "the last answer has no end"
    assert all(frame.startswith(b"\x0bMSH|") for frame in frames)
    lines = [line for frame in frames for line in frame.decode().split("\r")]
    return [(f[1], f[2]) for line in lines if (f := line.split("|"))[0] == "MSA"]


@contextmanager
def listening(intake: Intake, sender: str = "RJZ", **changed: Any) -> Iterator[Wire]:
    """Run a listener in a thread until the block ends."""
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)
    port = bound.getsockname()[1]
    address = Address(host="127.0.0.1", port=port, sender=OdsCode(sender) if sender else None)
    loop, told = asyncio.new_event_loop(), asyncio.Event()
    options = {"limit": 1_000_000, "connections": 10, "threads": 4, **changed}

    async def serve() -> None:
        await Listener([(bound, address)], intake, **options).serve(told)

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()

    def stop() -> None:
        loop.call_soon_threadsafe(told.set)

    try:
        yield Wire(port=port, stop=stop)
    finally:
        stop()
        thread.join()
        loop.run_until_complete(asyncio.sleep(0.01))  # what was told to close is closed
        loop.close()

"""A relay of its own for measuring: started on a free port, with clients, stopped at the end."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from service.app import compose, new_id
from service.model import OdsCode
from service.security import AccessTokens, Client, Scopes
from service.settings import Settings
from service.store import migrate

READY_WITHIN = 20  # seconds
TOKEN_FOR = 3600  # seconds; a whole run


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A serving relay and what is needed to talk to it."""

    port: int
    process: psutil.Process
    tokens: dict[str, str]  # ODS code → access token
    ready_after: float  # seconds from start to the first answer

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is kept open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def bearer(self, organisation: str) -> str:
        """Return the header that an organisation's client sends, ended by CR LF."""
        return f"Authorization: Bearer {self.tokens[organisation]}\r\n"

    def cpu(self) -> float:
        """Return the CPU seconds that all serving processes have used so far."""
        every = [self.process, *self.process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in every)

    def memory(self) -> float:
        """Return the resident memory of all serving processes in MB (10^6 bytes).

        What they share is counted once: each page by the share that each has of it (Linux).
        """
        every = [self.process, *self.process.children(recursive=True)]
        return sum(one.memory_full_info().pss for one in every) / 1e6


@contextmanager
def serving(*organisations: str, database: str = "", workers: int = 1) -> Iterator[Running]:
    """Yield a relay that serves from a fresh database, with a client for each organisation."""
    with TemporaryDirectory() as folder:
        url = database or f"sqlite:///{Path(folder, 'bench.db')}"
        migrate(url)
        port = free_port()
        settings = replace(Settings(), database=url, port=port)
        relay = compose(settings)
        tokens = {ods: token(relay.tokens, ods) for ods in organisations}
        relay.store.close()
        command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
        environment = {
            **os.environ,
            "DISCHARGE_RELAY_DATABASE": url,
            "DISCHARGE_RELAY_LOG_LEVEL": "WARNING",
        }
        started = time.perf_counter()
        server = subprocess.Popen([*command, "--workers", str(workers)], env=environment)
        try:
            wait_until_ready(port, server)
            yield Running(
                port=port,
                process=psutil.Process(server.pid),
                tokens=tokens,
                ready_after=time.perf_counter() - started,
            )
        finally:
            server.terminate()
            server.wait(timeout=20)


def token(tokens: AccessTokens, ods: str) -> str:
    """Return an access token for an organisation that may do everything with its own."""
    client = Client(
        id=f"bench-{ods}", organisation=OdsCode(ods), scopes=Scopes.parse("system/*.cruds")
    )
    return tokens.issue(client, new_id(), lifetime=TOKEN_FOR)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when /ready answers 200. Raises TimeoutError."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/ready")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("the relay did not start to serve")

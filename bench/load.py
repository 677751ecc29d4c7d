"""A load of several clients over HTTP, lean enough not to be what is measured."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Thread

TAKEN = (b"200", b"201")
CONFLICTS = 20  # of one request: another client created the same patient in that moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A server on loopback, and the headers that it is sent."""

    port: int
    headers: str  # each ended by CR LF

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return a request as it goes over the wire."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.headers}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Client:
    """One connection that is kept open. A 409 is sent again, as a client of HAPI must.

    Raises ValueError for an answer other than 200, 201.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = self._socket.makefile("rb")

    def ask(self, request: bytes) -> bytes:
        """Send, and return the body of the answer."""
        for _ in range(CONFLICTS):
            status, body = self._exchange(request)
            if status[9:12] in TAKEN:
                return body
            if status[9:12] != b"409":
                break
        raise ValueError(f"{status.decode().strip()}: {body[:2000].decode()}")

    def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Return status line and body."""
        self._socket.sendall(request)
        status = self._read.readline()
        length, is_chunked = 0, False
        while (line := self._read.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            is_chunked |= name.lower() == b"transfer-encoding" and b"chunked" in value.lower()
        body = b"".join(self._chunks()) if is_chunked else self._read.read(length)
        return status, body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._read.readline(), 16):
            yield self._read.read(size)
            self._read.readline()
        self._read.readline()

    def close(self) -> None:
        """Hang up."""
        self._read.close()
        self._socket.close()


Step = Callable[[Client], object]  # one request of a client, or a few that belong together


def asking(request: bytes) -> Step:
    """Return a client's step that sends one request."""
    return lambda client: client.ask(request)


def shared_out(steps: list[Step], clients: int) -> list[list[Step]]:
    """Return each client's part of the steps."""
    return [steps[n::clients] for n in range(clients)]


def rate(port: int, steps: list[list[Step]]) -> float:
    """Run each client's steps in a thread of its own; return steps a second. Raises ValueError."""
    faults: list[Exception] = []
    threads = [Thread(target=_run, args=(port, own, faults)) for own in steps]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if faults:
        raise faults[0]
    return sum(map(len, steps)) / seconds


def _run(port: int, steps: list[Step], faults: list[Exception]) -> None:
    client = Client(port)
    try:
        for step in steps:
            step(client)
    except (OSError, ValueError) as fault:
        faults.append(fault)
    finally:
        client.close()

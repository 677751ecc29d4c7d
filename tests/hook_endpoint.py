"""A subscriber's endpoint on loopback: it keeps what it is sent, and answers as a test tells it."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.certificates import Pair

Answer = int | tuple[int, dict[str, str]] | str  # a status, with headers, or what it does instead


@dataclass
class Post:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def bundle(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        return self.parameter("type")["valueCode"]

    @property
    def count(self) -> str:
        return self.parameter("events-since-subscription-start")["valueString"]

    def parameter(self, name: str) -> dict[str, Any]:
        parameters = self.bundle["entry"][0]["resource"]["parameter"]
        return next(one for one in parameters if one["name"] == name)

    @property
    def events(self) -> list[dict[str, str]]:
        """What is told of each event, by name of the part."""
        parameters = self.bundle["entry"][0]["resource"]["parameter"]
        told = [one["part"] for one in parameters if one["name"] == "notification-event"]
        return [{part["name"]: _value(part) for part in parts} for parts in told]

    @property
    def numbers(self) -> list[int]:
        return [int(event["event-number"]) for event in self.events]


def _value(part: dict[str, Any]) -> str:
    [value] = [value for name, value in part.items() if name.startswith("value")]
    return value["reference"] if isinstance(value, dict) else value


@dataclass
class Endpoint:
    """What came, and how the next requests are answered; by default with 200."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)  # of the next requests, in order
    always: Answer = 200
    busy: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, kind: str = "event-notification") -> list[Post]:
        return [post for post in self.posts if post.kind == kind]

    @property
    def numbers(self) -> list[int]:
        """The numbers of all events that came, in the order in which they came."""
        return [n for post in self.told() for n in post.numbers]


@contextmanager
def endpoint(pair: Pair | None = None, always: Answer = 200) -> Iterator[Endpoint]:
    """Listen during the block; by TLS if there is a certificate."""
    there = Endpoint(always=always)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(there))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a connection that was cut off is no news
    if pair:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.cert, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    there.url = f"{'https' if pair else 'http'}://localhost:{server.server_port}/hook?team=1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(there: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with there.lock:
                there.busy += 1
                there.most_at_once = max(there.most_at_once, there.busy)
            try:
                self._take()
            finally:
                with there.lock:
                    there.busy -= 1

        def do_GET(self) -> None:
            there.posts.append(Post(self.path, {}, b"", time.monotonic()))
            self.send_error(500)

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            post = Post(self.path, dict(self.headers.items()), body, time.monotonic())
            with there.lock:
                answer = there.answers.pop(0) if there.answers else there.always
                if answer in (200, "lost"):
                    there.posts.append(post)
            _ANSWERS.get(str(answer), _plainly)(self, answer)

        def log_message(self, *_: object) -> None:
            return

    return Taking


def _plainly(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    status, headers = answer if isinstance(answer, tuple) else (int(answer), {})
    handler.send_response(status)
    for name, value in {"Content-Length": "0", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()


def _reset(handler: BaseHTTPRequestHandler, _: Answer) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def _slow(handler: BaseHTTPRequestHandler, _: Answer) -> None:
    time.sleep(3)
    _plainly(handler, 200)


def _trickle(handler: BaseHTTPRequestHandler, _: Answer) -> None:
    for one in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
        handler.wfile.write(bytes([one]))
        handler.wfile.flush()
        time.sleep(0.1)


_ANSWERS: dict[str, Callable[[BaseHTTPRequestHandler, Answer], None]] = {
    "reset": _reset,
    "lost": _reset,  # it has taken it, and nobody hears of that
    "slow": _slow,
    "trickle": _trickle,
}

"""A FHIR server that answers as a test tells it, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Resource = dict[str, Any]
Answer = tuple[int, Any, dict[str, str]]  # status, JSON or bytes, headers


@dataclass
class Peer:
    """What came, and what is answered next; with nothing left to say, it takes everything."""

    port: int = 0
    transactions: list[Resource] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # paths of reads
    tokens: list[str | None] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def of(self, kind: str, transaction: int = -1) -> list[Resource]:
        """The resources of a type in a transaction."""
        entries = self.transactions[transaction]["entry"]
        return [one["resource"] for one in entries if one["resource"]["resourceType"] == kind]

    def urls(self, transaction: int) -> list[str]:
        """What a transaction puts."""
        requests = [one["request"] for one in self.transactions[transaction]["entry"]]
        return [one["url"] for one in requests if one["method"] == "PUT"]

    def has(self, path: str) -> bool:
        place = path.partition("/fhir/")[2].partition("?")[0]
        put = {one["request"]["url"] for sent in self.transactions for one in sent["entry"]}
        return place in put

    def take(self, transaction: Resource) -> Answer:
        if self.answers:
            return self.answers.pop(0)
        self.transactions.append(transaction)
        done = [{"response": {"status": "200 OK"}} for _ in transaction["entry"]]
        answer = {"resourceType": "Bundle", "type": "transaction-response", "entry": done}
        return 200, answer, {}


@contextmanager
def peer() -> Iterator[Peer]:
    """A server on loopback."""
    told = Peer()

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.tokens.append(self.headers["Authorization"])
            self._answer(*told.take(json.loads(body)))

        def do_GET(self) -> None:
            told.asked.append(self.path)
            self._answer(200 if told.has(self.path) else 404, {}, {})

        def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        server.shutdown()
        thread.join()

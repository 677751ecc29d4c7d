"""The floor: the same server, store and disk, but the body is stored and nothing else is done.

No mapping can be faster than this. The rate of ingest is told as a part of it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.bodies import transaction
from bench.load import Target, asking, rate, shared_out
from bench.relay import free_port, wait_until_ready
from service.app import new_id
from service.model import Instant
from service.store import Answer, Commit, RawMessage, migrate, open_store

DATABASE: Final = "BENCH_FLOOR_DATABASE"
_ANSWER: Final = b'{"resourceType":"Bundle","type":"transaction-response"}'
Start = Callable[[str, list[tuple[str, str]]], object]


def app() -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """Return what granian serves: each body is committed, then answered."""
    store = open_store(os.environ[DATABASE])

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        if body:
            store.commit(Commit(message=_raw(body), answer=_stored()))
        start("200 OK", [("Content-Type", "application/fhir+json")])
        return [_ANSWER]

    return answer


def _raw(body: bytes) -> RawMessage:
    return RawMessage(
        id=new_id(),
        sender="RJZ",
        control_id=new_id(),
        digest=hashlib.sha256(body).digest(),
        media_type="application/fhir+json",
        body=body,
        received_at=Instant(time.time_ns() // 1000),
        mapping="",
        mapping_version="",
    )


def _stored() -> Answer:
    return Answer(status=200, media_type="application/fhir+json", body=_ANSWER)


@contextmanager
def serving(workers: int = 1) -> Iterator[int]:
    """Yield the port of the floor, on a fresh SQLite database."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'floor.db')}"
        migrate(url)
        port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
        command += [
            "--blocking-threads",
            "32",
            "--no-ws",
            "--log-level",
            "error",
            "bench.floor:app",
        ]
        server = subprocess.Popen(command, env={**os.environ, DATABASE: url})
        try:
            wait_until_ready(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=20)


def posting(port: int, headers: str, clients: int, requests: int) -> Callable[[], float]:
    """Return what posts so many transactions by so many clients, and says how many a second."""
    target = Target(port=port, headers=headers + "Content-Type: application/fhir+json\r\n")
    numbers = itertools.count()

    def run() -> float:
        asked = [
            target.request("POST", "/fhir", transaction(next(numbers))) for _ in range(requests)
        ]
        return rate(port, shared_out([asking(one) for one in asked], clients))

    return run

"""`discharge-relay serve` as an operator runs it: a process of its own, on a free port."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

import psutil

from tests.cli_runner import RELAY, environment

LISTENING = re.compile(r"Listening on http://([^:]+):(\d+)")
LISTENING_MLLP = re.compile(r"Listening for MLLP on [^\s]+:(\d+)")


@dataclass
class Served:
    """A running server, and what it has printed so far."""

    process: subprocess.Popen[str]
    port: int = 0
    out: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def get(self, path: str, token: str = "", **headers: str) -> tuple[int, dict]:
        """Get a path on a connection of its own: any worker may answer."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return self.ask("GET", path, None, sent)

    def ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def mllp_port(self) -> int:
        """Return the port of the (first) MLLP listener, once it listens."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if found := LISTENING_MLLP.search("".join(self.out)):
                return int(found[1])
            time.sleep(0.02)
        raise AssertionError("no MLLP listener: " + "".join(self.errors))

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell the server to stop as a supervisor does; return its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def interrupt(self) -> int:
        """Press Ctrl-C: the whole process group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        return self.process.wait(40)


@contextmanager
def serving(*options: object, **settings: object) -> Iterator[Served]:
    """Run a server until the block ends; whatever is left of it is killed then."""
    process = subprocess.Popen(
        [*RELAY, "serve", "--port", "0", *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**settings),
        start_new_session=True,
    )
    served = Served(process)
    assert process.stdout is not None
    assert process.stderr is not None
    threads = [_collect(process.stderr, served.errors)]
    for line in process.stdout:
        served.out.append(line)
        if found := LISTENING.match(line):
            served.port = int(found[2])
            break
    threads.append(_collect(process.stdout, served.out))
    if not served.port:
        threads[0].join()
        raise AssertionError("the server did not start: " + "".join(served.errors))
    family = [*served.workers(), psutil.Process(process.pid)]
    try:
        yield served
    finally:
        for one in family:
            if one.is_running():
                one.kill()
        process.wait()
        for thread in threads:
            thread.join()
        process.stdout.close()
        process.stderr.close()


def _collect(stream: IO[str], lines: list[str]) -> threading.Thread:
    thread = threading.Thread(target=lambda: lines.extend(stream), daemon=True)
    thread.start()
    return thread

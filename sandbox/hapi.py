"""A HAPI FHIR server of our own on loopback, with our profiles in it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Final

import psutil
import requests

from sandbox.maven import Java
from sandbox.validator import PROFILES

FHIR: Final = "application/fhir+json"
_TIMEOUT: Final = 60  # seconds
Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hapi:
    """A running server."""

    base: str
    process: psutil.Process
    session: requests.Session

    def get(self, path: str) -> Resource:
        """Return what is at a path below the base. Raises HTTPError."""
        return self._answered(self.session.get(f"{self.base}/{path}", timeout=_TIMEOUT))

    def search(self, query: str) -> list[Resource]:
        """Return the matches of a search; never those of an earlier one."""
        return [entry["resource"] for entry in self.get(query).get("entry", ())]

    def put(self, resource: Resource) -> Resource:
        """Put a resource by its id. Raises HTTPError."""
        url = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        return self._answered(self.session.put(url, data=json.dumps(resource), timeout=_TIMEOUT))

    def post(self, path: str, resource: Resource) -> requests.Response:
        """Post a resource to a path below the base."""
        url = f"{self.base}/{path}"
        return self.session.post(url, data=json.dumps(resource), timeout=_TIMEOUT)

    def validate(self, resource: Resource) -> list[str]:
        """Return what $validate has against a resource."""
        answer = self.post(f"{resource['resourceType']}/$validate", resource)
        return [
            f"{issue['severity']}: {issue.get('diagnostics', '')}"
            for issue in answer.json()["issue"]
            if issue["severity"] in ("error", "fatal")
        ]

    def memory(self) -> float:
        """Return its resident memory in MB (10^6 bytes)."""
        return float(self.process.memory_info().rss / 1e6)

    @staticmethod
    def _answered(answer: requests.Response) -> Resource:
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def serving(java: Java, *, heap: str = "1g", **properties: str) -> Iterator[Hapi]:
    """Yield a server with our profiles in it, on H2 in memory. Raises NotBuilt.

    properties: peer.jdbc, peer.jdbc.user and peer.jdbc.password with _ for the full stops.
    """
    port = free_port()
    command = java.command("hapi", "Server", str(port), heap=heap)
    command[1:1] = [f"-D{name.replace('_', '.')}={value}" for name, value in properties.items()]
    with (
        TemporaryFile() as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            _wait_until_ready(process, log)
            session = requests.Session()
            session.trust_env = False  # a proxy has no business on the loopback
            session.headers.update({"Content-Type": FHIR, "Cache-Control": "no-store"})
            hapi = Hapi(
                base=f"http://127.0.0.1:{port}/fhir",
                process=psutil.Process(process.pid),
                session=session,
            )
            for file in sorted(PROFILES.glob("*.json")):
                hapi.put(json.loads(file.read_bytes()))
            yield hapi
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[str], log: IO[bytes]) -> None:
    """Raises ChildProcessError with what it logged."""
    for line in process.stdout or ():
        if line.strip() == "ready":
            return
    log.seek(0)
    raise ChildProcessError(f"HAPI did not start: {log.read().decode()[-4000:]}")

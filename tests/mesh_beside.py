"""The MESH sandbox beside a test: run, stopped, trapped, and used as other mailboxes' owners do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from service.mailbox import MeshAccess, MeshMailbox
from tests.mesh_peer import PASSWORD, SHARED_KEY

TRANSFER = "TOC_FHIR_IP_DISCH"
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Sandbox:
    """MESH, which a test can stop, start again and set traps in."""

    folder: Path
    port: int
    tls: tuple[str, ...] = ()  # files: certificate, key
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.mesh_peer"]
        self.process = subprocess.Popen(
            [*command, str(self.port), str(self.folder), *self.tls],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            requests.get(f"{self.url}/health", timeout=5, verify=(*self.tls, True)[0])
        except requests.ConnectionError:
            return False
        return True

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def empty(self) -> None:
        """Be as new: running, without TLS, no message in any mailbox."""
        closed = self.folder / "unknown.txt"
        if self.tls or closed.exists():
            self.stop()
        self.tls = ()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        if self.process is None:
            self.start()
        else:
            reset = f"{self.url}/messageexchange/admin/reset"
            requests.delete(reset, timeout=10).raise_for_status()

    def access(self, mailbox: str, **changed: Any) -> MeshAccess:
        fields = {
            "url": self.url,
            "password": PASSWORD,
            "shared_key": SHARED_KEY.encode(),
            "timeout": 10,
            **changed,
        }
        return MeshAccess(mailbox=mailbox, **fields)

    @contextmanager
    def mailbox(self, mailbox: str) -> Iterator[MeshMailbox]:
        opened = MeshMailbox(self.access(mailbox))
        try:
            yield opened
        finally:
            opened.close()

    def trap(self, method: str, path: str, when: str, pid: int = 0) -> None:
        """End a process, or without one break the connection, at the next such request."""
        text = json.dumps({"method": method, "path": path, "when": when, "pid": pid})
        waiting = self.folder / "trap.tmp"
        waiting.write_text(text)
        waiting.rename(self.folder / "trap.json")

    @property
    def is_trapped(self) -> bool:
        """Whether the trap still waits."""
        return (self.folder / "trap.json").exists()

    # --- what the other side sees -------------------------------------------------------------

    def post(
        self, sender: str, body: bytes, workflow: str = "TOC_FHIR_IP_DISCH", **more: str
    ) -> str:
        """Send the relay a message from a mailbox."""
        headers = {"media_type": "application/fhir+xml", "local_id": "", "subject": ""} | more
        with self.mailbox(sender) as box:
            return box.send("RELAY01", body, workflow=workflow, **headers)

    def inbox(self, mailbox: str) -> list[str]:
        """Return the ids that wait in a mailbox, oldest first."""
        with self.mailbox(mailbox) as box:
            return list(box.waiting())

    def collect(self, mailbox: str) -> list[bytes]:
        """Take everything out of a mailbox, as its owner does."""
        taken = []
        with self.mailbox(mailbox) as box:
            for id_ in list(box.waiting()):
                with box.incoming(id_) as message:
                    taken.append(message.read(10**8))
                box.acknowledge(id_)
        return taken

    def report(self, mailbox: str, linked_id: str, **more: str) -> None:
        """Put a report of non-delivery into a mailbox."""
        asked = {
            "mailbox_id": mailbox,
            "status": "error",
            "code": "14",
            "description": "Message not collected by recipient after 5 days",
            "workflow_id": "DISCHARGE_RELAY",
            "linked_message_id": linked_id,
            "subject": "NDR",
            **more,
        }
        url = f"{self.url}/messageexchange/admin/report"
        requests.post(url, json=asked, timeout=10).raise_for_status()

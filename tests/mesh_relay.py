"""A relay's delivery as a process of its own, on a database and a sandbox."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from service.app import Relay
from service.bundled import bundled_folder
from service.mesh.configuration import MeshConfiguration
from service.model import OdsCode
from tests.cli_runner import RELAY, environment
from tests.hl7v2_letters import a03
from tests.mesh_beside import Sandbox
from tests.mesh_peer import PASSWORD, SHARED_KEY

SECRETS = {"mesh_password": PASSWORD, "mesh_shared_key": SHARED_KEY}
MAILBOX = {"8HX03": "HSP0003", "8HX01": "HSP0001"}
WORKFLOW = "DISCHARGE_RELAY"
NEEDED = {
    *("rjz-adt.yaml", "rwf-fhir-referral.yaml"),
    *(
        "hl7v2-adt.yaml",
        "hl7v2-adt-epic.yaml",
        "fhir-r4-message.yaml",
        "itk3-transfer-of-care.yaml",
    ),
}


def mesh_file(folder: Path, sandbox: Sandbox, **more: object) -> Path:
    """Describe the relay's mailbox; polled every second."""
    written = {
        "url": sandbox.url,
        "mailbox": "RELAY01",
        "poll": "1",
        "timeout": "10",
        "senders": [{"mailbox": f"{ods}0001", "ods": ods} for ods in ("RJZ", "RVV", "RWF")],
        **more,
    }
    path = folder / "mesh.yaml"
    path.write_text(json.dumps(written))
    return path


def configured(relay: Relay, folder: Path, sandbox: Sandbox, **more: object) -> MeshConfiguration:
    """Read a description of the relay's mailbox."""
    path = mesh_file(folder, sandbox, **more)
    secrets = {f"DISCHARGE_RELAY_{name.upper()}": value for name, value in SECRETS.items()}
    return MeshConfiguration.load(path, secrets, relay.routing.directory)


@contextmanager
def running(*parts: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run the poller, the worker or both in threads during the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=part, args=(stop,)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


def mappings_with_mesh(folder: Path, *teams: str) -> Path:
    """Copy the shipped mappings that are needed here; these teams are reached by MESH."""
    copied = folder / "mappings"
    shutil.copytree(bundled_folder("mappings"), copied)
    for mapping in (*copied.glob("???-*.yaml"), *copied.glob("base/*.yaml")):
        if mapping.name not in NEEDED:
            mapping.unlink()
    directory = copied / "directory.yaml"
    text = directory.read_text("utf-8")
    for ods in teams:
        address = f"    mesh: {{mailbox: {MAILBOX[ods]}, workflow: {WORKFLOW}}}\n"
        head, line, rest = text.partition(f"  - ods: {ods}\n")
        rest = rest.replace("channels: [feed, inbox", "channels: [mesh, feed, inbox", 1)
        text = head + line + address + rest
    directory.write_text(text, "utf-8")
    return copied


@dataclass
class Delivering:
    """A running `discharge-relay deliver`, and what it logged."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    def logged(self) -> list[dict]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]


@contextmanager
def delivering(url: str, mesh: Path, mappings: Path, **settings: object) -> Iterator[Delivering]:
    """Run `deliver` until the block ends, killed if it has not ended by then."""
    process = subprocess.Popen(
        [*RELAY, "deliver", "--mesh", mesh, "--database", url, "--mappings", mappings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**SECRETS, **settings),
    )
    running = Delivering(process)
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: running.lines.extend(process.stderr), daemon=True)
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        process.stderr.close()


def discharge(relay: Relay, number: int, **changed: str) -> None:
    """Take in one discharge that reaches the hospice 8HX03."""
    fields = {"control_id": f"K{number:05d}", **changed}
    [answer] = relay.pipeline.receive_hl7v2(OdsCode("RJZ"), "application/hl7-v2", a03(**fields))
    assert b"MSA|AA" in answer.body


def eventually(holds: Callable[[], object], seconds: float = 40) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)

"""compose.yaml, held to the commands and addresses in it, since not every machine can run it."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from yaml import safe_load

from sandbox.mappings import HOSPICE
from service.delivery.directory import Directory
from service.model import OdsCode
from service.settings import Settings
from tests.checkout import ROOT, run
from tests.cli_runner import relay

SERVICES: dict[str, Any] = safe_load((ROOT / "compose.yaml").read_text())["services"]


def words(service: str) -> list[str]:
    return shlex.split(SERVICES[service]["command"])


def test_ports_are_published_on_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_samples_go_to_the_relay_and_are_read_where_the_relay_forwards_to() -> None:
    python, _, module, sent_to, database, read_at = words("samples")
    *_, forwarded_to, _ = words("mappings")
    settings = Settings.from_environment(SERVICES["relay"]["environment"])
    port = words("relay")[-1]

    assert (python, find_spec(module) is not None) == ("python", True)
    assert sent_to == f"http://127.0.0.1:{port}" == settings.public_url
    assert read_at == forwarded_to
    assert f"127.0.0.1:{port}:{port}" in SERVICES["hapi"]["ports"]
    assert {SERVICES[name]["network_mode"] for name in ("relay", "samples")} == {"service:hapi"}
    assert f"DISCHARGE_RELAY_DATABASE={database}" in (ROOT / "Dockerfile").read_text()


def test_the_relay_is_started_by_a_command_that_there_is() -> None:
    command, *arguments = words("relay")

    assert command == "discharge-relay"
    assert arguments[0] == "serve"
    helped = relay("serve", "--help").stdout
    assert all(option in helped for option in arguments if option.startswith("--"))


def test_the_mappings_are_made_by_python_alone_and_forward_a_hospice(tmp_path: Path) -> None:
    _, _, module, url, _ = words("mappings")

    made = run(sys.executable, "-S", "-m", module, url, tmp_path / "mappings")

    assert made.returncode == 0, made.stderr
    entry = Directory.load(tmp_path / "mappings").by_code(OdsCode(HOSPICE))
    assert entry is not None
    assert (entry.fhir_server, entry.channels[0]) == (url, "fhir-server")


def test_what_a_service_is_given_of_the_project_is_there() -> None:
    volumes = [one for service in SERVICES.values() for one in service.get("volumes", ())]
    folders = [one.partition(":")[0] for one in volumes if one.startswith("./")]

    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)

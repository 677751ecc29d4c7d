"""A served relay with the two clients of the examples, and a feed of more than one page."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from click.testing import CliRunner

from service.cli import main
from tests.serving import serving

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
BEFORE = 21  # events that wait: a page of 20, and one more
CLIENTS = {
    "kings": ("RJZ", "system/*.cruds"),
    "hospice": ("8HX03", "system/*.rs system/Communication.rus system/Task.rus"),
}


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What the examples are given."""

    base: str
    folder: Path  # with the private keys
    database: str

    def arguments(self, place: str) -> list[str]:
        """What an example's command line has behind its name."""
        keys = [str(self.folder / f"{client}.json") for client in CLIENTS]
        return [self.base, *keys, str(EXAMPLES / "referral.json"), str(self.folder / place)]


@contextmanager
def ready(url: str, folder: Path) -> Iterator[Ready]:
    """Register the clients, serve until the block ends, and send what waits."""
    for client, (ods, scopes) in CLIENTS.items():
        asked = ["--id", client, "--organisation", ods, "--name", client, "--scope", scopes]
        command(url, "add", *asked, "--generate-key", str(folder / f"{client}.json"))
    with serving(database=url) as served, requests.Session() as trust:
        base = f"http://127.0.0.1:{served.port}"
        running = Ready(base=base, folder=folder, database=url)
        trust.headers.update({"Authorization": f"Bearer {token(running)}"})
        for number in range(BEFORE):
            assert trust.post(f"{base}/fhir", json=another(number)).status_code == 200
        yield running


def token(given: Ready) -> str:
    """The trust's access token."""
    return command(given.database, "token", "kings").strip()


def command(url: str, *arguments: str) -> str:
    """Run `client` as an operator does; return what it prints."""
    asked = ["client", *arguments, "--database", url]
    done = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def another(number: int) -> dict[str, Any]:
    """The example's referral as one of many."""
    bundle: dict[str, Any] = json.loads((EXAMPLES / "referral.json").read_bytes())
    bundle["entry"][1]["resource"]["identifier"][0]["value"] = f"2025-{number:04}"
    return bundle


def told(done: subprocess.CompletedProcess[str]) -> tuple[list[str], list[list[str]]]:
    """Where an example sent to, and what it accepted: (id, state) each."""
    assert done.returncode == 0, done.stderr
    first, *rest = (line.split() for line in done.stdout.splitlines())
    assert first[0] == "sent"
    assert {line[0] for line in rest} <= {"accepted"}
    return first[1:], [line[1:] for line in rest]


def included(page: str, language: str, path: Path) -> bool:
    """Whether a page has a file's text, whole and unchanged, as a block of code."""
    return f"```{language}\n{path.read_text()}```\n" in page

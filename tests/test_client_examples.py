"""The examples of docs/clients.md, run as they stand against a served relay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from service.store import migrate
from tests.example_clients import BEFORE, EXAMPLES, ROOT, Ready, included, ready, told

PYTHON = sorted(EXAMPLES.glob("with_*.py"))


@pytest.fixture(scope="module")
def relay_for_examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    folder = tmp_path_factory.mktemp("examples")
    url = f"sqlite:///{folder / 'relay.db'}"
    migrate(url)
    with ready(url, folder) as running:
        yield running


def run(example: Path, given: Ready) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(example), *given.arguments(f"{example.stem}.place")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("example", PYTHON, ids=lambda path: path.stem)
def test_an_example_sends_polls_to_the_end_and_answers(
    relay_for_examples: Ready, example: Path
) -> None:
    sent, accepted = told(run(example, relay_for_examples))
    _, later = told(run(example, relay_for_examples))

    assert [one.split("/")[0] for one in sent] == ["Patient", "ServiceRequest", "Communication"]
    ids = [id_ for id_, _ in accepted]
    assert len(ids) == len(set(ids)) >= BEFORE + 1
    assert sent[2].split("/")[1] in ids
    assert {state for _, state in accepted} == {"acknowledged"}
    # What it has seen does not come again, but for what its own answers changed.
    assert {id_ for id_, _ in later} <= set(ids)
    if example.stem == "with_requests":
        assert later == []


def test_the_page_for_developers_has_the_examples_that_are_run() -> None:
    page = (ROOT / "docs" / "clients.md").read_text()

    for example in [EXAMPLES / "access_token.py", *PYTHON]:
        assert included(page, "python", example), example.name
    assert included(page, "java", ROOT / "sandbox/client/src/main/java/WithHapi.java")


def test_a_served_relay_answers_as_clients_need_it(relay_for_examples: Ready) -> None:
    """Through the real server, not the test client of the framework."""
    base = relay_for_examples.base
    session = requests.Session()

    got, head = session.get(f"{base}/fhir/metadata/"), session.head(f"{base}/fhir/metadata")
    described = session.get(f"{base}/openapi.json")

    assert got.status_code == head.status_code == described.status_code == 200
    assert head.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
    assert head.content == b""
    assert described.json()["servers"] == [{"url": base}]
    assert session.post(f"{base}/fhir/", data=b"{}").status_code == 401

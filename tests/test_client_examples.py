"""The examples of docs/clients.md, run as they stand against a served relay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.patient import Patient
from fhirpy import SyncFHIRClient

from service.store import migrate
from tests.api_samples import NHS, patient
from tests.example_clients import BEFORE, EXAMPLES, ROOT, Ready, included, ready, token, told

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


def test_what_fhirpy_offers_works(relay_for_examples: Ready) -> None:
    base, bearer = relay_for_examples.base, f"Bearer {token(relay_for_examples)}"
    client = SyncFHIRClient(f"{base}/fhir", authorization=bearer)
    one = client.resource("Patient", **patient("9990000042"))
    mine = client.resources("Patient").search(identifier=f"{NHS}|9990000042")

    made, is_new = mine.get_or_create(one)
    same, is_again = mine.get_or_create(one)
    made["gender"] = "unknown"
    made.save()

    assert (is_new, is_again, same.id) == (True, False, made.id)
    assert mine.count() == 1
    assert mine.first()["gender"] == "unknown"
    assert set(mine.elements("gender").get()) >= {"resourceType", "id", "gender"}
    assert mine.revinclude("ServiceRequest", "subject").fetch() == [made]
    assert len(client.resources("ServiceRequest").limit(10).fetch_all()) >= BEFORE


def test_what_fhirclient_offers_works(relay_for_examples: Ready) -> None:
    base = relay_for_examples.base
    smart = FHIRClient(settings={"app_id": "example", "api_base": f"{base}/fhir"})
    smart.server.session.headers["Authorization"] = f"Bearer {token(relay_for_examples)}"

    made = Patient(patient("9990000050")).create(smart.server)
    read = Patient.read(made["id"], smart.server)
    read.gender = "unknown"
    changed = read.update(smart.server)
    search = Patient.where({"identifier": f"{NHS}|9990000050"})

    assert smart.prepare()
    assert changed["meta"]["versionId"] == "2"
    assert [one.id for one in search.perform_resources_iter(smart.server)] == [made["id"]]
    every = Patient.where({"_count": "1"}).perform_resources_iter(smart.server)
    assert made["id"] in [one.id for one in every]

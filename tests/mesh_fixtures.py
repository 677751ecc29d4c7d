"""A MESH sandbox that runs beside the test: `pytest_plugins = ["tests.mesh_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.app import Relay, assemble
from service.cli.ports import free_port
from service.cli.rules import rules
from service.fhir.validate import check
from service.settings import Settings
from service.store import open_store
from tests.mesh_beside import Sandbox
from tests.mesh_relay import mappings_with_mesh
from tests.stored import stored_resources

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture(scope="session")
def mesh_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """NHS England's MESH sandbox; one process for all tests of a run, unless they stop it."""
    folder = tmp_path_factory.mktemp("peer") / "mailboxes"
    folder.mkdir()
    made = Sandbox(folder=folder, port=free_port("127.0.0.1"))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def sandbox(mesh_peer: Sandbox) -> Sandbox:
    """The sandbox, running, with empty mailboxes."""
    mesh_peer.empty()
    return mesh_peer


@pytest.fixture(scope="session")
def mesh_mappings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped mappings, with two hospices reached by MESH; loaded once a run."""
    return mappings_with_mesh(tmp_path_factory.mktemp("mesh"), "8HX03", "8HX01")


@pytest.fixture
def meshed(database_url: str, mesh_mappings: Path) -> Iterator[Relay]:
    """A relay on either database. At its end everything that was stored must conform."""
    settings = Settings(database=database_url, mappings=mesh_mappings)
    relay = assemble(settings, open_store(database_url), *rules(mesh_mappings))
    with relay.store:
        yield relay
    faults = {
        resource["resourceType"]: found
        for resource in stored_resources(database_url)
        if (found := check(resource))
    }
    assert not faults

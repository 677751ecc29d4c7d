"""A whole relay on a fresh database of each kind: `pytest_plugins = ["tests.relay_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.app import Relay, assemble
from service.fhir.validate import check
from service.settings import Settings
from service.store import open_store
from tests.relay_client import Team
from tests.shipped import shipped
from tests.stored import stored_resources

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    """A relay with the shipped mappings; the test runs on SQLite and on PostgreSQL.

    At its end everything that was stored must conform to its profiles, whatever the test did.
    """
    with open_store(database_url) as store:
        yield assemble(Settings(database=database_url), store, *shipped())
    faults = {
        resource["resourceType"]: found
        for resource in stored_resources(database_url)
        if (found := check(resource))
    }
    assert not faults


@pytest.fixture
def trust(relay: Relay) -> Team:
    """King's College Hospital's integration engine."""
    return Team.of(relay, "RJZ")


@pytest.fixture
def hospice(relay: Relay) -> Team:
    """A hospice of the directory."""
    return Team.of(relay, "8HX03")

"""A whole relay on a fresh database of each kind: `pytest_plugins = ["tests.relay_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.app import Relay, compose
from service.settings import Settings
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    """A relay with the shipped mappings; the test runs on SQLite and on PostgreSQL."""
    relay = compose(Settings(database=database_url))
    with relay.store:
        yield relay


@pytest.fixture
def trust(relay: Relay) -> Team:
    """King's College Hospital's integration engine."""
    return Team.of(relay, "RJZ")


@pytest.fixture
def hospice(relay: Relay) -> Team:
    """A hospice of the directory."""
    return Team.of(relay, "8HX03")

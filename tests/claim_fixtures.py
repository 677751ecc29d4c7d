"""One application for all claims: `pytest_plugins = ["tests.claim_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.app import assemble, create_app
from service.delivery.routing import Routing
from service.mapping import Mappings
from service.settings import Settings
from service.store import migrate, open_store
from tests.api_samples import Api

pytest_plugins = ["tests.api_fixtures"]


@pytest.fixture(scope="module")
def claimed_api(
    shipped_mappings: Mappings, shipped_routing: Routing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """One application for all claims: each test posts what it looks for."""
    url = f"sqlite:///{tmp_path_factory.mktemp('claims') / 'relay.db'}"
    migrate(url)
    with open_store(url) as store:
        relay = assemble(Settings(database=url), store, shipped_mappings, shipped_routing)
        yield Api(relay, create_app(relay))

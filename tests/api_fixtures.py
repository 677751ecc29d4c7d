"""The whole application on a fresh database: use it by pytest_plugins, import nothing from here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.app import Relay, assemble, create_app
from service.delivery.routing import Routing
from service.formats import FORMATS
from service.mapping import Mappings
from service.settings import Settings, bundled_folder
from service.store import open_store
from tests.api_samples import Api


@pytest.fixture(scope="session")
def shipped_mappings() -> Mappings:
    return Mappings.load(bundled_folder("mappings"), formats=FORMATS)


@pytest.fixture(scope="session")
def shipped_routing() -> Routing:
    return Routing.load(bundled_folder("mappings"))


@pytest.fixture
def api_relay(
    sqlite_url: str, shipped_mappings: Mappings, shipped_routing: Routing
) -> Iterator[Relay]:
    settings = Settings(database=sqlite_url)
    with open_store(sqlite_url) as store:
        yield assemble(settings, store, shipped_mappings, shipped_routing)


@pytest.fixture
def api(api_relay: Relay) -> Api:
    return Api(api_relay, create_app(api_relay))


@pytest.fixture
def postgres_api(
    postgres_url: str, shipped_mappings: Mappings, shipped_routing: Routing
) -> Iterator[Api]:
    settings = Settings(database=postgres_url)
    with open_store(postgres_url) as store:
        relay = assemble(settings, store, shipped_mappings, shipped_routing)
        yield Api(relay, create_app(relay))

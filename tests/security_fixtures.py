"""A whole app with registered clients; use it by pytest_plugins, import nothing from here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service.app import Relay, create_app
from service.store import migrate
from tests.security_samples import opened, registered


@pytest.fixture(scope="module")
def token_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("security") / "relay.db"
    url = f"sqlite:///{path}"
    migrate(url)
    return url


@pytest.fixture(scope="module")
def token_relay(token_database: str) -> Iterator[Relay]:
    with opened(database=token_database) as relay:
        relay.store.clients.add(registered())
        relay.store.clients.add(registered("gone"))
        relay.store.clients.disable("gone")
        yield relay


@pytest.fixture(scope="module")
def token_app(token_relay: Relay) -> FlaskClient:
    return create_app(token_relay).test_client()

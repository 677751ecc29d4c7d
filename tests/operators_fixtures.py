"""A relay and the desk that operates it: `pytest_plugins = ["tests.operators_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.app import Relay
from tests.mllp_wire import quick_relay
from tests.operators_desk import DESK, EVERYTHING
from tests.relay_client import Team

pytest_plugins = ["tests.loop_fixtures"]


@pytest.fixture
def operated(database_url: str) -> Iterator[Relay]:
    with quick_relay(database_url) as relay:
        yield relay


@pytest.fixture
def desk(operated: Relay) -> Team:
    return Team.of(operated, DESK, EVERYTHING)

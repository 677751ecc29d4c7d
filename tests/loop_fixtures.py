"""A relay on a Friday evening: `pytest_plugins = ["tests.loop_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.fhir.validate import check
from tests.simulated_days import FRIDAY, Loop, loop_on
from tests.stored import stored_resources

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture
def loop(database_url: str, tmp_path: Path) -> Iterator[Loop]:
    """A relay on a Friday evening; at its end all that was stored conforms to its profiles."""
    made = loop_on(database_url, tmp_path, [FRIDAY])
    with made.relay.store:
        yield made
    faults = [found for one in stored_resources(database_url) if (found := check(one))]
    assert not faults

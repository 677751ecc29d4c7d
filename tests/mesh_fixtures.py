"""A MESH sandbox that runs beside the test: `pytest_plugins = ["tests.mesh_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli.serve import free_port
from tests.mesh_beside import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """NHS England's MESH sandbox with empty mailboxes."""
    folder = tmp_path / "mesh"
    folder.mkdir()
    made = Sandbox(folder=folder, port=free_port("127.0.0.1"))
    made.start()
    try:
        yield made
    finally:
        made.stop()

"""Some simulated days of three trusts and five teams, small: `make soak` runs 500 discharges.

Two teams poll, one is pushed to and down half the time, one has a MESH mailbox, one is silent:
it is reminded, its stand-in is asked, and the senders see that. Then the same while the relay's
processes are killed at random points.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mesh_beside import Sandbox
from tests.soak import soak
from tests.soak_plan import plan
from tests.soak_run import BEGIN

pytest_plugins = ["tests.mesh_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.mark.parametrize(
    ("kills", "database_url"), [(0, "postgres"), (12, "sqlite")], indirect=["database_url"]
)
def test_each_team_has_exactly_what_it_should_once_and_in_order(
    database_url: str, tmp_path: Path, sandbox: Sandbox, kills: int
) -> None:
    wanted = plan(24, BEGIN, days=1.5)

    verdict = soak(database_url, tmp_path, sandbox, wanted, kills=kills, seconds=3)

    assert verdict.faults == []
    assert verdict.sent == 26
    assert verdict.kills >= kills

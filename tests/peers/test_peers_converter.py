"""LinuxForHealth's converter takes the message that it is compared on."""

from __future__ import annotations

import pytest

from bench.conversions import peer
from bench.long_discharge import long_discharge
from sandbox.maven import Java

pytest_plugins = ["tests.peers.java_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


def test_the_converter_that_ours_is_compared_with_converts_the_same_message(java: Java) -> None:
    with peer([long_discharge(1)]) as rate:
        assert rate() > 0

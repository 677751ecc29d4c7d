"""East Kent Hospitals, and the hospice to which its samples go."""

from __future__ import annotations

import pytest

from service.app import Relay
from tests.relay_client import Team


@pytest.fixture
def kent(relay: Relay) -> Team:
    """East Kent Hospitals' integration engine."""
    return Team.of(relay, "RVV")


@pytest.fixture
def pilgrims(relay: Relay) -> Team:
    """The hospice that the sample discharges name."""
    return Team.of(relay, "8HX01")

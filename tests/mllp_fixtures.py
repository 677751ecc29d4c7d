"""A listener before a whole relay: `pytest_plugins = ["tests.mllp_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from service.app import Relay
from service.mllp import Intake, Patience
from tests.mllp_wire import Listen, Wire, intake_of, listening

pytest_plugins = ["tests.relay_fixtures"]


@pytest.fixture
def listen(relay: Relay) -> Iterator[Listen]:
    """Return what starts a listener of King's, with options of `Listener` or `Patience`."""
    with ExitStack() as stack:

        def start(intake: Intake | None = None, **changed: Any) -> Wire:
            patience = {k: changed.pop(k) for k in [*changed] if k in Patience.__slots__}
            changed["patience"] = Patience(**{"farewell": 0.3, **patience})
            return stack.enter_context(listening(intake or intake_of(relay), **changed))

        yield start

"""Putting together what keeps lists, of the parts that every relay has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from service.caseload.keeping import Keeping
from service.caseload.recalling import Recalling
from service.caseload.reviewing import Reviewing
from service.delivery.recall import Addressing
from service.delivery.routing import Routing
from service.store import Store


class Choices(Protocol):
    """The settings that lists need."""

    @property
    def caseload_days(self) -> int: ...
    @property
    def public_url(self) -> str: ...
    @property
    def max_body(self) -> int: ...


class Parts(Protocol):
    """The parts of a relay that lists need."""

    @property
    def settings(self) -> Choices: ...
    @property
    def store(self) -> Store: ...
    @property
    def routing(self) -> Routing: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def new_id(self) -> Callable[[], str]: ...


def caseloads(relay: Parts) -> tuple[Keeping, Reviewing]:
    """Return what keeps the lists of teams, and what near matches are decided with."""
    addressing = Addressing(
        directory=relay.routing.directory, clock=relay.clock, new_id=relay.new_id
    )
    recalling, days = Recalling(relay.store, addressing), relay.settings.caseload_days
    return Keeping(relay.store, recalling, days), Reviewing(relay.store, recalling, days)

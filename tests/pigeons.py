"""A channel into a list, which fails, waits and loses as a test tells it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from service.delivery.channels import Fate, Handed, Parcel
from service.store import Dispatch


@dataclass
class Pigeons:
    """A channel into a list."""

    name: str = "pigeon"
    batch: int = 1
    follow_every: float = 0.01
    confirms: bool = False
    arrived: list[Parcel] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)  # of the next tries, in order
    lost: list[Exception] = field(default_factory=list)  # raised after it has arrived
    fates: dict[int, Fate] = field(default_factory=dict)
    waits: int = 0  # microseconds between two sendings
    slow: float = 0  # seconds that a sending takes
    closed: bool = False

    def due(self, now: int, sent_at: int) -> int:
        return max(now, sent_at + self.waits) if sent_at else now

    def keep_up(self, n: int) -> float:
        return self.follow_every

    def send(self, parcel: Parcel) -> Handed:
        time.sleep(self.slow)
        if self.failures:
            raise self.failures.pop(0)
        self.arrived.append(parcel)
        if self.lost:
            raise self.lost.pop(0)
        return Handed(handle=parcel.key, confirmed=self.confirms)

    def already(self, parcel: Parcel) -> Handed | None:
        known = {one.key for one in self.arrived}
        return Handed(handle=parcel.key) if parcel.key in known else None

    def follow(self, dispatch: Dispatch) -> Fate:
        return self.fates.get(dispatch.n, Fate(state="open"))

    def close(self) -> None:
        self.closed = True

    @property
    def numbers(self) -> list[list[int]]:
        return [[event.n for event in parcel.events] for parcel in self.arrived]

"""Any history of discharges, holds and rounds: only what is old, answered and free goes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.model import Instant
from service.store import Deadline, Hold, Keep, Step, Store, open_store
from service.store.retention.retention import DAY
from tests.retention_samples import ANSWERED, YEAR, discharge, run, state, today
from tests.store_samples import Clock, new_id, numbers

pytest_plugins = ["tests.store_fixtures"]

WAITING = Deadline(role="action", due=0, step=Step(name="late", at=1))
TEAMS = ("A1", "B1")
KEEP = Keep(messages=YEAR, resources=YEAR)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("discharge"), st.sampled_from(TEAMS), st.booleans()),
        st.tuples(st.just("days"), st.integers(1, 300), st.none()),
        st.tuples(st.just("hold"), st.integers(0, 9), st.none()),
        st.tuples(st.just("lift"), st.integers(0, 9), st.none()),
        st.tuples(st.just("round"), st.none(), st.none()),
    ),
    max_size=16,
)


@dataclass
class Told:
    """One discharge: what it is, and what should have become of it."""

    team: str
    n: int
    at: int
    answered: bool
    places: list[tuple[str, str]]
    message: str
    emptied: int = 0  # when its bytes went
    hold: str = ""
    behind: bool = False  # the floor
    gone: int = 0  # when its event went


@dataclass
class World:
    """A store, and what is expected of it."""

    store: Store
    clock: Clock
    told: list[Told]

    def discharge(self, team: str, answered: bool) -> None:
        sent = discharge(team, deadline=ANSWERED if answered else WAITING)
        n = self.store.commit(sent).numbers[team]
        places = [("Communication", sent.deliveries[0].communication.id)]
        places += [(one.type, one.id) for one in sent.writes]
        self.told.append(Told(team, n, self.clock.now, answered, places, sent.message.id))

    def days(self, many: int, _: Any) -> None:
        self.clock.now = Instant(self.clock.now + many * DAY)

    def hold(self, which: int, _: Any) -> None:
        one = self._one(which)
        if one and not one.hold and not one.gone:
            one.hold = new_id()
            made = Hold(id=one.hold, kind="message", subject=one.message, reason="x")
            self.store.holds.set(made)

    def lift(self, which: int, _: Any) -> None:
        one = self._one(which)
        if one and one.hold:
            self.store.holds.lift(one.hold, "me", "x")
            one.hold = ""

    def round(self, *_: Any) -> None:
        run(self.store, KEEP)
        limit = self.clock.now - YEAR * DAY
        for team in TEAMS:
            for one in (each for each in self.told if each.team == team):
                if not one.behind and (one.at >= limit or not one.answered):
                    break
                one.behind = True
        for one in self.told:
            if one.behind and not one.hold and not one.gone:
                one.gone = self.clock.now
            if one.at < limit and one.answered and not one.hold and not one.emptied:
                one.emptied = self.clock.now

    def _one(self, which: int) -> Told | None:
        return self.told[which % len(self.told)] if self.told else None

    def check(self) -> None:
        """Compare with what is there."""
        limit = self.clock.now - YEAR * DAY
        for one in self.told:
            assert {state(self.store, one.team, *place) for place in one.places} == {
                expected(one.gone, limit)
            }, one
            assert state(self.store, one.team, "Binary", one.message) == expected(
                one.emptied, limit
            )
        for team in TEAMS:
            kept = [one.n for one in self.told if one.team == team and not one.behind]
            assert numbers(self.store, team) == kept


def expected(gone: int, limit: int) -> str:
    """What its reader is told: that it is gone, for as long as it was kept."""
    return "kept" if not gone else "gone" if gone >= limit else "unknown"


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_only_what_is_old_answered_and_free_goes_and_all_of_it(
    steps: list[tuple[str, Any, Any]], sqlite_template: Path, tmp_path: Path
) -> None:
    clock, path = Clock(), tmp_path / f"{new_id()}.db"
    clock.now = today()
    shutil.copyfile(sqlite_template, path)
    with open_store(f"sqlite:///{path}", clock) as store:
        world = World(store, clock, [])
        for name, about, more in [*steps, ("days", YEAR + 1, None), ("round", None, None)]:
            getattr(world, name)(about, more)
            if name == "round":
                world.check()

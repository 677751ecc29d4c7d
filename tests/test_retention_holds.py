"""Legal holds, and what readers behind a feed's floor are told."""

from __future__ import annotations

from typing import Any

import pytest

from service.errors import Gone
from service.store import Hold, Store
from service.store.retention.retention import DAY
from tests.retention_samples import NHS, YEAR, discharge, run, state, tally, today
from tests.store_samples import Clock, commit, new_id

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    """Ids begin with the time that they are made at, so the clock begins with the real one."""
    clock.now = today()


def test_a_reader_behind_the_floor_is_told_however_it_reads(store: Store, clock: Clock) -> None:
    began = clock.now
    for _ in range(3):
        store.commit(discharge("A1", nhs_number=NHS))
        clock.now += 10 * DAY
    store.commit(discharge("A1", nhs_number=NHS))
    clock.now = began + (YEAR + 25) * DAY
    run(store)

    assert store.head("A1").floor == 3
    for behind in (
        lambda: store.feed("A1", 2, 5),
        lambda: store.feed_since("A1", began + 1, 1 << 62, 5),
        lambda: store.feed_of_patient("A1", nhs_number=NHS, after=2, count=5),
    ):
        with pytest.raises(Gone):
            behind()
    assert [e.n for e in store.feed("A1", None, 5).events] == [4]
    assert [e.n for e in store.feed_since("A1", 0, 0, 5).events] == [4]
    assert [e.n for e in store.feed_of_patient("A1", nhs_number=NHS, after=0, count=5).events] == [
        4
    ]


@pytest.mark.parametrize(
    "held", [("patient", NHS), ("team", "A1"), ("team", "RJZ"), ("message", "")]
)
def test_what_is_under_hold_stays_until_it_is_lifted(
    store: Store, clock: Clock, held: tuple[Any, str]
) -> None:
    sent = discharge("A1", nhs_number=NHS, content=b"PID|||999 012 3454")
    store.commit(sent)
    store.commit(commit(sender="RJ1"))
    kind, subject = held
    hold = Hold(id=new_id(), kind=kind, subject=subject or sent.message.id, reason="a claim")
    store.holds.set(hold)
    clock.now += 9 * YEAR * DAY
    passed = tally(run(store))

    seen = [("Communication", sent.deliveries[0].communication.id), ("Binary", sent.message.id)]
    seen += [(one.type, one.id) for one in sent.writes]
    assert [state(store, "A1", *one) for one in seen] == ["kept"] * 4
    assert passed[("event", "held")] == passed[("message", "held")] == 1
    assert passed[("message", "")] == passed[("Patient", "")] == 1

    store.holds.lift(hold.id, "me", "it was settled")
    run(store)

    assert [state(store, "A1", *one) for one in seen] == ["gone"] * 4

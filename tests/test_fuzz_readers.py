"""Every reader gets messages that are damaged, hostile or nonsense: it reads them or refuses them.

`make fuzz` tries 20,000 a reader instead of 500, other ones each time.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from service.app import compose
from service.bundled import bundled_folder
from service.conversion import Converter
from service.delivery.routing import Routing
from service.formats import FORMATS
from service.mapping import Mappings
from service.settings import Settings
from service.store import migrate
from tests.fuzz_mutations import LARGEST, mutations
from tests.fuzz_properties import Wire, explained_or_refused, read_or_refused, warm_up
from tests.fuzz_samples import Sample, samples

CASES = int(os.environ.get("FUZZ_CASES", "500"))
NIGHTLY = CASES > 500
SENT = 20  # one case in so many goes through the HTTP face too
STEPS = st.lists(st.tuples(st.integers(0, 63), st.integers(0, 2**32 - 1)), max_size=4)


@cache
def converter() -> Converter:
    folder = bundled_folder("mappings")
    return Converter.without_store(
        mappings=Mappings.load(folder, formats=FORMATS),
        routing=Routing.load(folder),
        clock=lambda: datetime(2026, 11, 24, tzinfo=UTC),
        new_id=lambda: str(uuid.uuid4()),
    )


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A relay on a database of its own."""
    database: Path = tmp_path_factory.mktemp("fuzz") / "relay.db"
    url = f"sqlite:///{database}"
    migrate(url)
    relay = compose(Settings(database=url))
    with relay.store:
        yield Wire(relay, database)


def mutated(name: str, sample: Sample, steps: list[tuple[int, int]]) -> bytes:
    """A sample after some mutations, each chosen and led by its own numbers."""
    body, known, others = sample.body, mutations(name), samples(name)
    for which, seed in steps:
        chance = Random(seed)
        mutate = known[which % len(known)]
        body = mutate(body, chance, chance.choice(others).body)[:LARGEST]
    return body


@pytest.mark.timeout(24 * 3600 if NIGHTLY else 300)
@pytest.mark.parametrize("name", FORMATS)
def test_whatever_is_sent_is_read_or_refused_and_never_acknowledged_unstored(name, wire):
    every = samples(name)
    warm_up(every, converter())

    @settings(
        max_examples=CASES,
        derandomize=not NIGHTLY,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),  # to explain a failure it watches every line: slow
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, len(every) - 1), STEPS, st.integers(0, SENT - 1))
    def case(which: int, steps: list[tuple[int, int]], lot: int) -> None:
        sample = every[which]
        known = mutations(name)
        note(f"{sample.name}: {[known[which % len(known)].__name__ for which, _ in steps]}")
        body = mutated(name, sample, steps)
        read_or_refused(name, body, sample, converter())
        if lot == 0:
            wire.post(name, body, sample)
        if lot == 1:
            explained_or_refused(body, sample, converter())

    case()

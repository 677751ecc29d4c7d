"""Whatever the relay takes in, retention finds again: the examples of every mapping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.app import assemble, take_in
from service.cli.rules import rules
from service.model import Instant, OdsCode
from service.settings import Settings
from service.store import Keep, open_store
from service.store.retention.compartments import HUBS
from tests.retention_samples import YEAR, run, tally
from tests.store_samples import query

pytest_plugins = ["tests.store_fixtures"]

MEDIA_TYPES = {
    ".hl7": "application/hl7-v2",
    ".json": "application/fhir+json",
    ".xml": "application/xml",
}


def sender(example: Path) -> OdsCode:
    """Whose example it is; those of base mappings may be anybody's."""
    first = example.name.partition("-")[0].upper()
    return OdsCode("RJZ" if first == "BASE" else first)


def test_nothing_about_a_patient_is_left_of_any_format(sqlite_url: str) -> None:
    now = [datetime.now(UTC)]
    chosen = Settings(database=sqlite_url)
    mappings, routing = rules(chosen.mappings)
    with open_store(sqlite_url, lambda: Instant.of(now[0])) as store:
        relay = assemble(chosen, store, mappings, routing, lambda: now[0])
        for example in sorted((chosen.mappings / "examples").iterdir()):
            if example.suffix in MEDIA_TYPES and "expect" not in example.name:
                media_type = MEDIA_TYPES[example.suffix]
                take_in(relay, sender(example), media_type, example.read_bytes())
        for waiting in store.deadlines.late(1 << 62):
            store.deadlines.end(waiting)
        kinds = {kind for (kind,) in query(sqlite_url, "SELECT type FROM resource")}
        now[0] += timedelta(days=YEAR + 1)
        keep = Keep(messages=YEAR, resources=YEAR)
        dry = tally(run(store, keep, remove=False))
        gone = tally(run(store, keep))

    left = {kind for (kind,) in query(sqlite_url, "SELECT type FROM resource")}
    assert len(kinds) > 10
    assert dry == gone
    assert left <= HUBS
    for table in ("delivery", "resource_history", "deadline"):
        assert query(sqlite_url, f"SELECT COUNT(*) FROM {table}") == [(0,)]  # noqa: S608
    assert query(sqlite_url, "SELECT COUNT(*) FROM message WHERE length(body) > 0") == [(0,)]

"""Messages overtake each other: whatever the order they come in, everybody ends with the same."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.app import Relay, compose
from service.settings import Settings
from tests.histories import HOSPICES, TEAMS, Json, Person, Reader, Step, histories
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

_numbers = itertools.count(1)


class Meeting:
    """A sender and everybody who may hear of its patients."""

    def __init__(self, relay: Relay) -> None:
        self.trust = Team.of(relay, "RXX")
        self.readers = [Reader(Team.of(relay, ods)) for ods in TEAMS]

    def end_of(self, steps: list[Step]) -> dict[str, Json]:
        """Send messages about a new patient; return what each recipient knows then."""
        person = Person(number=next(_numbers))
        for body in (person.before(), *map(person.message, steps)):
            answer = self.trust.post("/hl7v2", body)
            assert answer.status_code == 200, answer.text
        return {reader.team.ods: reader.known(person) for reader in self.readers}


@pytest.fixture(scope="module")
def meeting(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    """A relay that many patients go through."""
    path = tmp_path_factory.mktemp("order") / "relay.db"
    path.write_bytes(sqlite_template.read_bytes())
    return Meeting(compose(Settings(database=f"sqlite:///{path}")))


def flat(known: dict[str, Json]) -> dict[str, object]:
    """Return every fact by its path, so that a difference is named."""
    return {
        f"{ods} {thing} {name}": fact
        for ods, things in known.items()
        for thing, facts in things.items()
        for name, fact in (facts if isinstance(facts, dict) else {"": facts}).items()
    }


def leave_out_stays(one: Json, other: Json) -> None:
    """Leave out the stays that only one of two knows."""
    for name in {
        n for n in {*one, *other} if n.startswith("stay") and not (n in one and n in other)
    }:
        one.pop(name, None)
        other.pop(name, None)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_order_of_a_history_ends_as_the_order_of_sending_does(
    meeting: Meeting, data: st.DataObject
) -> None:
    sent = data.draw(histories())
    came = data.draw(st.permutations(sent))

    ended, expected = meeting.end_of(came), meeting.end_of(sent)
    for hospice in HOSPICES:  # of the stay they hear only where they hold the patient already
        leave_out_stays(ended[hospice], expected[hospice])
    assert flat(ended) == flat(expected)

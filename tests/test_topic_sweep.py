"""Old events of topics go once they were sent; who asks for them again is told so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.hl7v2_letters import a03
from tests.mllp_wire import quick_relay
from tests.relay_client import Team
from tests.store_samples import query
from tests.subscribed import create, registered, subscription

pytest_plugins = ["tests.store_fixtures"]


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize(("sent", "first"), [(0, 1), (200, 201), (254, 255)])
def test_old_events_go_as_far_as_they_were_sent(database_url: str, sent: int, first: int) -> None:
    with quick_relay(database_url) as relay:
        team = registered(relay, "8HX03")
        made = create(team, subscription("https://hooks.example.org/in", topic="task"))
        rows = ", ".join(f"('8HX03', 'task', {n}, 1, 'gone', 1)" for n in range(1, 255))
        execute(
            database_url,
            f"INSERT INTO topic_event (recipient, name, n, at, focus, version) VALUES {rows}",  # noqa: S608
            "UPDATE topic SET n = 254",
            f"UPDATE channel SET n = {sent}",  # noqa: S608
        )
        here = f"/fhir/Subscription/{made['id']}"

        for n in range(3):  # the 256th is among these, all of today
            assert Team.of(relay, "RJZ").post("/hl7v2", a03(control_id=f"K{n}")).status_code == 200
            assert team.get(f"{here}/$status").status_code == 200

        again = team.get(f"{here}/$events?eventsSinceNumber={first}")
        before = team.get(f"{here}/$events?eventsSinceNumber={max(first - 1, 1)}")

    [(kept, last)] = query(database_url, "SELECT MIN(n), MAX(n) FROM topic_event")
    assert (kept, last) == (first, 257)
    assert again.status_code == 200
    assert before.status_code == (200 if first == 1 else 410)

"""A database of an earlier version, with what it holds, is brought up and goes on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from service.store import migrate, schema_state
from service.store.migrating import MIGRATIONS
from tests.caseload_lists import put
from tests.hl7v2_letters import a03
from tests.mllp_wire import quick_relay
from tests.relay_client import Team
from tests.store_samples import query
from tests.subscribed import create, registered, subscription

pytest_plugins = ["tests.store_fixtures"]

PRACTICE, HOSPICE, AWAY = "G99901", "8HX03", "8HX01"


def back_to(url: str, revision: str) -> None:
    """Take the tables back to those of an earlier version; what is older than that stays."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()


@pytest.mark.parametrize("revision", ["0003", "0004", "0006", "0007"])
def test_what_was_told_before_an_upgrade_is_read_answered_and_gone_on_with(
    database_url: str, revision: str
) -> None:
    with quick_relay(database_url) as relay:
        for n in (1, 2):
            assert Team.of(relay, "RJZ").post("/hl7v2", a03(control_id=f"K{n}")).status_code == 200
        before = Team.of(relay, HOSPICE).feed()
    back_to(database_url, revision)
    assert schema_state(database_url) == "behind"

    migrate(database_url)

    with quick_relay(database_url) as relay:
        hospice = registered(relay, HOSPICE)
        assert Team.of(relay, HOSPICE).feed() == before
        told = f"/fhir/Communication/{before[0]['id']}/$acknowledge"
        assert hospice.post(told, b"", "application/fhir+json").status_code < 300
        create(hospice, subscription("https://hooks.example.org/in", topic="task"))
        assert Team.of(relay, "RJZ").post("/hl7v2", a03(control_id="K3")).status_code == 200
        assert len(hospice.feed()) == 3
        assert put(relay, AWAY).added == 1
        late = relay.store.deadlines.of_message(before[1]["meta"]["source"][9:])
        assert {one.recipient for one in late} >= {PRACTICE, HOSPICE}
    whom = f"WHERE recipient <> '{AWAY}'"  # who has the patient since is told besides
    [(waiting,)] = query(database_url, f"SELECT COUNT(*) FROM deadline {whom}")  # noqa: S608
    assert waiting == 6

"""When the database really goes away in the middle of a conversation, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from service.app import Relay
from tests.hl7v2_letters import a03
from tests.mllp_wire import Listen, all_heard, heard, quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.mllp_fixtures"]

ONE = b"\x0b" + a03() + b"\x1c\r"


@pytest.fixture
def relay(postgres_url: str) -> Iterator[Relay]:
    with quick_relay(postgres_url) as relay:
        yield relay


def admit(postgres_server: str, url: str, *, connections: bool) -> None:
    """Let nobody into a database, and put those out who are in it; or let them in again."""
    name = urlsplit(url).path.strip("/")
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {connections}")
        if not connections:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )


@pytest.mark.postgres
@pytest.mark.slow
def test_nothing_is_answered_until_the_database_is_back(
    listen: Listen, relay: Relay, postgres_server: str, postgres_url: str
) -> None:
    listener = listen(store=1)
    admit(postgres_server, postgres_url, connections=False)
    try:
        with listener.connected(timeout=60) as wire:
            wire.sendall(ONE)
            while_away = all_heard(wire)
    finally:
        admit(postgres_server, postgres_url, connections=True)
    with listener.connected(timeout=60) as wire:
        wire.sendall(ONE)
        told = heard(wire)

    assert while_away == []
    assert told == [("AA", "K0001")]
    assert len(Team.of(relay, "G99901").feed()) == 1

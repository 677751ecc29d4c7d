"""Clients, used assertions, settings and the audit trail, shared by every process."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import Conflict, NotFound
from service.model import Instant
from service.store import AuditEntry, RegisteredClient, Store, open_store
from service.store.audit import MOST
from tests.store_samples import NOON, Clock, query

pytest_plugins = ["tests.store_fixtures"]

CLIENT = RegisteredClient(
    id="hospice-1", organisation="8HX01", name="A hospice", scopes="system/*.rs", jwks="{}"
)
ENTRY = AuditEntry(at=NOON, client="hospice-1", organisation="8HX01", action="search-type")
AUDITED = "SELECT COUNT(*) FROM audit"


def test_a_client_is_kept_until_it_is_disabled(store: Store) -> None:
    store.clients.add(CLIENT)

    added = store.clients.get("hospice-1")
    store.clients.disable("hospice-1")

    assert (added.created, added.disabled, added.jwks) == (NOON, False, "{}")
    assert store.clients.get("hospice-1").disabled is True
    assert store.clients.get("nobody") is None
    assert [client.id for client in store.clients.list()] == ["hospice-1"]


def test_a_client_id_is_taken_once_and_a_stranger_is_not_disabled(store: Store) -> None:
    store.clients.add(CLIENT)

    with pytest.raises(Conflict):
        store.clients.add(CLIENT)
    with pytest.raises(NotFound):
        store.clients.disable("nobody")


def test_an_assertion_is_used_once_whichever_process_asks(database_url: str, clock: Clock) -> None:
    with open_store(database_url, clock) as one, open_store(database_url, clock) as other:
        stores = [one, other] * 10
        with ThreadPoolExecutor(20) as threads:
            used = list(threads.map(lambda s: s.clients.use_assertion("i", "j", NOON), stores))

        assert used.count(True) == 1
        assert one.clients.use_assertion("i", "k", NOON)
        assert other.clients.use_assertion("i2", "j", NOON)


def test_assertions_are_forgotten_once_they_have_expired(
    database_url: str, store: Store, clock: Clock
) -> None:
    store.clients.use_assertion("i", "old", Instant(NOON + 1))
    store.clients.use_assertion("i", "new", Instant(NOON + 3))
    clock.now = Instant(NOON + 2)

    store.clients.sweep()

    assert query(database_url, "SELECT jti FROM used_assertion") == [("new",)]


def test_a_secret_is_made_by_one_and_the_same_for_all(database_url: str, clock: Clock) -> None:
    with open_store(database_url, clock) as one, open_store(database_url, clock) as other:
        stores = list(enumerate([one, other] * 10))
        with ThreadPoolExecutor(20) as threads:
            secrets = set(
                threads.map(lambda s: s[1].settings.once("token-secret", lambda: str(s[0])), stores)
            )

        assert len(secrets) == 1
        assert one.settings.get("token-secret") in secrets


def test_settings_are_put_and_replaced(store: Store) -> None:
    assert store.settings.get("key") is None

    store.settings.put("key", "one")
    store.settings.put("key", "two")

    assert store.settings.get("key") == "two"


def test_the_epoch_stays_until_a_new_one_begins(store: Store) -> None:
    first = store.settings.epoch()

    assert store.settings.epoch() == first
    assert store.settings.new_epoch() == store.settings.epoch() != first


def test_reads_are_on_record_within_a_moment(database_url: str, store: Store) -> None:
    store.audit([ENTRY, ENTRY])
    store.audit([ENTRY])

    until = time.monotonic() + 5
    while query(database_url, AUDITED) != [(3,)] and time.monotonic() < until:
        time.sleep(0.02)

    assert query(database_url, AUDITED) == [(3,)]


def test_closing_writes_what_is_not_yet_on_record(database_url: str, clock: Clock) -> None:
    with open_store(database_url, clock) as store:
        store.audit([ENTRY])

    assert query(database_url, AUDITED) == [(1,)]


def test_when_too_much_waits_whoever_brings_more_writes_it(database_url: str, store: Store) -> None:
    store.audit([ENTRY] * (MOST + 1))

    assert query(database_url, AUDITED) == [(MOST + 1,)]

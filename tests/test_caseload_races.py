"""A patient who is put on a list while a message of them commits is told of it exactly once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.app import Relay
from service.errors import Unavailable
from service.model import OdsCode
from tests.caseload_lists import put, take_off
from tests.hl7v2_letters import a03
from tests.mllp_wire import quick_relay

pytest_plugins = ["tests.store_fixtures"]
AWAY = "SW1A 9ZZ"
ROUNDS = 12


def sent_until_taken(relay: Relay, body: bytes) -> bytes:
    """Send a message as an engine does that is asked to try again; return its acknowledgement."""
    while True:
        try:
            [answer] = relay.pipeline.receive_hl7v2(OdsCode("RJZ"), "application/hl7-v2", body)
        except Unavailable:
            continue
        return answer.body


def asked_until_done(change: Callable[[Relay], object], relay: Relay) -> None:
    """Change a list as its team does that is asked to try again."""
    while True:
        try:
            change(relay)
        except Unavailable:
            continue
        return


@pytest.mark.parametrize("adding_first", [True, False], ids=["the list begins", "messages begin"])
def test_adding_and_committing_at_once_neither_misses_nor_doubles(
    database_url: str, adding_first: bool
) -> None:
    with quick_relay(database_url) as relay:
        ready = threading.Barrier(2)

        def send() -> None:
            ready.wait()
            for i in range(ROUNDS):
                stay = f"V1000{i:03}".encode()
                letter = a03(control_id=f"K{i}", postcode=AWAY)
                body = letter.replace(b"V12345678", stay)
                assert b"MSA|AA" in sent_until_taken(relay, body)

        def keep() -> None:
            ready.wait()
            for _ in range(ROUNDS // 3):
                asked_until_done(put, relay)
                asked_until_done(take_off, relay)
            asked_until_done(put, relay)

        works = [keep, send] if adding_first else [send, keep]
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(work) for work in works]:
                done.result()
        put(relay)

        events = relay.store.feed("8HX03", None, 100).events
        messages = [event.body.split(b'"source":"urn:uuid:')[1][:36] for event in events]
        assert [event.n for event in events] == list(range(1, ROUNDS + 1))
        assert len(set(messages)) == ROUNDS

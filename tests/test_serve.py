"""`serve`: several workers on one port, ready when it says so, stopped without a loss."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from service.settings import bundled_folder
from tests.security_samples import ASSERTION_TYPE, Signer, registered
from tests.serving import Served, serving

FEED = "/fhir/Communication"
OWN = "?recipient:identifier=https://fhir.nhs.uk/Id/ods-organization-code%7C8HX03"
DISCHARGE = (bundled_folder("mappings") / "examples" / "rjz-a03-home.hl7").read_bytes()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with a hospice and a trust registered; `serve` finds it as it is."""
    from service.store import migrate, open_store

    url = f"sqlite:///{tmp_path / 'relay.db'}"
    migrate(url)
    with open_store(url) as store:
        store.clients.add(registered(scopes="system/*.cruds"))
        store.clients.add(registered("trust", organisation="RJZ", scopes="system/*.cruds"))
    return url


def token_request(served: Served, assertion: str) -> tuple[int, dict]:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "scope": "system/*.cruds",
    }
    return served.ask("POST", "/oauth2/token", urlencode(form).encode(), FORM)


def assertion(served: Served, client_id: str = "hospice") -> str:
    audience = f"http://127.0.0.1:{served.port}/oauth2/token"
    return Signer(client_id=client_id, claims={"aud": audience}).assertion()


def token(served: Served, client_id: str = "hospice") -> str:
    status, granted = token_request(served, assertion(served, client_id))
    assert status == 200, granted
    return granted["access_token"]


def listeners(served: Served) -> set[int]:
    return {
        worker.pid
        for worker in served.workers()
        for connection in worker.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == served.port
    }


def test_two_workers_share_the_port_the_tokens_and_the_used_assertions(database):
    with serving("--workers", 2, "--database", database) as served:
        until = time.monotonic() + 10
        while len(listeners(served)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        both = listeners(served)
        bearer, once = token(served), assertion(served)
        with ThreadPoolExecutor(8) as threads:
            reads = list(threads.map(lambda _: served.get(FEED, bearer)[0], range(24)))
            uses = list(threads.map(lambda _: token_request(served, once)[0], range(24)))
        code = served.stop()

    assert len(both) == 2
    assert reads == [200] * 24
    assert sorted(uses) == [200] + [401] * 23
    assert code == 0


def test_a_fresh_database_is_made_and_it_answers_as_soon_as_it_says_so(tmp_path):
    path = tmp_path / "new.db"

    with serving("--database", f"sqlite:///{path}") as served:
        first = served.get("/health")
        anonymous = served.get(FEED)
        code = served.stop()

    assert first[0] == 200
    assert anonymous[0] == 401
    assert path.exists()
    assert "Made a new database" in served.out[0]
    assert served.out[1].startswith(f"Listening on http://127.0.0.1:{served.port}, 1 workers of")
    assert code == 0
    assert served.errors == []


def test_settings_come_from_the_environment_too(database):
    with serving(database=database, workers=2, threads=3) as served:
        served.stop()

    assert "2 workers of 3 threads" in "".join(served.out)


def test_it_can_be_stopped_while_workers_are_still_starting(database):
    with serving("--workers", 4, "--database", database) as served:
        began = time.monotonic()
        code = served.stop()

    assert code == 0
    assert time.monotonic() - began < 15


def test_what_was_posted_is_there_after_a_restart(database):
    with serving("--database", database) as served:
        sent = {
            "Authorization": f"Bearer {token(served, 'trust')}",
            "Content-Type": "application/hl7-v2",
        }
        answer = _posted(served, DISCHARGE, sent)
        served.stop()
    with serving("--database", database) as again:
        _, feed = again.get(FEED + OWN, token(again))
        again.stop()

    assert b"MSA|AA|" in answer
    assert len([e for e in feed["entry"] if e["search"]["mode"] == "match"]) == 1


def _posted(served: Served, body: bytes, headers: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    try:
        connection.request("POST", "/hl7v2", body, headers)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize("end", [Served.stop, Served.interrupt], ids=["SIGTERM", "Ctrl-C"])
def test_told_to_stop_it_answers_polls_that_wait_and_ends_with_0(database, end):
    with serving("--database", database) as served:
        bearer = token(served)
        with ThreadPoolExecutor(1) as threads:
            began = time.monotonic()
            poll = threads.submit(_long_poll, served, bearer)
            time.sleep(1)
            waits = not poll.done()
            code = end(served)
            status, bundle = poll.result()
        took = time.monotonic() - began

    assert waits
    assert (status, bundle["resourceType"]) == (200, "Bundle")
    assert took < 10
    assert code == 0
    assert not any("Traceback" in line for line in served.errors)


def _long_poll(served: Served, bearer: str) -> tuple[int, dict]:
    return served.get(FEED + OWN, bearer, Prefer="wait=25")


def test_told_to_stop_it_takes_in_a_message_that_is_still_on_its_way(database, tmp_path):
    with serving("--database", database) as served:
        head = (
            f"POST /hl7v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/hl7-v2\r\n"
            f"Authorization: Bearer {token(served, 'trust')}\r\n"
            f"Content-Length: {len(DISCHARGE)}\r\nExpect: 100-continue\r\n\r\n"
        ).encode()
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as sender:
            sender.sendall(head)
            asked_on = sender.recv(65536)
            served.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            sender.sendall(DISCHARGE)
            answer = b"".join(iter(lambda: sender.recv(65536), b""))  # to the end
        code = served.ended()

    assert asked_on.startswith(b"HTTP/1.1 100")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"MSA|AA|" in answer
    assert code == 0
    with sqlite3.connect(tmp_path / "relay.db") as connection:
        assert connection.execute("SELECT state FROM message").fetchall() == [("committed",)]
    connection.close()


def test_what_is_to_be_audited_is_written_before_it_ends(database, tmp_path):
    with serving("--database", database) as served:
        status, _ = served.get(FEED, token(served))
        code = served.stop()

    assert (status, code) == (200, 0)
    with sqlite3.connect(tmp_path / "relay.db") as connection:
        audited = connection.execute("SELECT client, action FROM audit").fetchall()
    connection.close()
    assert ("hospice", "search-type") in audited


def test_a_worker_that_dies_is_replaced(database):
    with serving("--database", database) as served:
        [worker] = listeners(served)
        time.sleep(0.5)
        psutil.Process(worker).kill()
        until, status = time.monotonic() + 30, 0
        while status != 200 and time.monotonic() < until:
            time.sleep(0.2)
            try:
                status, _ = served.get("/health")
            except OSError:
                continue
        [replacement] = listeners(served)
        code = served.stop()

    assert status == 200
    assert replacement != worker
    assert code == 0
    assert any("Unexpected exit" in json.loads(line)["event"] for line in served.errors)


def test_workers_do_not_outlive_a_parent_that_was_killed(database):
    with serving("--workers", 2, "--database", database) as served:
        workers = served.workers()
        served.process.kill()
        gone, alive = psutil.wait_procs(workers, timeout=15)

    assert len(gone) == len(workers) > 2  # those beside the workers too
    assert alive == []

"""What the benchmarks say: figures as JSON lines, and why one could not be measured."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import conversions, figures
from bench.load import Client, Target, rate
from bench.long_discharge import long_discharge
from bench.report import table
from bench.steady import PATIENCE, in_turns, warm_up
from sandbox.produced import converter
from service.model import OdsCode


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    figures._file_of_this_run.cache_clear()
    return tmp_path


def test_without_java_the_comparison_says_so_and_ours_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    conversions.measure_against_peer(converter(), 1)

    told = capsys.readouterr().out
    ours, compared = map(json.loads, told.splitlines())
    assert (ours["name"], ours["value"] > 0) == ("convert_a03", True)
    assert (compared["name"], compared["value"]) == ("convert_vs_lfh", None)
    assert "a JDK, version 17 or newer" in compared["conditions"]
    assert next(results.iterdir()).read_text() == told


def test_the_discharge_that_is_compared_has_about_5_kb_and_nothing_in_it_is_refused() -> None:
    body = long_discharge(7)

    [bundle] = converter().convert(body, sender=OdsCode("RJZ"))

    assert 5000 <= len(body) <= 5500
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert {kind: kinds.count(kind) for kind in ("Condition", "AllergyIntolerance")} == {
        "Condition": 10,
        "AllergyIntolerance": 3,
    }
    assert b"999" in body


@pytest.mark.parametrize(
    ("rates", "at_least", "runs"),
    [
        ([50, 80, 100, 104, 9], 2, 4),  # until two agree
        ([100, 100, 100, 100], 4, 4),  # though two agreed before
        ([100, 50] * PATIENCE, 2, PATIENCE),  # a machine on which none do
    ],
)
def test_what_warms_up_is_run_until_two_runs_in_a_row_agree(
    rates: list[float], at_least: int, runs: int
) -> None:
    left = iter(rates)

    assert warm_up(lambda: next(left), at_least) == runs


def test_two_that_are_compared_run_in_turns() -> None:
    order: list[str] = []

    pairs = in_turns(2, lambda: order.append("a") or 1.0, lambda: order.append("b") or 2.0)

    assert pairs == [(1.0, 2.0), (1.0, 2.0)]
    assert order == ["a", "b", "a", "b"]


def test_a_table_says_of_each_figure_whether_it_meets_its_goal() -> None:
    figures = [
        {"name": name, "value": value, "unit": "times", "conditions": "", "spread": ""}
        for name, value in (("convert_vs_lfh", 9.9), ("poll_vs_hapi", 10), ("ingest_vs_hapi", None))
    ]

    *_, missed, met, unknown = table(figures)

    assert missed == "| convert_vs_lfh | 9.9 times | ≥ 10 ✗ |  |  |"
    assert met == "| poll_vs_hapi | 10 times | ≥ 10 ✓ |  |  |"
    assert unknown == "| ingest_vs_hapi | none | ≥ 3 |  |  |"


def test_an_answer_is_read_whole_however_it_is_framed_and_a_refusal_is_no_rate(
    answering: Callable[[bytes], int],
) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    counted = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nabcde"
    refused = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

    for answer in (chunked, counted):
        port = answering(answer)
        client = Client(port)
        assert client.ask(Target(port=port, headers="").request("GET", "/")) == b"abcde"
        client.close()
    port = answering(refused)
    request = Target(port=port, headers="").request("GET", "/")
    with pytest.raises(ValueError, match="503"):
        rate(port, [[lambda client: client.ask(request)]])


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], int]]:
    """Start a server that answers one request with these bytes; returns its port."""
    servers: list[socket.socket] = []

    def start(answer: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        server.close()

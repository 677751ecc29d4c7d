"""What the benchmarks say: figures as JSON lines, and why one could not be measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import conversions, figures
from bench.long_discharge import long_discharge
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

"""How a figure is told: a JSON line on stdout and in a file of the run, below bench/results."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results"


def tell(name: str, value: float | None, unit: str, conditions: str, range_: str = "") -> None:
    """Tell one figure; None is one that could not be measured, and `conditions` says why."""
    line = json.dumps(
        {
            "name": name,
            "value": None if value is None else float(f"{value:.4g}"),
            "unit": unit,
            "conditions": conditions,
            "spread": range_,
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 1),  # of the whole machine, over the last minute
        }
    )
    print(line, flush=True)
    with _file_of_this_run().open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def spread(values: Sequence[float]) -> str:
    """Say how far the repetitions lie apart."""
    return f"{min(values):.3g} to {max(values):.3g} in {len(values)} repetitions"


def tell_median(name: str, values: Sequence[float], unit: str, conditions: str) -> None:
    """Tell the median of repetitions, and how far they lie apart."""
    tell(name, statistics.median(values), unit, conditions, spread(values))


@cache
def _file_of_this_run() -> Path:
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}-{os.getpid()}.jsonl"

"""The figures of a run as the tables of docs/performance.md: `python -m bench.report FILE …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

# What is promised: at least, or at most.
GOALS: Final[Mapping[str, tuple[str, float]]] = {
    "ingest_vs_hapi": ("≥", 3),
    "poll_vs_hapi": ("≥", 10),
    "convert_vs_lfh": ("≥", 10),
    "ingest_vs_floor": ("≥", 0.6),
    "ingest_growth": ("≥", 0.85),
    "poll_growth": ("≥", 0.85),
    "longpoll_p99": ("≤", 50),
    "ingest_transaction_cpu": ("≤", 1.2),
    "poll_20_cpu": ("≤", 0.5),
    "serve_rss": ("≤", 250),
    "ready": ("≤", 2),
}
Figure = dict[str, Any]


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """Yield the lines of a Markdown table; a figure with a goal says whether it meets it."""
    yield "| figure | value | goal | spread | conditions |"
    yield "|---|---|---|---|---|"
    for one in figures:
        value = "none" if one["value"] is None else f"{one['value']:g} {one['unit']}"
        cells = (one["name"], value, _goal(one), one["spread"], one["conditions"])
        yield f"| {' | '.join(cells)} |"


def _goal(figure: Figure) -> str:
    if figure["name"] not in GOALS:
        return ""
    sign, bound = GOALS[figure["name"]]
    value = figure["value"]
    if value is None:
        return f"{sign} {bound:g}"
    is_met = value >= bound if sign == "≥" else value <= bound
    return f"{sign} {bound:g} {'✓' if is_met else '✗'}"


def read(files: Iterable[str]) -> Iterator[Figure]:
    """Yield the figures of result files; of one that was measured again, the last."""
    found: dict[str, Figure] = {}
    for file in files:
        for line in Path(file).read_text("utf-8").splitlines():
            figure: Figure = json.loads(line)
            found[figure["name"]] = figure
    yield from found.values()


if __name__ == "__main__":
    print("\n".join(table(read(sys.argv[1:]))))

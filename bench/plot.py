"""The figures of a run that have a goal, as a picture: `python -m bench.plot FILE … > picture.svg`.

Each bar says how far a figure is on the right side of its goal: 1 meets it, 2 is twice as good.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import pygal
from pygal.style import CleanStyle

from bench.report import GOALS, Figure, read

_MARKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)  # of the axis, which is logarithmic
_MET, _MISSED = "#1b7837", "#b2182b"


def drawn(figures: Iterable[Figure]) -> bytes:
    """Return an SVG with a bar for each figure that has a goal."""
    bars = list(_bars(figures))
    chart = pygal.HorizontalBar(
        style=CleanStyle,
        logarithmic=True,
        range=(_MARKS[0], _MARKS[-1]),
        zero=1,
        y_labels=_MARKS,
        js=(),  # a picture, that loads nothing
        show_legend=False,
        print_values=True,
        title="How far each figure is on the right side of its goal (1: just met)",
        height=80 + 40 * len(bars),
    )
    chart.x_labels = [label for label, _ in reversed(bars)]
    chart.add("", [_bar(share) for _, share in reversed(bars)])
    return bytes(chart.render())


def _bars(figures: Iterable[Figure]) -> Iterator[tuple[str, float]]:
    for one in figures:
        name, value = one["name"], one["value"]
        if name in GOALS and value:
            sign, goal = GOALS[name]
            share = value / goal if sign == "≥" else goal / value
            yield f"{name}: {value:g} {one['unit']} (goal {sign} {goal:g})", share


def _bar(share: float) -> dict[str, object]:
    colour = _MET if share >= 1 else _MISSED
    return {
        "value": min(max(share, _MARKS[0]), _MARKS[-1]),
        "color": colour,
        "formatter": lambda _: f"{share:.2g}",
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(drawn(read(sys.argv[1:])))

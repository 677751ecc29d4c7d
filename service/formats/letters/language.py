"""Paths into letters as they are written: `section('Plan').label('Review by')`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

ANY: Final = 99  # texts
# What there is, with the fewest and the most texts in its brackets.
STEPS: Final = {
    "label": (1, ANY),
    "under": (1, ANY),
    "section": (1, ANY),
    "sections": (0, 0),
    "heading": (0, 0),
    "beginning": (0, 0),
    "line": (1, ANY),
    "rows": (1, ANY),
    "column": (1, ANY),
    "note": (0, 0),
    "css": (1, 1),
    "letter": (0, 0),
    "first": (0, 0),
    "last": (0, 0),
}
_NAME: Final = re.compile(r"\s*([a-z]+)\(\s*")
_TEXT: Final = re.compile(r"'((?:[^']|'')*)'\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSpec:
    """One step of a path."""

    name: str
    texts: tuple[str, ...]


def parse(path: str) -> tuple[StepSpec, ...]:
    """Return the steps of a path; () for `.`. Raises ValueError that says what is wrong."""
    if path.strip() == ".":
        return ()
    steps, at = [], 0
    while True:
        step, at = _step(path, at)
        steps.append(step)
        if at == len(path):
            break
        if path[at] != ".":
            _fault(at, "expected . or the end")
        at += 1
    for step in steps[1:]:
        if step.name == "letter":
            raise ValueError("letter() stands at the beginning")
    return tuple(steps)


def _step(path: str, at: int) -> tuple[StepSpec, int]:
    name = _NAME.match(path, at)
    if not name:
        _fault(at, "expected a step such as label('…'), section('…') or rows('…')")
    if name[1] not in STEPS:
        _fault(at, f"there is no {name[1]}(): there are {', '.join(STEPS)}")
    texts, at = _texts(path, name.end())
    fewest, most = STEPS[name[1]]
    if not fewest <= len(texts) <= most:
        wanted = "no text" if most == 0 else "one text" if most == 1 else "at least one text"
        raise ValueError(f"{name[1]}() takes {wanted} in single quotes")
    if any(not text.strip() for text in texts):
        raise ValueError(f"{name[1]}('') names nothing")
    return StepSpec(name=name[1], texts=texts), at


def _texts(path: str, at: int) -> tuple[tuple[str, ...], int]:
    texts: list[str] = []
    while not path.startswith(")", at):
        if texts:
            if not path.startswith(",", at):
                _fault(at, "expected , or )")
            at = _blanks(path, at + 1)
        text = _TEXT.match(path, at)
        if not text:
            _fault(at, "expected a text in single quotes")
        texts.append(text[1].replace("''", "'"))
        at = text.end()
    return tuple(texts), _blanks(path, at + 1)


def _blanks(path: str, at: int) -> int:
    while path.startswith(" ", at):
        at += 1
    return at


def _fault(at: int, text: str) -> NoReturn:
    raise ValueError(f"character {at + 1}: {text}")

"""Names for what several rules ask: `{name}` in a path or a condition stands for its text."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\{([a-z][a-z0-9-]*)\}")
_MAX_DEPTH = 8  # of names within names


def with_own(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return a base's names with a file's own laid over them.

    A name in its own meaning is what the base means by it, so that a file can add to it.
    """
    laid = dict(base)
    for name, meaning in own.items():
        before = base.get(name)
        laid[name] = meaning if before is None else meaning.replace(f"{{{name}}}", before)
    return laid


def written_out(text: str, names: Mapping[str, str]) -> str:
    """Return `text` with every name in it replaced by what it stands for.

    Raises ValueError where a name is not known, or stands for itself.
    """
    for _ in range(_MAX_DEPTH):
        if "{" not in text or not _REFERENCE.search(text):
            return text
        text = _REFERENCE.sub(lambda found: _meaning(found[1], names), text)
    raise ValueError("a name stands for itself, or names are nested too deeply")


def _meaning(name: str, names: Mapping[str, str]) -> str:
    if name not in names:
        raise ValueError(f"there is no name {name} (names: is where they are given)")
    return names[name]

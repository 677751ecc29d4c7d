"""Narrative byte for byte: the source text of each XHTML `div`, which no XML tree keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_MARKUP: Final = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    r"|<(?P<end>/?)div(?=[\s/>])(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+>",
    re.DOTALL,
)


def divs(document: str) -> Iterator[str]:
    """Yield every outermost `<div …>…</div>` of a well-formed document as it stands there."""
    depth = start = 0
    for match in _MARKUP.finditer(document):
        if match["end"] is None:
            continue  # a comment, CDATA or instruction
        if depth == 0:
            start = match.start()
        if match["end"]:
            depth -= 1
        elif not match[0].endswith("/>"):
            depth += 1
        if depth == 0:
            yield document[start : match.end()]

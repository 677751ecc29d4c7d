"""Paths into letters, compiled: from a part of a letter to the texts in it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from service.formats.letters.known import Known
from service.formats.letters.language import StepSpec, parse
from service.formats.letters.letter import Extent
from service.formats.letters.steps import Step, make
from service.formats.source import Path

_ONE_OF: Final = ("first", "last")
BODY: Final = "%body"  # all bytes of the message, in base64


def compile_path(text: str, known: Known, *, has_elements: bool) -> Path:
    """Compile one path. Raises ValueError."""
    if text.strip() == BODY:
        return _body(text)
    steps = [(spec.name, _made(spec, known, has_elements=has_elements)) for spec in parse(text)]

    def find(node: Extent) -> Sequence[Extent]:
        found: Sequence[Extent] = [_arranged(node, known)]
        for name, step in steps:
            if name in _ONE_OF:
                found = found[:1] if name == "first" else found[-1:]
            else:
                found = [part for extent in found for part in step(extent)]
        return found

    def values(node: Extent) -> Sequence[str]:
        return [text for extent in find(node) if (text := extent.text)]

    def nodes(node: Extent) -> Sequence[Extent]:
        return [extent for extent in find(node) if extent.rows]

    def places(node: Extent) -> Sequence[str]:
        return [extent.place for extent in find(node) if extent.text]

    def covers(node: Extent) -> Sequence[str]:
        return [place for extent in find(node) for place in extent.places]

    return Path(text=text, values=values, nodes=nodes, places=places, covers=covers)


def _made(spec: StepSpec, known: Known, *, has_elements: bool) -> Step:
    if spec.name in _ONE_OF:
        return lambda extent: [extent]
    return make(spec, known, has_elements=has_elements)


def _arranged(node: Extent, known: Known) -> Extent:
    """Return the whole letter as the mapping sees it; a part of it is so already."""
    return node.letter.seen_by(known) if node.is_whole else node


def _body(text: str) -> Path:
    return Path(
        text=text,
        values=lambda node: [b64encode(node.letter.raw).decode()],
        nodes=lambda node: (),
        places=lambda node: ["the whole letter"],
    )

"""Shipped mappings and the corpus of public samples, for the tests of what messages become."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from service import formats
from service.formats import FORMATS, SourceMessage
from service.mapping import Mapping, Mappings
from service.model import OdsCode, TransferOfCare

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mappings"
CORPUS = ROOT.parent / "shared" / "corpus"


@cache
def shipped() -> Mappings:
    """The shipped mappings; loading them runs every example."""
    return Mappings.load(FOLDER, formats=FORMATS)


def read(body: bytes, charset: str | None = None) -> SourceMessage:
    """The only message in these bytes."""
    (source,) = formats.detect("", body).read(body, charset)
    return source


def example(name: str) -> bytes:
    """The bytes of a shipped example, e.g. "rjz-a03-home"."""
    found = [path for path in FOLDER.glob(f"examples/{name}.*") if path.suffixes != EXPECTED]
    (path,) = found
    return path.read_bytes()


EXPECTED = [".expected", ".json"]


def converted(sender: str, body: bytes) -> tuple[Mapping, TransferOfCare]:
    """What a message of this sender becomes, and by which mapping, as the pipeline does it."""
    source = read(body)
    mapping = shipped().for_source(OdsCode(sender), source)
    if mapping.charset and source.charset_guessed:
        source = read(body, mapping.charset)
    return mapping, mapping.apply(source, OdsCode(sender))


def fact(transfer: TransferOfCare, path: str) -> Any:
    """A value by its dotted path, e.g. "requests[0].priority"; `[]` collects from all items."""
    found: Any = transfer
    for step in path.split("."):
        name, _, index = step.partition("[")
        found = (
            [getattr(one, name) for one in found]
            if isinstance(found, list)
            else getattr(found, name, None)
        )
        if index == "]":
            found = list(found)
        elif index:
            found = found[int(index[:-1])]
    return tuple(found) if isinstance(found, list) else found


def doubts(transfer: TransferOfCare) -> set[str]:
    """The targets of everything doubtful about a transfer."""
    return {issue.target for issue in transfer.issues if issue.severity != "information"}

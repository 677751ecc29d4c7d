"""The messages that fuzzing begins with: the mappings' own examples, and the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from service.bundled import bundled_folder
from service.errors import ServiceError
from service.formats import FORMATS, detect
from service.mapping.examples import EXPECTED
from service.mapping.loading import Loaded, load_folder
from service.model import OdsCode, TransferOfCare

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"
LARGEST = 300 * 1024  # bytes of a sample
STRANGER = OdsCode("RXX")


@dataclass(frozen=True)
class Sample:
    """A message that some reader takes."""

    name: str
    body: bytes = field(repr=False)
    sender: OdsCode = STRANGER
    mapping: str = ""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


@cache
def samples(format_name: str) -> tuple[Sample, ...]:
    """The samples of a reader, the mappings' own first; another's where it has none."""
    own = [sample for name, sample in (*_examples(), *_corpus()) if name == format_name]
    return tuple(own) or (Sample("nothing", b"nothing at all"),)


@cache
def _examples() -> tuple[tuple[str, Sample], ...]:
    folder = bundled_folder("mappings")
    return tuple(
        found for loaded in load_folder(folder, FORMATS) for found in _of_mapping(loaded, folder)
    )


def _of_mapping(loaded: Loaded, folder: Path) -> Iterator[tuple[str, Sample]]:
    mapping = loaded.mapping
    for example in loaded.examples if mapping else ():
        assert mapping
        path = _file(folder / example.name.text)
        sender = mapping.senders[0] if mapping.senders else STRANGER
        secrets = frozenset(
            secret for source in example.sources for secret in _secrets(mapping, source, sender)
        )
        yield mapping.format, Sample(path.name, path.read_bytes(), sender, mapping.id, secrets)


def _file(named: Path) -> Path:
    found = [p for p in named.parent.glob(f"{named.name}.*") if not p.name.endswith(EXPECTED)]
    return found[0]


@cache
def _corpus() -> tuple[tuple[str, Sample], ...]:
    found = []
    for path in sorted(CORPUS.rglob("*")) if CORPUS.is_dir() else ():
        if not path.is_file() or path.stat().st_size > LARGEST:
            continue
        body = path.read_bytes()
        try:
            found.append((detect("", body).name, Sample(path.name, body)))
        except ServiceError:
            continue
    return tuple(found)


def _secrets(mapping: Any, source: Any, sender: OdsCode) -> Iterator[str]:
    try:
        transfer = mapping.apply(source, sender)
    except ServiceError:
        return
    yield from (text for text in _texts(transfer) if len(text) > 5)


def _texts(transfer: TransferOfCare) -> Iterator[str]:
    """What names the patient, and may stand in no error and no log line."""
    who = transfer.patient
    contacts = [one.family or "" for one in who.contacts]
    yield from (who.family or "", who.name or "", who.nhs_number or "", *who.given, *contacts)
    yield from (one.value for one in (*who.identifiers, *who.telecoms))
    for address in who.addresses:
        yield from (*address.lines, address.postcode or "", address.text or "")

"""Everything that the project writes as FHIR: definitions, examples, conversions, answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.validator import PROFILES, UK_CORE
from service.conversion import Attempt, Converter
from service.delivery.routing import Routing
from service.errors import ServiceError
from service.fhir.outcome import operation_outcome
from service.formats import FORMATS
from service.mapping import Mappings
from service.mapping.examples import EXPECTED, sender_of
from service.mapping.loading import load_folder
from service.model import OdsCode
from service.settings import bundled_folder

MAPPINGS: Final = bundled_folder("mappings")
CORPUS: Final = PROFILES.parent.parent / "shared" / "corpus"
_UK_CORE: Final = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A resource as it is sent, and where it comes from."""

    name: str
    text: str  # JSON or XML

    @property
    def is_json(self) -> bool:
        """Whether it is not XML."""
        return self.text.lstrip().startswith("{")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A message of a mapping's examples, and as whose it is tried."""

    name: str
    mapping_id: str
    sender: OdsCode
    body: bytes


def definitions() -> Iterator[Document]:
    """Yield our profiles, value sets, code systems and operations."""
    return _files(PROFILES.glob("*.json"))


def profile_examples() -> Iterator[Document]:
    """Yield the examples that come with the profiles."""
    return _files((PROFILES / "examples").glob("*.json"))


def mapping_examples() -> Iterator[Example]:
    """Yield every message that a mapping names as its example."""
    for loaded in load_folder(MAPPINGS, FORMATS):
        for example in loaded.examples if loaded.mapping else ():
            [path] = (
                path
                for path in MAPPINGS.glob(f"{example.name.text}.*")
                if not path.name.endswith(EXPECTED)
            )
            yield Example(
                name=f"{loaded.id}: {path.name}",
                mapping_id=loaded.id,
                sender=sender_of(loaded.mapping, example.sources[0]),
                body=path.read_bytes(),
            )


def converted_examples() -> Iterator[Document]:
    """Yield what the mappings' examples become, or why they are refused."""
    ours = converter()
    for example in mapping_examples():
        tried = ours.attempts(example.body, mapping_id=example.mapping_id, sender=example.sender)
        for attempt in tried:
            yield _document(example.name, _outcome(ours, attempt))


def converted_corpus() -> Iterator[Document]:
    """Yield what the public samples become; nothing where they do not lie beside the project."""
    ours = converter()
    for path in sorted(one for one in CORPUS.rglob("*") if one.is_file()):
        try:
            tried = ours.attempts(path.read_bytes())
        except ServiceError as refusal:
            yield _document(path.name, operation_outcome(refusal.issues))
            continue
        for attempt in tried:
            yield _document(str(path.relative_to(CORPUS)), _outcome(ours, attempt))


def uk_core_parts(document: Document) -> Iterator[tuple[Document, str]]:
    """Yield a resource, or each one in a Bundle, with the UK Core profile of its type."""
    resource = json.loads(document.text)
    parts = [resource, *(entry.get("resource") for entry in resource.get("entry", ()))]
    for part in parts:
        if part and (profile := _profile_of(part["resourceType"])):
            yield _document(f"{document.name}, {part['resourceType']}", part), profile


def _profile_of(kind: str) -> str:
    """Return UK Core's profile of a type; "" where it has none. A Bundle's is that of a page."""
    there = (UK_CORE / "structuredefinitions" / f"UKCore-{kind}.xml").is_file()
    return _UK_CORE + kind if there else ""


def converter() -> Converter:
    """Return one with the shipped mappings, without a store, whose ids and clock are fixed."""
    ids = (f"00000000-0000-7000-8000-{n:012d}" for n in itertools.count())
    return Converter.without_store(
        mappings=Mappings.load(MAPPINGS, formats=FORMATS),
        routing=Routing.load(MAPPINGS),
        clock=lambda: datetime(2026, 11, 24, tzinfo=UTC),
        new_id=lambda: next(ids),
    )


def _outcome(ours: Converter, attempt: Attempt) -> Resource:
    if attempt.refusal:
        return operation_outcome(attempt.refusal.issues)
    return ours.bundle(attempt)


def _document(name: str, resource: Resource) -> Document:
    return Document(name=name, text=json.dumps(resource))


def _files(paths: Iterator[Path]) -> Iterator[Document]:
    for path in sorted(paths):
        yield Document(name=path.name, text=path.read_text("utf-8"))

"""Everything in a mappings folder: read, extended, compiled, and tried on its examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping as Lookup
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

from service import yamlfile
from service.formats.source import Format
from service.mapping.build import build
from service.mapping.examples import Example, compare, run_examples
from service.mapping.extend import extend
from service.mapping.mapping import Mapping
from service.mapping.reading import read_spec
from service.mapping.rules import Compiler
from service.mapping.shared import Shared, without_collection
from service.mapping.spec import MappingSpec
from service.yamlfile import Fault

SCHEMA = "schema.json"
OTHER_FILES = ("directory.yaml", "routing.yaml")  # lie in the same folder, mean something else


class MappingFaults(Exception):
    """The mapping files have faults."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


@dataclass(kw_only=True, slots=True)
class Loaded:
    """One mapping file and all that became of it."""

    id: str
    file: str
    spec: MappingSpec | None = None  # with all that it inherits
    mapping: Mapping | None = None
    compiler: Compiler | None = None
    examples: list[Example] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def load_folder(
    folder: Path, formats: Lookup[str, Format], *, expected: bool = True
) -> list[Loaded]:
    """Load every mapping below `folder`; `expected`: compare the examples with what is expected.

    Nothing is raised for a fault: each is with the file that has it.
    """
    with without_collection():
        return _loaded(folder, formats, expected=expected)


def _loaded(folder: Path, formats: Lookup[str, Format], *, expected: bool) -> list[Loaded]:
    schema, shared = _schema(), Shared(folder=folder)
    found = {loaded.id: loaded for loaded in _files(folder)}
    for loaded in found.values():
        _read(loaded, folder, schema)
    resolver = _Resolver(found)
    for loaded in found.values():
        resolver.resolve(loaded.id)
    for loaded in found.values():
        _compile(loaded, shared, formats, expected=expected)
    _check_overlap(list(found.values()))
    return list(found.values())


def all_faults(loaded: list[Loaded]) -> list[Fault]:
    """Return the faults of all files, each once, in the order of files and lines."""
    return sorted({fault for one in loaded for fault in one.faults})


@cache
def _schema() -> dict[str, Any]:
    """Return the schema that belongs to this code: beside the package, or in the wheel."""
    package = Path(__file__).resolve().parents[1]
    folders = (package / "_data" / "mappings", package.parent / "mappings")
    file = next(folder / SCHEMA for folder in folders if (folder / SCHEMA).is_file())
    return json.loads(file.read_bytes())  # type: ignore[no-any-return]


def _files(folder: Path) -> Iterator[Loaded]:
    for path in (*sorted(folder.glob("base/*.yaml")), *sorted(folder.glob("*.yaml"))):
        name = path.relative_to(folder).as_posix()
        if name not in OTHER_FILES:
            yield Loaded(id=name.removesuffix(".yaml"), file=name)


def _read(loaded: Loaded, folder: Path, schema: dict[str, Any]) -> None:
    document = yamlfile.read(folder / loaded.file, loaded.file)
    loaded.faults += document.faults or yamlfile.check(document, schema)
    if not loaded.faults:
        loaded.spec, faults = read_spec(document, loaded.id)
        loaded.faults += faults


class _Resolver:
    """Lays every file over its base, bases first."""

    def __init__(self, found: dict[str, Loaded]) -> None:
        self.found = found
        self.done: dict[str, MappingSpec | None] = {}
        self.open: list[str] = []

    def resolve(self, mapping_id: str) -> MappingSpec | None:
        """Return the whole spec, or None where faults stand in the way."""
        if mapping_id not in self.done:
            self.open.append(mapping_id)
            self.done[mapping_id] = self.whole(self.found[mapping_id])
            self.open.pop()
        return self.done[mapping_id]

    def whole(self, loaded: Loaded) -> MappingSpec | None:
        if loaded.spec is None or loaded.faults:
            return None
        base = None
        if named := loaded.spec.extends:
            said = self.obstacle(named.text)
            base = None if said else self.resolve(named.text)
            if base is None:
                loaded.faults.append(named.origin.fault(said or f"{named.text} has faults"))
                return None
        loaded.spec, faults = extend(loaded.spec, base)
        loaded.faults += faults
        return None if faults else loaded.spec

    def obstacle(self, base_id: str) -> str:
        if base_id not in self.found:
            return f"there is no mapping {base_id}"
        if base_id in self.open:
            return f"extends goes round in a circle: {' → '.join((*self.open, base_id))}"
        return ""


def _compile(
    loaded: Loaded, shared: Shared, formats: Lookup[str, Format], *, expected: bool
) -> None:
    if loaded.spec is None or loaded.faults:
        return
    loaded.mapping, loaded.compiler, faults = build(loaded.spec, shared, formats)
    loaded.faults += faults
    if loaded.mapping is None:
        return
    loaded.examples = run_examples(loaded.mapping, loaded.spec, shared.folder, formats)
    for example in loaded.examples:
        loaded.faults += compare(example, shared.folder) if expected else example.faults


def _check_overlap(loaded: list[Loaded]) -> None:
    """Find pairs of mappings that would both serve a message, by trying every example."""
    for one, other in combinations([one for one in loaded if one.mapping], 2):
        both = _both_serve(one, other)
        if both and other.spec:
            said = f"{one.id} and {other.id} both serve {both}: only one may"
            when = other.spec.source.when
            other.faults.append((when.origin if when else other.spec.origin).fault(said))


def _both_serve(one: Loaded, other: Loaded) -> str:
    """Return the message that both mappings would serve, as far as examples show."""
    first, second = one.mapping, other.mapping
    if first is None or second is None or not _rivals(first, second):
        return ""
    if first.condition is None and second.condition is None:
        return "every message"
    for own, rival in ((one, second), (other, first)):
        for example in own.examples:
            if any(rival.holds(source) for source in example.sources):
                return f"the example {example.name.text}"
    return ""


def _rivals(first: Mapping, second: Mapping) -> bool:
    """Whether the two could serve the same message, and neither steps back for the other."""
    shared = set(first.senders) & set(second.senders) or (first.is_base and second.is_base)
    same_rank = (first.condition is None) == (second.condition is None)
    return bool(shared) and first.format == second.format and same_rank

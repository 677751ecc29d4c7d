"""The load gate: a mapping serves only if its examples become what they should."""

from __future__ import annotations

import json
from collections.abc import Mapping as Lookup
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.errors import ServiceError, UnmappableMessage
from service.formats.source import Format, SourceMessage
from service.mapping.mapping import Mapping
from service.mapping.record_json import as_json, differences, transfer_as_dict
from service.mapping.spec import MappingSpec, Text
from service.model import OdsCode
from service.yamlfile import Fault, reason

EXPECTED = ".expected.json"
NOBODY = OdsCode("X9999")  # sends the examples of base mappings that name no sender
MAX_DIFFERENCES = 20  # printed of one example
MAX_FILE = 20 * 1024 * 1024  # bytes


@dataclass(kw_only=True, slots=True)
class Example:
    """One example after it ran."""

    name: Text
    sources: tuple[SourceMessage, ...] = ()
    made: str = ""  # the record (or the refusal) as JSON text
    faults: list[Fault] = field(default_factory=list)

    def expected_file(self, folder: Path) -> Path:
        """Return where the expected record is."""
        return folder / f"{self.name.text}{EXPECTED}"


def run_examples(
    mapping: Mapping, spec: MappingSpec, folder: Path, formats: Lookup[str, Format]
) -> list[Example]:
    """Run every example of the mapping on what it is now."""
    return [_run(mapping, name, folder, formats[mapping.format]) for name in spec.examples]


def compare(example: Example, folder: Path) -> list[Fault]:
    """Return in what the example is not as expected."""
    if example.faults:
        return example.faults
    origin, name = example.name.origin, example.name.text
    try:
        expected = json.loads(example.expected_file(folder).read_bytes())
    except FileNotFoundError:
        said = f"{name}{EXPECTED} is missing: check-mappings --accept writes it"
        return [origin.fault(said)]
    except (OSError, ValueError) as error:
        return [origin.fault(f"{name}{EXPECTED} cannot be read: {reason(error)}")]
    found = list(differences(expected, json.loads(example.made)))
    if len(found) > MAX_DIFFERENCES:
        found[MAX_DIFFERENCES:] = [f"and {len(found) - MAX_DIFFERENCES} more"]
    return [origin.fault(f"{name}: {difference}") for difference in found]


def _run(mapping: Mapping, name: Text, folder: Path, reader: Format) -> Example:
    example = Example(name=name)
    try:
        body = _message_file(folder, name.text).read_bytes()
        if len(body) > MAX_FILE:
            raise ValueError(f"it is larger than {MAX_FILE} bytes")  # noqa: TRY301
        example.sources = reader.read(body, mapping.charset)
    except (OSError, ValueError) as error:
        example.faults.append(name.origin.fault(f"{name.text}: {reason(error)}"))
        return example
    except ServiceError as error:
        said = "; ".join(f"{issue.source}: {issue.text}" for issue in error.issues)
        example.faults.append(name.origin.fault(f"{name.text} cannot be read: {said}"))
        return example
    if not all(mapping.holds(source) for source in example.sources):
        said = f"{name.text}: the mapping's own `when` does not hold for it"
        example.faults.append(name.origin.fault(said))
    made = [_applied(mapping, source) for source in example.sources]
    example.made = as_json(made[0] if len(made) == 1 else made)
    return example


def _applied(mapping: Mapping, source: SourceMessage) -> dict[str, Any]:
    """Return the record as JSON values; for a refused message, why."""
    try:
        return transfer_as_dict(mapping.apply(source, sender_of(mapping, source)))
    except UnmappableMessage as refused:
        issues = [
            {
                name: getattr(issue, name)
                for name in ("severity", "code", "text", "target", "source")
            }
            for issue in refused.issues
        ]
        return {"refused": issues}


def sender_of(mapping: Mapping, source: SourceMessage) -> OdsCode:
    """Return who sends an example: the mapping's sender, else whom the message names."""
    if mapping.senders:
        return mapping.senders[0]
    try:
        return OdsCode.parse(source.claimed_sender)
    except ValueError:
        return NOBODY


def _message_file(folder: Path, name: str) -> Path:
    """Return the one file of this name that is no expected record."""
    path = folder / name
    if ".." in path.parts:
        raise ValueError("examples lie in the examples folder")
    found = [
        file
        for file in sorted(path.parent.glob(f"{path.name}.*"))
        if not file.name.endswith(EXPECTED) and file.name.removeprefix(path.name).count(".") == 1
    ]
    if len(found) != 1:
        count = "no file" if not found else f"{len(found)} files"
        raise ValueError(f"there is {count} of this name, and one is needed")
    return found[0]

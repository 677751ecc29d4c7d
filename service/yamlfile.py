"""YAML read with scalars as written, duplicate keys refused, and a line for everything.

Only the parser's events are used. PyYAML would make 1 of `01`, false of `NO` and 1350 of `22:30`;
here every scalar stays the text that somebody wrote, and only an unquoted `null`, `~` or nothing
at all is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema_rs import validator_for
from yaml import CLoader, MarkedYAMLError, YAMLError
from yaml import parse as parse_events
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

MAX_FILE = 512 * 1024  # bytes
MAX_DEPTH = 40  # of nesting
_NULL = {"", "~", "null", "Null", "NULL"}

Key = str | int
Position = tuple[int, int]  # line and column, from 1


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with a file, at its place."""

    file: str
    line: int = 1
    column: int = 1
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


@dataclass(kw_only=True, slots=True)
class Document:
    """One file as dicts, lists, texts and None, and where each of them stands."""

    file: str  # as named in faults
    value: Any = None
    faults: list[Fault] = field(default_factory=list)  # of the syntax
    positions: dict[tuple[Key, ...], Position] = field(default_factory=dict)

    def position(self, *keys: Key) -> Position:
        """Return line and column of the key (or list item), or of the nearest thing around it."""
        while keys and keys not in self.positions:
            keys = keys[:-1]
        return self.positions.get(keys, (1, 1))

    def line(self, *keys: Key) -> int:
        """Return the line of the key (or list item)."""
        return self.position(*keys)[0]

    def fault(self, text: str, *keys: Key) -> Fault:
        """Return a fault at the place of the key."""
        return self.fault_at(self.position(*keys), text)

    def fault_at(self, position: Position, text: str) -> Fault:
        """Return a fault at a place of this file."""
        return Fault(file=self.file, line=position[0], column=position[1], text=text)


def read(path: Path, name: str = "") -> Document:
    """Return the file at `path`, called `name` in its faults; what is wrong is in `.faults`."""
    document = Document(file=name or str(path))
    try:
        text = decode(path.read_bytes())
    except (OSError, ValueError) as error:
        document.faults.append(document.fault(f"cannot be read: {reason(error)}"))
        return document
    return parse(text, document.file)


def decode(raw: bytes) -> str:
    """Return the text of a file, without its byte order mark. Raises ValueError."""
    if len(raw) > MAX_FILE:
        raise ValueError(f"it is larger than {MAX_FILE} bytes")
    return raw.decode("utf-8-sig")


def reason(error: Exception) -> str:
    """Say in words why a file could not be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    return (error.strerror or "no access") if isinstance(error, OSError) else str(error)


def parse(text: str, name: str) -> Document:
    """Return the YAML in `text`, called `name` in its faults; what is wrong is in `.faults`."""
    document = Document(file=name)
    try:
        document.value = _Composer(document, text).compose()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        document.faults.append(document.fault_at(place, f"not YAML: {said}"))
    except (YAMLError, ValueError) as error:
        document.faults.append(document.fault(f"not YAML: {str(error).strip().splitlines()[0]}"))
    return document


def check(document: Document, schema: dict[str, Any]) -> list[Fault]:
    """Return everything in which the document differs from the JSON Schema, with its line."""
    if validator_for(schema).is_valid(document.value):  # in a twentieth of the time
        return []
    errors = Draft202012Validator(schema).iter_errors(document.value)
    found = {fault for error in errors for fault in _schema_faults(document, error)}
    return sorted(found)


class _Composer:
    """Builds the value of one document from the parser's events, noting every position."""

    def __init__(self, document: Document, text: str) -> None:
        self.document = document
        self.events: Iterator[Any] = parse_events(text, Loader=CLoader)

    def compose(self) -> Any:
        next(self.events)  # the stream starts
        event = next(self.events)
        if not hasattr(event, "explicit"):  # an empty stream has no document
            return None
        value = self.node(next(self.events), ())
        next(self.events)  # the document ends
        extra = next(self.events)
        if hasattr(extra, "explicit"):
            self.fault(extra, "a second document begins here; one file is one document")
        return value

    def node(self, event: Any, keys: tuple[Key, ...]) -> Any:
        self.document.positions.setdefault(keys, _place(event))
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            self.fault(event, "anchors and aliases are not used here: write it out")
        if getattr(event, "tag", None) is not None:
            self.fault(event, "tags are not used here: every scalar is text")
        if isinstance(event, ScalarEvent):
            return None if event.implicit[0] and event.value in _NULL else event.value
        if len(keys) >= MAX_DEPTH:
            raise MarkedYAMLError(None, None, "nested too deeply", event.start_mark)
        if isinstance(event, SequenceStartEvent):
            return self.sequence(keys)
        return self.mapping(keys) if isinstance(event, MappingStartEvent) else None

    def sequence(self, keys: tuple[Key, ...]) -> list[Any]:
        items: list[Any] = []
        for event in self.until_end():
            items.append(self.node(event, (*keys, len(items))))
        return items

    def mapping(self, keys: tuple[Key, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self.until_end():
            if not isinstance(event, ScalarEvent):
                raise MarkedYAMLError(None, None, "a key must be text", event.start_mark)
            if event.value in found:
                first = self.document.line(*keys, event.value)
                self.fault(event, f"{event.value} is here twice, first in line {first}")
            self.document.positions.setdefault((*keys, event.value), _place(event))
            found[event.value] = self.node(next(self.events), (*keys, event.value))
        return found

    def until_end(self) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, CollectionEndEvent):
                return
            yield event

    def fault(self, event: Any, text: str) -> None:
        self.document.faults.append(self.document.fault_at(_place(event), text))


def _place(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _schema_faults(document: Document, error: ValidationError) -> Iterator[Fault]:
    keys = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = schema.get("properties", {})
        for name in error.instance:
            if name not in known:
                yield document.fault(_unknown(name, known), *keys, name)
    else:
        # a schema may say it in its own words
        yield document.fault(str(schema.get("errorMessage") or error.message), *keys)


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    return f"{name} is not known here; known are: {', '.join(known)}"

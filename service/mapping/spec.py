"""A mapping file as written: typed, every part with its place, nothing looked up yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from service.yamlfile import Fault


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """A place in a file of the mappings folder."""

    file: str
    line: int
    column: int = 1

    def fault(self, text: str) -> Fault:
        """Return a fault at this place."""
        return Fault(file=self.file, line=self.line, column=self.column, text=text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text and where it stands."""

    text: str
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterSpec:
    """One entry of `as`."""

    name: str
    argument: str | None
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitSpec:
    """Where to part a text, and which piece to take (from 1, or from the end); None: all."""

    by: str
    take: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleSpec:
    """One block of operators."""

    origin: Origin
    paths: tuple[Text, ...] = ()  # from
    const: Text | None = None
    each: tuple[Text, ...] = ()
    where: Text | None = None
    fields: Mapping[str, Entry] | None = None  # set
    split: SplitSpec | None = None
    join: str | None = None
    converters: tuple[ConverterSpec, ...] = ()
    table: Text | None = None
    when: Text | None = None
    otherwise: Rules | None = None  # else
    required: bool = False
    flag: str = ""

    @property
    def is_plain_set(self) -> bool:
        """Whether it only groups fields, which may then stand on their own."""
        beside = (self.paths, self.each, self.when, self.otherwise, self.flag, self.required)
        return self.fields is not None and not any(beside)


Rules: TypeAlias = tuple[RuleSpec, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a file says of one target: its rules, or None for null."""

    origin: Origin
    rules: Rules | None


Row: TypeAlias = str | Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSpec:
    """A table as declared; its file is not read yet."""

    name: str
    origin: Origin
    file: Text | None = None
    rows: Mapping[str, tuple[Row, Origin]] = field(default_factory=dict)
    system: str = ""
    unmapped: Literal["flag", "reject"] | tuple[Row] = "flag"  # a tuple: this value


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueSpec:
    """A doubt that the mapping itself raises."""

    name: str
    origin: Origin
    when: Text
    text: str
    severity: Literal["information", "warning", "error"] = "warning"
    code: str = "business-rule"
    target: str = ""
    source: Text | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterSpec:
    """What a mapping says of the layout of its letters."""

    origin: Origin
    headings: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """Which messages a mapping is for; "" and () where the file does not say."""

    origin: Origin
    format: Text | None = None
    senders: tuple[Text, ...] = ()
    when: Text | None = None
    timezone: Text | None = None
    charset: Text | None = None
    letter: LetterSpec | None = None
    cleared: frozenset[str] = frozenset()  # keys set to null


@dataclass(frozen=True, kw_only=True, slots=True)
class IgnoredSpec:
    """Something in the message that is left out on purpose: a path or a pattern of places."""

    named: Text
    is_pattern: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingSpec:
    """One file, or one file laid over its base."""

    id: str
    version: str
    description: str
    origin: Origin
    source: SourceSpec
    extends: Text | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    names_at: Mapping[str, Origin] = field(default_factory=dict)  # of the file's own names
    tables: Mapping[str, TableSpec | None] = field(default_factory=dict)
    fields: Mapping[str, Entry] = field(default_factory=dict)
    issues: Mapping[str, IssueSpec | None] = field(default_factory=dict)
    ignored: tuple[IgnoredSpec, ...] = ()
    examples: tuple[Text, ...] = ()

    @property
    def is_base(self) -> bool:
        """Whether it serves senders that have no mapping of their own."""
        return self.id.startswith("base/")

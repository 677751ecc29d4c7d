"""From a checked YAML document to a `MappingSpec`, with the faults a schema cannot see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from service.mapping.spec import (
    ConverterSpec,
    Entry,
    IgnoredSpec,
    IssueSpec,
    LetterSpec,
    MappingSpec,
    Origin,
    RuleSpec,
    SourceSpec,
    SplitSpec,
    TableSpec,
    Text,
)
from service.yamlfile import Document, Fault, Key

# What stands in one block with what else; `when`, `else`, `required`, `flag` go with all.
_BESIDE = {
    "from": {"split", "join", "as", "table", "set"},
    "const": set[str](),
    "each": {"where", "set"},
    "set": set[str](),
}
_ALWAYS = {"when", "else", "required", "flag"}


def read_spec(document: Document, mapping_id: str) -> tuple[MappingSpec, list[Fault]]:
    """Return the file as a spec. The document must have passed its schema."""
    reading = _Reading(document)
    spec = reading.mapping(mapping_id)
    return spec, reading.faults


class _Reading:
    """One pass over one document; `keys` say where in it we are."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = []

    def origin(self, *keys: Key) -> Origin:
        line, column = self.document.position(*keys)
        return Origin(file=self.document.file, line=line, column=column)

    def fault(self, text: str, *keys: Key) -> None:
        self.faults.append(self.document.fault(text, *keys))

    def text(self, value: str, *keys: Key) -> Text:
        return Text(text=value, origin=self.origin(*keys))

    def optional(self, block: Mapping[str, Any], *keys: Key) -> Text | None:
        value = block.get(str(keys[-1]))
        return None if value is None else self.text(value, *keys)

    def texts(self, value: str | list[str] | None, *keys: Key) -> tuple[Text, ...]:
        if value is None:
            return ()
        if isinstance(value, str):
            return (self.text(value, *keys),)
        return tuple(self.text(item, *keys, at) for at, item in enumerate(value))

    def mapping(self, mapping_id: str) -> MappingSpec:
        whole: dict[str, Any] = self.document.value
        if whole["mapping"] != mapping_id:
            self.fault(f"this file is the mapping {mapping_id}, not {whole['mapping']}", "mapping")
        return MappingSpec(
            id=mapping_id,
            version=whole["version"],
            description=whole.get("description") or "",
            origin=self.origin("mapping"),
            extends=self.optional(whole, "extends"),
            source=self.source(whole.get("source") or {}),
            names=whole.get("names") or {},
            names_at={name: self.origin("names", name) for name in whole.get("names") or {}},
            tables=dict(self.tables(whole.get("tables") or {})),
            fields=self.fields(whole.get("fields") or {}, "fields"),
            issues=dict(self.issues(whole.get("issues") or {})),
            ignored=tuple(self.ignored(whole.get("ignored") or [])),
            examples=self.texts(whole["examples"], "examples"),
        )

    def source(self, block: dict[str, Any]) -> SourceSpec:
        return SourceSpec(
            origin=self.origin("source"),
            format=self.optional(block, "source", "format"),
            senders=self.texts(block.get("sender"), "source", "sender"),
            when=self.optional(block, "source", "when"),
            timezone=self.optional(block, "source", "timezone"),
            charset=self.optional(block, "source", "charset"),
            letter=self.letter(block.get("letter")),
            cleared=frozenset(key for key, value in block.items() if value is None),
        )

    def letter(self, block: dict[str, list[str]] | None) -> LetterSpec | None:
        if block is None:
            return None
        given = {name: tuple(entries) for name, entries in block.items()}
        return LetterSpec(origin=self.origin("source", "letter"), **given)

    def tables(self, block: dict[str, Any]) -> Iterator[tuple[str, TableSpec | None]]:
        for name, table in block.items():
            yield name, None if table is None else self.table(name, table)

    def table(self, name: str, block: dict[str, Any]) -> TableSpec:
        keys = ("tables", name)
        if ("file" in block) == ("rows" in block):
            self.fault("a table has either a file or rows", *keys)
        if "unmapped" not in block:
            self.fault("unmapped must be chosen: flag, reject or {value: …}", *keys)
        unmapped = block.get("unmapped", "flag")
        return TableSpec(
            name=name,
            origin=self.origin(*keys),
            file=self.optional(block, *keys, "file"),
            rows={
                sent: (row, self.origin(*keys, "rows", sent))
                for sent, row in block.get("rows", {}).items()
            },
            system=block.get("system", ""),
            unmapped=(unmapped["value"],) if isinstance(unmapped, dict) else unmapped,
        )

    def issues(self, block: dict[str, Any]) -> Iterator[tuple[str, IssueSpec | None]]:
        for name, issue in block.items():
            yield name, None if issue is None else self.issue(name, issue)

    def issue(self, name: str, block: dict[str, Any]) -> IssueSpec:
        keys = ("issues", name)
        return IssueSpec(
            name=name,
            origin=self.origin(*keys),
            when=self.text(block["when"], *keys, "when"),
            text=block["text"],
            severity=block.get("severity", "warning"),
            code=block.get("code", "business-rule"),
            target=block.get("target", ""),
            source=self.optional(block, *keys, "source"),
        )

    def ignored(self, items: list[str | dict[str, str]]) -> Iterator[IgnoredSpec]:
        for at, item in enumerate(items):
            is_pattern = isinstance(item, dict)
            text = item["place"] if isinstance(item, dict) else item
            yield IgnoredSpec(named=self.text(text, "ignored", at), is_pattern=is_pattern)

    def fields(self, block: dict[str, Any], *keys: Key) -> dict[str, Entry]:
        return {
            target: Entry(
                origin=self.origin(*keys, target),
                rules=None if value is None else self.rules(value, *keys, target),
            )
            for target, value in block.items()
        }

    def rules(self, value: dict[str, Any] | list[Any], *keys: Key) -> tuple[RuleSpec, ...]:
        if isinstance(value, dict):
            return (self.rule(value, *keys),)
        return tuple(self.rule(item, *keys, at) for at, item in enumerate(value))

    def rule(self, block: dict[str, Any], *keys: Key) -> RuleSpec:
        self.check_company(block, *keys)
        return RuleSpec(
            origin=self.origin(*keys),
            paths=self.texts(block.get("from"), *keys, "from"),
            const=self.optional(block, *keys, "const"),
            each=self.texts(block.get("each"), *keys, "each"),
            where=self.optional(block, *keys, "where"),
            fields=self.inner_fields(block.get("set"), *keys, "set"),
            split=_split(block.get("split")),
            join=(block["join"] or "") if "join" in block else None,
            converters=tuple(self.converters(block.get("as"), *keys, "as")),
            table=self.optional(block, *keys, "table"),
            when=self.optional(block, *keys, "when"),
            otherwise=self.otherwise(block.get("else"), *keys, "else"),
            required=block.get("required") in (True, "true"),
            flag=block.get("flag", ""),
        )

    def check_company(self, block: dict[str, Any], *keys: Key) -> None:
        """Check that the operators of one block go together."""
        kinds = [kind for kind in _BESIDE if kind in block]
        if "set" in kinds and ("each" in block or ("from" in block and "table" in block)):
            kinds.remove("set")
        if len(kinds) != 1:
            said = " and ".join(kinds) if kinds else "none of them"
            self.fault(f"a rule has exactly one of from, const, each or set; here: {said}", *keys)
            return
        for key in block:
            if key not in {*_BESIDE[kinds[0]], *_ALWAYS, kinds[0]}:
                self.fault(f"{key} cannot stand beside {kinds[0]}", *keys, key)
        if kinds == ["each"] and "set" not in block:
            self.fault("each needs a set: the fields of every item", *keys)

    def inner_fields(self, block: dict[str, Any] | None, *keys: Key) -> dict[str, Entry] | None:
        if block is None:
            return None
        fields = self.fields(block, *keys)
        for target, entry in fields.items():
            if entry.rules is None:
                self.fault(f"{target}: null removes nothing here; leave it out", *keys, target)
        return {target: entry for target, entry in fields.items() if entry.rules is not None}

    def otherwise(self, value: Any, *keys: Key) -> tuple[RuleSpec, ...] | None:
        if value is None:
            return None
        if isinstance(value, str):
            origin = self.origin(*keys)
            return (RuleSpec(origin=origin, const=Text(text=value, origin=origin)),)
        return self.rules(value, *keys)

    def converters(self, value: Any, *keys: Key) -> Iterator[ConverterSpec]:
        for item in [] if value is None else value if isinstance(value, list) else [value]:
            pairs = [(item, None)] if isinstance(item, str) else list(item.items())
            for name, argument in pairs:
                yield ConverterSpec(name=name, argument=argument, origin=self.origin(*keys))


def _split(value: str | dict[str, Any] | None) -> SplitSpec | None:
    if value is None or isinstance(value, str):
        return None if value is None else SplitSpec(by=value)
    return SplitSpec(by=cast(str, value["by"]), take=int(value["take"]))

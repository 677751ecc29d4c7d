"""A small real format, and a folder of mapping files to try the engine on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from textwrap import dedent, indent

from service.errors import Issue, UnreadableMessage
from service.formats.source import NULL, Node, Path
from service.mapping import Mapping as MappingFile
from service.mapping import MappingFaults, Mappings
from service.model import OdsCode, TransferOfCare

SENDER = OdsCode("RJZ")
_PATH = re.compile(r"(/?)([A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)*|\.)(?:\[(\d+)\])?")


@dataclass(kw_only=True)
class Group:
    """The root, a `[name]` block of lines, or one value."""

    place: str
    text: str = ""
    root: Group | None = None
    children: dict[str, list[Group]] = field(default_factory=dict)

    def add(self, name: str, text: str = "") -> Group:
        before = self.children.setdefault(name, [])
        prefix = f"{self.place}." if self.place else ""
        child = Group(place=f"{prefix}{name}[{len(before) + 1}]", text=text, root=self.root or self)
        before.append(child)
        return child


@dataclass(frozen=True, kw_only=True)
class FlatMessage:
    root: Group
    format: str = "json"
    charset_guessed: bool = False

    def _first(self, name: str) -> str:
        return next((child.text for child in self.root.children.get(name, ())), "")

    @property
    def message_id(self) -> str:
        return self._first("id")

    @property
    def message_type(self) -> str:
        return self._first("type")

    @property
    def claimed_sender(self) -> str:
        return self._first("sender")

    @property
    def issues(self) -> tuple[Issue, ...]:
        return ()

    def leaves(self) -> Iterable[str]:
        return _leaves(self.root)


def _leaves(group: Group) -> Iterator[str]:
    if group.text:
        yield group.place
    for children in group.children.values():
        for child in children:
            yield from _leaves(child)


class FlatFormat:
    """Lines `key=value`; `[name]` begins a block, `[]` ends it; `key=""` deletes.

    Paths: `key`, `block.key`, `key[2]`; `/key` from the root; `.` the value itself. The name
    is that of a format that mapping files know.
    """

    name = "json"

    def matches(self, media_type: str, body: bytes) -> bool:
        return b"=" in body

    def read(self, body: bytes, charset: str | None = None) -> tuple[FlatMessage, ...]:
        return tuple(
            self._message(text) for text in body.decode(charset or "utf-8").split("\n--\n")
        )

    def _message(self, text: str) -> FlatMessage:
        root = here = Group(place="")
        for number, line in enumerate(text.splitlines(), 1):
            name, equals, value = line.strip().partition("=")
            if name.startswith("["):
                here = root.add(name[1:-1]) if name != "[]" else root
            elif equals:
                here.add(name, value)
            elif name:
                raise UnreadableMessage(
                    issues=[
                        Issue(
                            severity="error",
                            code="structure",
                            text="there is no =",
                            source=f"line {number}",
                        )
                    ]
                )
        return FlatMessage(root=root)

    def compile_path(self, text: str) -> Path:
        match = _PATH.fullmatch(text)
        if not match:
            raise ValueError("it is a name, block.name or name[2]")
        absolute, dotted, index = match.groups()
        names = () if dotted == "." else tuple(dotted.split("."))

        def nodes(node: Node) -> list[Group]:
            found = [(node.root or node) if absolute else node]
            for name in names:
                found = [child for group in found for child in group.children.get(name, ())]
            return found[int(index) - 1 : int(index)] if index else found

        def filled(node: Node) -> list[Group]:
            return [group for group in nodes(node) if group.text]

        return Path(
            text=text,
            values=lambda node: [NULL if g.text == '""' else g.text for g in filled(node)],
            nodes=nodes,
            places=lambda node: [group.place for group in filled(node)],
        )


FORMATS = {"json": FlatFormat()}
HEAD = """\
mapping: {id}
version: "1.2.3"
source: {{format: json, {sender}timezone: Europe/London}}
"""


@dataclass(kw_only=True)
class Folder:
    """A mappings folder in the making."""

    path: File

    def write(self, name: str, text: str) -> File:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), "utf-8")
        return file

    def mapping(
        self,
        fields: str,
        *,
        mapping_id: str = "rjz-test",
        more: str = "",
        head: str = "",
        example: str = "id=1",
    ) -> None:
        """Write a mapping file and a message for its example."""
        sender = "" if mapping_id.startswith("base/") else "sender: RJZ, "
        name = mapping_id.replace("/", "-")
        text = (head or HEAD.format(id=mapping_id, sender=sender)) + dedent(more)
        kind, own = (KIND, fields[len(KIND) :]) if fields.startswith(KIND) else ("", fields)
        text += f"fields:\n{indent(kind + dedent(own), '  ')}\nexamples: [examples/{name}]\n"
        self.write(f"{mapping_id}.yaml", text)
        self.write(f"examples/{name}.txt", example)

    def accepted(self) -> Mappings:
        """Load the folder with whatever its examples become as what is expected."""
        from service.mapping.loading import load_folder
        from service.mapping.mappings import accept_examples

        accept_examples(load_folder(self.path, FORMATS, expected=False), self.path)
        return self.load()

    def load(self) -> Mappings:
        return Mappings.load(self.path, formats=FORMATS)

    def faults(self) -> list[str]:
        """Return the faults of the folder as text; none if it loads."""
        try:
            self.accepted()
        except MappingFaults as faults:
            return [str(fault) for fault in faults.faults]
        return []

    def one(self, fields: str, **options: str) -> MappingFile:
        """Return the only mapping, made of these fields."""
        self.mapping(fields, **options)
        return self.accepted().by_id(options.get("mapping_id", "rjz-test"))


KIND = "kind: {const: discharge}\npatient.family: {from: family}\n"


def message(text: str) -> FlatMessage:
    """Read one flat message; `id` is given where the text has none."""
    body = dedent(text).strip()
    body = body if re.search(r"^\s*id=", body, re.MULTILINE) else f"id=M1\n{body}"
    return FORMATS["json"].read(body.encode())[0]


def apply(mapping: MappingFile, text: str) -> TransferOfCare:
    """Apply a mapping to a flat message sent by SENDER."""
    return mapping.apply(message(text), SENDER)


def told(transfer: TransferOfCare) -> list[tuple[str, str, str, str]]:
    """Return the issues as (severity, code, target, source)."""
    return [(i.severity, i.code, i.target, i.source) for i in transfer.issues]

"""Files of a mappings folder that no mapping names: untried examples, forgotten tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from service.mapping.advice import Advice
from service.mapping.examples import EXPECTED
from service.mapping.loading import Loaded


def strays(folder: Path, loaded: Sequence[Loaded]) -> Iterator[Advice]:
    """Yield advice on files that nothing names; none while a mapping cannot be read."""
    specs = [one.spec for one in loaded if one.spec]
    if len(specs) < len(loaded):
        return
    examples = {name.text for spec in specs for name in spec.examples}
    tables = {t.file.text for spec in specs for t in spec.tables.values() if t and t.file}
    for path in _files(folder, "examples"):
        if _example(path) not in examples:
            said, todo = "no mapping names this example", "name it under examples, or remove it"
            yield Advice(file=path, kind="stray-example", text=said, todo=todo)
    for path in _files(folder, "tables"):
        if path not in tables:
            said, todo = "no mapping uses this table", "name it under tables, or remove it"
            yield Advice(file=path, kind="stray-table", text=said, todo=todo)


def _files(folder: Path, name: str) -> Iterator[str]:
    inside = (path for path in sorted((folder / name).rglob("*")) if path.is_file())
    for path in inside:
        if not path.name.startswith("."):
            yield path.relative_to(folder).as_posix()


def _example(path: str) -> str:
    """Return the name under which a mapping has the message or the record of this file."""
    if path.endswith(EXPECTED):
        return path.removesuffix(EXPECTED)
    head, _, name = path.rpartition("/")
    return f"{head}/{name.rpartition('.')[0] or name}"

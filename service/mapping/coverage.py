"""Which values of a message some rule reads, and which none does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from service.formats.source import Node, Path, SourceMessage
from service.mapping.condition import Condition


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    """The rules of a `set`, read at every place that `each` finds."""

    paths: tuple[Path, ...]
    where: Condition | None
    asked: Scope  # what `where` reads at every place
    scope: Scope


@dataclass(kw_only=True, slots=True)
class Scope:
    """All paths that are read at one node, alternatives and conditions included."""

    paths: list[Path] = field(default_factory=list)
    asked: list[Path] = field(default_factory=list)  # by conditions
    inner: list[Inner] = field(default_factory=list)

    def places(self, node: Node, paths: Callable[[Scope], list[Path]]) -> Iterator[str]:
        """Yield the places of `paths` at `node` and below, some more than once."""
        for path in paths(self):
            yield from (path.covers or path.places)(node)
        for inner in self.inner:
            for path in inner.paths:
                for place in path.nodes(node):
                    yield from inner.asked.places(place, paths)
                    if inner.where is None or inner.where(place):
                        yield from inner.scope.places(place, paths)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """What a mapping leaves out on purpose."""

    paths: tuple[Path, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()  # of places

    def picks(self, source: SourceMessage, leaves: Iterable[str]) -> list[str]:
        """Return those of the leaves that are left out on purpose."""
        places = {place for path in self.paths for place in path.places(source.root)}
        return [leaf for leaf in leaves if _is_inside(leaf, places) or self.named(leaf)]

    def named(self, leaf: str) -> bool:
        """Whether a pattern names the leaf."""
        return any(pattern.fullmatch(leaf) for pattern in self.patterns)


def place_pattern(text: str) -> re.Pattern[str]:
    """Return a pattern of places: * stands for anything."""
    return re.compile(".*?".join(re.escape(part) for part in text.split("*")))


def unread_leaves(source: SourceMessage, scope: Scope) -> list[str]:
    """Return the places of `source` that no path of `scope` reads, nor a part of them.

    What a condition asks for counts alone: `exists TXA` reads no field of the segment.
    """
    read = set(scope.places(source.root, lambda scope: scope.paths))
    asked = set(scope.places(source.root, lambda scope: scope.asked))
    return [
        leaf
        for leaf in dict.fromkeys(source.leaves())
        if leaf not in asked and not _is_inside(leaf, read)
    ]


def _is_inside(leaf: str, places: set[str]) -> bool:
    """Whether the leaf is one of the places or a part of one: PID-5[1].1 of PID-5."""
    if leaf in places:
        return True
    return any(
        leaf[:at] in places
        for at in range(1, len(leaf))
        if not (leaf[at].isalnum() or leaf[at] == "_")
    )

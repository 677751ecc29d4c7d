"""SMART on FHIR scopes, version 2 (`system/Communication.rs`); version 1 is read as its equal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LETTERS = "cruds"  # create, read, update, delete, search; always written in this order
_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)")
_VERSION_1 = {"read": "rs", "write": "cud", "*": LETTERS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scopes:
    """What a token covers: for a resource type (or "*") the letters allowed on it."""

    allowed: Mapping[str, frozenset[str]]

    @classmethod
    def parse(cls, text: str) -> Scopes:
        """Read space-separated scopes. Raises ValueError naming the first that is not one."""
        allowed: dict[str, frozenset[str]] = {}
        for scope in text.split():
            resource, letters = _parts(scope)
            allowed[resource] = allowed.get(resource, frozenset()) | frozenset(letters)
        return cls(allowed=allowed)

    def may(self, resource: str, letter: str) -> bool:
        """Whether an interaction (one of `LETTERS`) on a resource type is covered."""
        return letter in self.allowed.get(resource, ()) or letter in self.allowed.get("*", ())

    def __and__(self, other: Scopes) -> Scopes:
        """Return what both cover: how a request is narrowed to what the client was given."""
        allowed: dict[str, frozenset[str]] = {}
        for resource, letters in self._overlaps(other):
            allowed[resource] = allowed.get(resource, frozenset()) | letters
        everywhere = allowed.get("*", frozenset())
        more = {r: letters for r, letters in allowed.items() if r == "*" or letters - everywhere}
        return Scopes(allowed=more)

    def _overlaps(self, other: Scopes) -> Iterator[tuple[str, frozenset[str]]]:
        for mine, my_letters in self.allowed.items():
            for theirs, their_letters in other.allowed.items():
                both = my_letters & their_letters
                if both and (mine == theirs or "*" in (mine, theirs)):
                    yield (theirs if mine == "*" else mine), both

    def __str__(self) -> str:
        return " ".join(
            f"system/{resource}.{''.join(letter for letter in LETTERS if letter in letters)}"
            for resource, letters in sorted(self.allowed.items())
        )

    def __bool__(self) -> bool:
        return bool(self.allowed)


def _parts(scope: str) -> tuple[str, str]:
    match = _SCOPE.fullmatch(scope)
    if not match or not match[2]:
        raise ValueError(
            f"{scope!r} is not a scope: write system/<type or *>.<letters of {LETTERS}>, "
            "e.g. system/Communication.rs"
        )
    return match[1], _VERSION_1.get(match[2], match[2])

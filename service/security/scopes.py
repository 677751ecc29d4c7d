"""SMART on FHIR scopes, version 2 (`system/Communication.rs`); version 1 is read as its equal.

`operator/Message.rus` is what an operator's client may do with every organisation's messages,
channels and so on; `system/*` covers none of it, and `operator/*` nothing of FHIR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LETTERS = "cruds"  # create, read, update, delete, search; always written in this order
_SCOPE = re.compile(r"(system|operator)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)")
_OPERATOR = "operator/"
# What shows a patient's data must be asked for by its name: operator/* does not cover it.
_BY_NAME_ALONE = frozenset({"operator/Binary", "operator/Patient"})
_VERSION_1 = {"read": "rs", "write": "cud", "*": LETTERS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scopes:
    """What a token covers: for a resource type (or "*") the letters allowed on it.

    An operator's are called "operator/Message", and "operator/*".
    """

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
        everything = self.allowed.get(_covering(resource), ())
        return letter in self.allowed.get(resource, ()) or letter in everything

    def __and__(self, other: Scopes) -> Scopes:
        """Return what both cover: how a request is narrowed to what the client was given."""
        allowed: dict[str, frozenset[str]] = {}
        for resource, letters in self._overlaps(other):
            allowed[resource] = allowed.get(resource, frozenset()) | letters
        more = {
            resource: letters
            for resource, letters in allowed.items()
            if resource == (over := _covering(resource)) or letters - allowed.get(over, frozenset())
        }
        return Scopes(allowed=more)

    def _overlaps(self, other: Scopes) -> Iterator[tuple[str, frozenset[str]]]:
        for mine, my_letters in self.allowed.items():
            for theirs, their_letters in other.allowed.items():
                both = my_letters & their_letters
                if both and mine in (theirs, _covering(theirs)):
                    yield theirs, both
                elif both and theirs == _covering(mine):
                    yield mine, both

    def __str__(self) -> str:
        return " ".join(
            f"{scope_of(resource)}.{''.join(letter for letter in LETTERS if letter in letters)}"
            for resource, letters in sorted(self.allowed.items())
        )

    def __bool__(self) -> bool:
        return bool(self.allowed)


def scope_of(resource: str) -> str:
    """Return how a scope on a resource type begins: system/Task, operator/Message."""
    return resource if resource.startswith(_OPERATOR) else f"system/{resource}"


def _covering(resource: str) -> str:
    """Return what covers a resource type beside its own name; its own name if nothing does."""
    if resource in _BY_NAME_ALONE:
        return resource
    return f"{_OPERATOR}*" if resource.startswith(_OPERATOR) else "*"


def _parts(scope: str) -> tuple[str, str]:
    match = _SCOPE.fullmatch(scope)
    if not match or not match[3]:
        raise ValueError(
            f"{scope!r} is not a scope: write system/<type or *>.<letters of {LETTERS}>, "
            "e.g. system/Communication.rs; operator/… likewise"
        )
    resource = match[2] if match[1] == "system" else f"{_OPERATOR}{match[2]}"
    return resource, _VERSION_1.get(match[3], match[3])

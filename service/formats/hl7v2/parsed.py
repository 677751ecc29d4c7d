"""A parsed HL7 v2 path: which segments, which of their repetitions, which component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Origin = Literal["message", "segment", "repetition", "group", "run", "owner"]
Sense = Literal["is", "begins", "same"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Test:
    """Whether a part of a repetition or of a segment is one of some texts, or begins like one.

    In the sense of "same": whether it is that of the first segment of a run.
    """

    place: tuple[int, ...]  # (component, subcomponent) or (field, component, subcomponent)
    texts: frozenset[str] = frozenset()
    sense: Sense = "is"


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True, kw_only=True, slots=True)
class Every:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Some:
    """Conditions of which one must hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class From:
    """All from the n-th on."""

    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Firsts:
    """The first of every run of segments that follow each other with the same in a place."""

    place: tuple[int, ...]


Condition = Test | Not | Every | Some
Selector = int | From | Firsts | Condition  # the n-th of what is left, or those for which it holds


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """From the segments found so far to others: those that belong (+), or that follow (>)."""

    sign: Literal["+", ">"]
    name: str
    which: tuple[Selector, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A path in its parts; `field` None: segments; `component` None: repetitions."""

    origin: Origin
    name: str = ""
    which: tuple[Selector, ...] = ()
    steps: tuple[Step, ...] = ()
    field: int | None = None
    repetitions: tuple[Selector, ...] = ()
    component: int | None = None
    subcomponent: int | None = None

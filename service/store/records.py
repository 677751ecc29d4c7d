"""What the store gives back: rows as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from service.errors import Issue
from service.model import Instant
from service.store.commit import NEVER


class Event(NamedTuple):
    """One entry of a recipient's feed. A tuple, since a poll makes hundreds of thousands."""

    n: int  # event number, 1, 2, 3 … without gaps
    updated: int  # microseconds: meta.lastUpdated of the current version
    id: str  # of the Communication
    version: int
    body: bytes  # the Communication as JSON


class Stored(NamedTuple):
    """The current, or one earlier, version of a resource."""

    type: str
    id: str
    version: int
    updated: int  # microseconds: meta.lastUpdated
    deleted: bool
    media_type: str  # of a Binary's content; "" for FHIR JSON
    body: bytes
    n: int = 0  # number of the delivery that brought it to this organisation; 0: it sent it
    method: str = ""  # how this version came: POST, PUT, PATCH or DELETE
    owner: str = ""  # ODS code of whoever sent it


class Position(NamedTuple):
    """Where a stream of resources goes on: after this number and id."""

    n: int
    id: str


START = Position(-1, "")
END = Position((1 << 62), "")  # where a descending stream starts


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """How far a feed reaches."""

    n: int = 0  # the last event; 0: none yet
    floor: int = 0  # events up to this one were removed by retention
    updated: Instant = NEVER  # the latest lastUpdated in it


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some events of a feed, and how far the feed reached at the same moment."""

    events: tuple[Event, ...]
    head: int
    floor: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A message that could not be taken in."""

    id: str
    sender: str
    control_id: str
    media_type: str
    received_at: Instant  # the last time it came
    state: str  # refused | skipped | replayed | committed
    attempts: int  # how often it came
    issues: tuple[Issue, ...]
    size: int  # bytes
    mapping: str = ""  # the one that its sender asked for by name, or that read it
    mapping_version: str = ""  # of the one that read it; "" if none did
    body: bytes = b""  # empty in lists


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A change of a kept message's state."""

    at: Instant
    state: str
    actor: str  # client or operator
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredClient:
    """A client of SMART Backend Services."""

    id: str
    organisation: str  # ODS code
    name: str
    scopes: str  # space separated
    jwks: str = ""  # JSON Web Key Set, if registered by value
    jwks_url: str = ""  # or where it is
    created: Instant = NEVER
    disabled: bool = False

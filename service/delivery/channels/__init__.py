"""How an event leaves: the interface of a channel, and which channels there are.

A channel knows how to hand over and how to ask what became of it, and nothing else. Order, one
at a time, retries, parking and confirmation are the worker's, the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, Protocol
from uuid import NAMESPACE_URL, uuid5

from service.delivery.contents import Contents
from service.delivery.directory import Directory, DirectoryEntry
from service.model import OdsCode
from service.store import Dispatch, Event

if TYPE_CHECKING:
    from service.mailbox import MeshAccess

# Those that push, by the name that the directory has for them; each module has an `open_channel`.
PUSHING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mesh": "service.delivery.channels.mesh",
        "fhir-server": "service.delivery.channels.fhir_server",
        "digest": "service.delivery.channels.digest",
    }
)


class NotSent(Exception):
    """It did not go, or nobody knows whether it did; it is tried again."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason  # for an operator; nothing of a message
        self.wait = wait  # seconds that the other side asked for


class Refused(NotSent):
    """The other side will not take it however often it is sent: an operator must look."""


class Ended(Exception):
    """Nothing is to be sent by this channel any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """The events of one sending, and the ids under which they go."""

    recipient: OdsCode
    channel: str
    events: tuple[Event, ...]  # by rising number
    round: int  # another one makes another message of the same events
    epoch: str

    @property
    def n(self) -> int:
        """The number of its last event."""
        return self.events[-1].n

    @property
    def key(self) -> str:
        """Our own id of this sending: letters, digits, hyphens and full stops."""
        return f"{self.recipient}.{self.channel}.{self.n}.{self.round}.{self.epoch}"

    @property
    def message_id(self) -> str:
        """A UUID that is the same whenever these events are sent to this recipient."""
        name = f"urn:x-discharge-relay:{self.epoch}:{self.recipient}:{self.channel}:{self.n}"
        return str(uuid5(NAMESPACE_URL, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """What was handed over."""

    handle: str  # the channel's own id of it
    confirmed: bool = False  # the recipient has it already; no need to ask
    received: bool = True  # and has the Communication itself, not only word of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What became of something that was handed over."""

    state: Literal["open", "confirmed", "undelivered"]
    reason: str = ""


class Channel(Protocol):
    """One recipient's way by one channel; used by one thread."""

    name: str
    batch: int  # events that go in one sending, at most
    follow_every: float  # seconds between two times of asking what became of what was sent

    def due(self, now: int, sent_at: int) -> int:
        """Return when the next sending may go: `now`, or later for one that gathers events.

        Microseconds since 1970; `sent_at` is the last sending's, 0 if there was none.
        """
        ...

    def keep_up(self, n: int) -> float:
        """Do what is due beside events, which were handed over up to `n`.

        Returns the seconds until it wants to be asked again. Raises NotSent, Refused, Ended.
        """
        ...

    def send(self, parcel: Parcel) -> Handed:
        """Hand over. Raises NotSent, Refused, Ended."""
        ...

    def already(self, parcel: Parcel) -> Handed | None:
        """Return what an earlier try, whose result is not known, came to; None: nothing.

        A channel whose receivers drop repeats by the event's number may always say None.
        """
        ...

    def follow(self, dispatch: Dispatch) -> Fate:
        """Ask what became of something. Raises NotSent if that cannot be said now."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What channels are made with."""

    contents: Contents
    base: str  # our FHIR endpoint
    mesh: MeshAccess | None = None
    follow_every: float = 300  # seconds between two times of asking what became of it
    fhir_server_tokens: Mapping[str, str] = field(default_factory=dict)  # by ODS code; secrets


def open_channel(name: str, entry: DirectoryEntry, means: Means) -> Channel:
    """Return an organisation's channel of this name. Raises KeyError for one that does not push."""
    opened: Channel = import_module(PUSHING[name]).open_channel(entry, means)
    return opened


def pushed_to(directory: Directory) -> list[tuple[str, DirectoryEntry]]:
    """Return every (channel, organisation) that something is sent to, in the directory's order."""
    return [(name, entry) for entry in directory for name in entry.channels if name in PUSHING]

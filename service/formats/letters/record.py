"""`Record`: what is no letter but data of a trust's own design: JSON, XML, a row of a CSV file."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

from service.errors import Issue, TooLarge, UnreadableMessage
from service.formats.source import Node, Path

MAX_BYTES: Final = 20 * 1024 * 1024  # of one message
MAX_RECORDS: Final = 5_000  # of one message
WHOLE: Final = "%body"  # a path: all bytes of the message, in base64


@dataclass(frozen=True, kw_only=True)
class Record:
    """One message: a `SourceMessage` that is known by its content."""

    namespace: ClassVar[tuple[str, ...]] = ()
    claimed_sender: ClassVar[str] = ""  # no design says where it would stand

    format: str
    root: Node = field(repr=False)
    raw: bytes = field(repr=False)
    all_leaves: Callable[[Node], Iterator[str]] = field(repr=False)
    message_type: str = ""
    place: str = ""  # where it stands in a file of several
    issues: tuple[Issue, ...] = ()
    charset_guessed: bool = False

    @cached_property
    def message_id(self) -> str:
        """The digest of its bytes."""
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    def leaves(self) -> Iterator[str]:
        """Yield the place of every value."""
        return self.all_leaves(self.root)


def whole(text: str, raw_of: Callable[[Any], bytes]) -> Path:
    """Return the path to all bytes of a message."""
    return Path(
        text=text,
        values=lambda node: [b64encode(raw_of(node)).decode()],
        nodes=lambda node: (),
        places=lambda node: ["the whole message"],
    )


def check_size(body: bytes) -> None:
    """Raise TooLarge beyond what is read."""
    if len(body) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")


def refusal(reason: str, *places: str) -> UnreadableMessage:
    """Return the fault of a message, at each of its places."""
    issues = [
        Issue(severity="fatal", code="structure", text=reason, source=place)
        for place in places or ("",)
    ]
    return UnreadableMessage(f"{reason} ({', '.join(places)})" if places else reason, issues)

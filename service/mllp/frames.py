"""MLLP frames out of the bytes of a connection, however these are cut.

A frame is VT, content, FS, CR (HL7 v2 transport specification, appendix C). Real senders also end
it with FS LF, go straight on with the next VT, or send nothing behind FS; they put NULs, line ends
or a byte order mark between frames. Everything else outside a frame is astray.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

VT: Final = b"\x0b"
FS: Final = b"\x1c"
END: Final = FS + b"\r"
_MOST_RESTARTS: Final = 100  # in one frame
LONGEST_HEAD: Final = 4_000  # bytes that are kept of a frame that is too long
_BLANK: Final = re.compile(rb"(?:[\0\t\n\r\x1c ]|\xef\xbb\xbf)*")
_BEGUN_MARKS: Final = (bytearray(b"\xef"), bytearray(b"\xef\xbb"))  # of a byte order mark
_BEHIND: Final = frozenset(b"\r\n\x0b")  # what shows that FS ended a frame
_RESTART: Final = re.compile(rb"\x0b(?=(?:\xef\xbb\xbf|[\0\r\n ])*(?:MSH|FHS|BHS)[^\w\s])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What stood between VT and FS."""

    content: bytes
    unended: bool = False  # another began before this one had its end


@dataclass(frozen=True, kw_only=True, slots=True)
class TooLong:
    """A frame longer than is accepted: its beginning. The rest was dropped as it came."""

    head: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Blank:
    """Bytes between frames that mean nothing, such as NULs."""

    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Astray:
    """Bytes outside a frame that mean something; what follows them cannot be relied on."""

    content: bytes


Piece = Frame | TooLong | Blank | Astray


class Deframer:
    """`feed` it what comes; it yields what is complete and keeps the rest, `limit` bytes at most.

    Nothing may be fed behind an `Astray`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._open = False  # VT came, its end did not
        self._searched = 0  # bytes of `_rest` without an end
        self._head: bytes | None = None  # of the frame that is being dropped

    @property
    def is_open(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._open

    @property
    def held(self) -> int:
        """The bytes that wait for the rest of their frame."""
        return len(self._rest)

    @property
    def may_be_complete(self) -> bool:
        """Whether the last byte is FS: the end, unless more comes."""
        return self._open and self._rest.endswith(FS)

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """Yield what `chunk` completes, in order."""
        self._rest += chunk
        while (pieces := self._inside() if self._open else self._outside()) is not None:
            yield from pieces

    def settle(self) -> Iterator[Piece]:
        """Yield what silence completes: a frame whose FS was the last that came."""
        if self.may_be_complete:
            yield from self._ended(len(self._rest) - 1, behind=0)

    def _outside(self) -> list[Piece] | None:
        """Drop what is blank up to the next VT; None: more must come first."""
        if not self._rest or self._rest in _BEGUN_MARKS:
            return None
        blank = _BLANK.match(self._rest)
        size = blank.end() if blank else 0
        pieces: list[Piece] = [Blank(size=size)] if size else []
        if self._rest[size : size + 1] == VT:
            del self._rest[: size + 1]
            self._open = True
        elif size < len(self._rest) and self._rest[size:] not in _BEGUN_MARKS:
            content = bytes(self._rest[size:]).partition(VT)[0]
            self._rest.clear()
            pieces.append(Astray(content=content))
        else:
            del self._rest[:size]
        return pieces

    def _inside(self) -> list[Piece] | None:
        """Return the frame if its end is there; None: more must come first."""
        at = self._rest.find(FS, self._searched)
        while 0 <= at < len(self._rest) - 1:
            if self._rest[at + 1] in _BEHIND:
                return self._ended(at, behind=0 if self._rest[at + 1] == VT[0] else 1)
            at = self._rest.find(FS, at + 1)
        self._searched = at if at >= 0 else len(self._rest)
        if len(self._rest) > self._limit + len(FS):
            self._drop()
        return None

    def _drop(self) -> None:
        """Let go of what a frame that is too long has brought so far, but for an FS at its end."""
        if self._head is None:
            self._head = bytes(self._rest[:LONGEST_HEAD])
        del self._rest[: self._searched]
        self._searched = 0

    def _ended(self, at: int, behind: int) -> list[Piece]:
        content = bytes(memoryview(self._rest)[:at])
        del self._rest[: at + 1 + behind]
        self._open, self._searched = False, 0
        head, self._head = self._head, None
        if head is None and len(content) > self._limit:
            head = content[:LONGEST_HEAD]
        return [TooLong(head=head)] if head is not None else list(_frames(content))


def _frames(content: bytes) -> Iterator[Frame]:
    """Yield a frame, and before it what was begun in it and given up without an end."""
    *unended, whole = _RESTART.split(content)
    if len(unended) > _MOST_RESTARTS:  # no sender does that by mistake: one refusal is enough
        yield Frame(content=content, unended=True)
        return
    for part in unended:
        if part.strip(b"\0\r\n "):
            yield Frame(content=part, unended=True)
    yield Frame(content=whole)


def framed(content: bytes) -> bytes:
    """Return a message as it goes over the wire."""
    return VT + content + END

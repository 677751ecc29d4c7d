"""What arrives on one connection, piece by piece, and how long each may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from service.mllp.frames import Deframer, Piece

_CHUNK: Final = 65_536  # bytes
_LARGE: Final = 1_048_576  # bytes of one frame from which on it needs a place


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long the listener waits, in seconds."""

    frame: float = 60.0  # for all of a frame, from its first byte
    idle: float = 86_400.0  # between frames; TCP keep-alive finds out sooner who is gone
    quiet: float = 60.0  # after which a connection may have to make place for a new one
    silence: float = 1.0  # after an FS with nothing behind it, until it counts as the end
    reading: float = 30.0  # for the sender to read what it is answered
    store: float = 10.0  # for a database that is away, until the connection is closed
    stop: float = 5.0  # for a frame that is on its way when the listener is told to stop
    farewell: float = 1.0  # for the sender to close, once the listener has


class TooSlow(Exception):
    """The sender did not send what was due in time."""


class Arrivals:
    """Iterate over it for the pieces; it holds `limit` bytes at most."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        *,
        limit: int,
        patience: Patience,
        places: asyncio.Semaphore,  # one for each large frame that may be on its way
    ) -> None:
        self._reader, self._patience, self._places = reader, patience, places
        self._frames = Deframer(limit)
        self._clock = asyncio.get_running_loop().time
        self._due = 0.0  # when the frame that is open must be complete
        self._has_place = False
        self.heard = self._clock()  # when something came the last time
        self.is_waiting = False  # for the sender

    @property
    def is_idle(self) -> bool:
        """Whether the sender is waited for, and nothing of a frame has come."""
        return self.is_waiting and not self.is_open

    @property
    def is_open(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._frames.is_open

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield what comes until the sender closes. Raises TooSlow, or OSError if it is gone."""
        while True:
            chunk = await self._next_chunk()
            was_open, complete = self.is_open, False
            for piece in self._frames.settle() if not chunk else self._frames.feed(chunk):
                complete = True
                self.leave_place()
                yield piece
            if chunk == b"":
                return
            if self.is_open and (complete or not was_open):
                self._due = self._clock() + self._patience.frame

    async def _next_chunk(self) -> bytes | None:
        """Return what comes next: b"" at the end, None for silence behind what may be an end."""
        self.is_waiting = True
        try:
            if self._frames.held > _LARGE and not self._has_place:
                await self._take_place()
            chunk = await self._read()
        finally:
            self.is_waiting = False
        self.heard = self._clock()
        return chunk

    async def _read(self) -> bytes | None:
        now, may_be_complete = self._clock(), self._frames.may_be_complete
        due = self._due if self.is_open else now + self._patience.idle
        try:
            async with asyncio.timeout_at(now + self._patience.silence if may_be_complete else due):
                return await self._reader.read(_CHUNK)
        except TimeoutError:
            if may_be_complete:
                return None
            raise TooSlow(self._what_was_due()) from None

    async def _take_place(self) -> None:
        try:
            async with asyncio.timeout_at(self._due):
                await self._places.acquire()
        except TimeoutError:
            raise TooSlow("other large frames kept this one waiting for too long") from None
        self._has_place = True

    def _what_was_due(self) -> str:
        if self.is_open:
            return "a frame was not completed in time"
        return "nothing came for too long"

    def leave_place(self) -> None:
        """Let another large frame have this one's place; does no harm where it has none."""
        if self._has_place:
            self._places.release()
            self._has_place = False

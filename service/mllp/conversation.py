"""One connection: frames in, each taken in before the next, acknowledgements out in that order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import structlog

from service.errors import ServiceError, Unavailable
from service.log import without_values
from service.mllp.arrivals import Arrivals, Patience, TooSlow
from service.mllp.frames import Astray, Blank, Piece, framed
from service.mllp.intake import Intake, Reply
from service.model import OdsCode

T = TypeVar("T")
_FIRST_PAUSE: Final = 0.1  # seconds
_LONGEST_PAUSE: Final = 2.0
Whose = Callable[[], OdsCode]  # the sender of this connection; raises Unauthenticated; may block


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What all conversations share."""

    intake: Intake
    threads: Executor
    places: asyncio.Semaphore  # for large frames: bounds memory
    limit: int  # bytes of a frame
    patience: Patience


class Conversation:
    """`hold` it until either side ends it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, whose: Whose, desk: Desk
    ) -> None:
        self._reader, self._writer, self._whose, self._desk = reader, writer, whose, desk
        self._arrivals = Arrivals(
            reader, limit=desk.limit, patience=desk.patience, places=desk.places
        )
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._stopping = False
        self._blanks = False
        self._messages = 0
        self._log = structlog.get_logger().bind(**_ends(writer))

    @property
    def is_idle(self) -> bool:
        """Whether it could be ended without loss or delay to anybody."""
        return self._arrivals.is_idle and not self._stopping

    @property
    def heard(self) -> float:
        """When the sender was heard the last time, by the loop's clock."""
        return self._arrivals.heard

    async def hold(self) -> None:
        """Answer until the sender is gone or too slow, or `stop` is called; then close."""
        why = "stopped"
        try:
            why = await self._answered_all()
        except ServiceError as fault:  # no answer was given, so the sender will send it again
            why = fault.text
            self._log.error("mllp closed without an answer", fault=why)
        except (TooSlow, OSError) as fault:
            why = str(fault) if isinstance(fault, TooSlow) else "the connection was lost"
        except Exception as fault:
            why = "the listener failed"
            self._log.error("mllp listener failed", exception=without_values(fault))
        finally:
            self._arrivals.leave_place()
            if self._messages or why:
                reason = {"fault": why} if why else {}
                self._log.info("mllp connection closed", count=self._messages, **reason)
            await self._close()

    def stop(self) -> None:
        """End after the message in flight; one on its way has a few seconds to arrive."""
        if self.is_idle and self._task:
            self._task.cancel()
        self._stopping = True
        self._loop.call_later(self._desk.patience.stop, self._wait_no_longer)

    def _wait_no_longer(self) -> None:
        if self._arrivals.is_waiting and self._task:
            self._task.cancel()

    async def _answered_all(self) -> str:
        """Return why the conversation ended; "" if its sender simply ended it."""
        sender = await self._in_a_thread(self._whose)
        self._log = self._log.bind(organisation=sender)
        async with aclosing(self._arrivals.pieces()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Blank):
                    self._tell_of_blanks(piece)
                    continue
                await self._answer(piece)
                if isinstance(piece, Astray):
                    return "bytes outside a frame"
                if self._stopping:
                    return "stopped"
        return "the sender ended it within a frame" if self._arrivals.is_open else ""

    async def _answer(self, piece: Piece) -> None:
        reply = await self._reply(piece)
        self._messages += 1
        if reply.refused:
            self._log.warning("mllp message refused", count=reply.refused)
        for frame in reply.frames:
            self._writer.write(framed(frame))
        try:
            async with asyncio.timeout(self._desk.patience.reading):
                await self._writer.drain()
        except TimeoutError:
            raise TooSlow("the sender does not read its answers") from None

    async def _reply(self, piece: Piece) -> Reply:
        """Take one piece in, again while the database is away. Raises Unavailable in the end."""
        until, pause = self._loop.time() + self._desk.patience.store, _FIRST_PAUSE
        while True:
            try:
                return await self._in_a_thread(partial(self._take, piece))
            except Unavailable:
                if self._stopping or self._loop.time() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._desk.threads, work)

    def _take(self, piece: Piece) -> Reply:
        return self._desk.intake.reply(self._whose(), piece)

    def _tell_of_blanks(self, blank: Blank) -> None:
        if not self._blanks:
            self._log.info("mllp blank bytes between frames", count=blank.size)
        self._blanks = True

    async def _close(self) -> None:
        """Close so that the sender still reads its last answer.

        A socket that is closed with something unread resets the connection, and the sender's
        system drops what it has not read: so the rest is read, for a moment, and dropped.
        """
        try:
            async with asyncio.timeout(self._desk.patience.farewell):
                await self._writer.drain()
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                    while await self._reader.read(65_536):
                        continue
                self._writer.close()
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            pass
        finally:  # whoever was told to stop meanwhile must not leave it open either
            self._writer.transport.abort()


def _ends(writer: asyncio.StreamWriter) -> dict[str, object]:
    """Return both ends of a connection, for the log."""
    peer, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
    return {"host": peer[0] if peer else "", "port": own[1] if own else 0}

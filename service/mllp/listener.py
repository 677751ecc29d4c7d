"""Accepts connections on each port, as many as there may be, and ends them all when told to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from service.errors import Unauthenticated
from service.mllp.address import Address
from service.mllp.arrivals import Patience
from service.mllp.certificates import PeerCertificate, names_of
from service.mllp.conversation import Conversation, Desk
from service.mllp.intake import Intake
from service.model import OdsCode

_log = structlog.get_logger()
_LARGE_FRAMES: Final = 8  # on their way at once, over all connections
_HANDSHAKE: Final = 10.0  # seconds
_LONGEST_STOP: Final = 20.0  # seconds for the messages in flight
_AFTER_FAULT: Final = 1.0  # seconds; accept fails when there are no file descriptors left
# TCP keep-alive: a sender that is gone without a word is noticed after two minutes.
_KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}

Identify = Callable[[frozenset[str], OdsCode | None], OdsCode]  # certificate names, port's sender


@dataclass(kw_only=True, slots=True)
class Port:
    """A listening socket and the conversations that came from it."""

    socket: socket.socket
    address: Address
    conversations: set[Conversation] = field(default_factory=set)
    arriving: int = 0  # connections that are not conversations yet


class Listener:
    """`serve` it in an event loop; messages are taken in by threads."""

    def __init__(
        self,
        ports: Sequence[tuple[socket.socket, Address]],
        intake: Intake,
        *,
        limit: int,  # bytes of a frame
        connections: int,  # of a port
        threads: int,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
        identify: Identify | None = None,  # needed where client certificates are
    ) -> None:
        self._ports = [Port(socket=opened, address=address) for opened, address in ports]
        self._connections, self._tls, self._identify = connections, tls, identify
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="mllp")
        self._desk = Desk(
            intake=intake,
            threads=self._threads,
            places=asyncio.Semaphore(_LARGE_FRAMES),
            limit=limit,
            patience=patience or Patience(),
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, told: asyncio.Event) -> None:
        """Accept until told to stop; then finish the messages in flight, answer and close."""
        accepting = [asyncio.create_task(self._accept(port)) for port in self._ports]
        await told.wait()
        for task in accepting:
            task.cancel()
        await asyncio.gather(*accepting, return_exceptions=True)
        for port in self._ports:
            port.socket.close()
            for conversation in port.conversations:
                conversation.stop()
        await self._end()

    async def _end(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LONGEST_STOP)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(cancel_futures=True)

    async def _accept(self, port: Port) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(port.socket)
            except OSError as fault:
                _log.error("mllp accept failed", port=port.address.port, fault=fault.strerror)
                await asyncio.sleep(_AFTER_FAULT)
                continue
            if self._has_room(port):
                task = loop.create_task(self._converse(port, accepted))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                _log.warning("mllp too many connections", port=port.address.port)
                accepted.close()

    def _has_room(self, port: Port) -> bool:
        """Whether one more may come; the one that was silent the longest makes place for it."""
        if len(port.conversations) + port.arriving < self._connections:
            return True
        before = asyncio.get_running_loop().time() - self._desk.patience.quiet
        silent = [one for one in port.conversations if one.is_idle and one.heard < before]
        if silent:
            min(silent, key=lambda one: one.heard).stop()
        return bool(silent)

    async def _converse(self, port: Port, accepted: socket.socket) -> None:
        port.arriving += 1
        try:
            reader, writer = await self._open(accepted)
        except (OSError, TimeoutError) as fault:  # ssl.SSLError is an OSError
            reason = getattr(fault, "reason", None) or type(fault).__name__
            _log.warning("mllp TLS handshake failed", port=port.address.port, fault=reason)
            accepted.close()
            return
        finally:
            port.arriving -= 1
        whose = self._whose(port.address, writer.get_extra_info("peercert"))
        conversation = Conversation(reader, writer, whose, self._desk)
        port.conversations.add(conversation)
        try:
            await conversation.hold()
        finally:
            port.conversations.discard(conversation)

    async def _open(
        self, accepted: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        _keep_alive(accepted)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, protocol = await loop.connect_accepted_socket(
            partial(asyncio.StreamReaderProtocol, reader),
            accepted,
            ssl=self._tls,
            ssl_handshake_timeout=_HANDSHAKE if self._tls else None,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _whose(
        self, address: Address, certificate: PeerCertificate | None
    ) -> Callable[[], OdsCode]:
        identify, expected = self._identify, address.sender
        if identify is not None:
            return partial(identify, names_of(certificate or {}), expected)
        if expected is None:
            raise Unauthenticated("nothing says who sends to this port")
        return lambda: expected


def _keep_alive(accepted: socket.socket) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):  # macOS names the first one otherwise
            accepted.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

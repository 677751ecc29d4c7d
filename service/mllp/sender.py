"""Sends messages by MLLP and reads what is answered: for trying a listener out, and for tests."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from service.mllp.frames import Deframer, Frame, framed

_LONGEST_ANSWER = 1_048_576  # bytes
_CHUNK = 65_536


class NoAnswer(Exception):
    """The connection ended without an answer; the message may have been taken in all the same."""


class Sender:
    """One connection; a message is sent when the one before it is answered."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = Deframer(_LONGEST_ANSWER)
        self._answers: list[bytes] = []

    def send(self, message: bytes) -> bytes:
        """Return the acknowledgement of a message. Raises NoAnswer, TimeoutError or OSError."""
        self._connection.sendall(framed(message))
        return self.answer()

    def answer(self) -> bytes:
        """Return the next acknowledgement that comes."""
        while not self._answers:
            chunk = self._connection.recv(_CHUNK)
            if not chunk:
                raise NoAnswer("the connection was closed without an answer")
            pieces = self._frames.feed(chunk)
            self._answers += [piece.content for piece in pieces if isinstance(piece, Frame)]
        return self._answers.pop(0)


@contextmanager
def connected(
    host: str, port: int, *, timeout: float = 30.0, tls: ssl.SSLContext | None = None
) -> Iterator[Sender]:
    """Connect, and close at the end. Raises OSError; `timeout` in seconds for each step."""
    with socket.create_connection((host, port), timeout=timeout) as plain:
        if tls is None:
            yield Sender(plain)
            return
        with tls.wrap_socket(plain, server_hostname=host) as secured:
            yield Sender(secured)

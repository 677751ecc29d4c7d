"""The way to the program that opens PDF and HTML (`apart`).

It is started with the first file and kept; a file that takes too long or too much memory ends it,
and the next file gets a new one. So no file can harm the service or those who wait beside it.
"""

from __future__ import annotations

import atexit
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from service.errors import Issue, UnreadableMessage

SECONDS: Final = 10  # by the clock; by the processor a file may take two
_HEADER: Final = 8  # bytes that say a length
_PROGRAM: Final = Path(__file__).with_name("apart")
_TOO_COSTLY: Final = b"RThe file takes more time or memory to read than it may."
Kind = Literal["P", "H"]  # PDF, HTML


def read(kind: Kind, body: bytes) -> bytes:
    """Return what the program finds in a file. Raises UnreadableMessage."""
    told = _APART.ask(kind.encode() + len(body).to_bytes(_HEADER, "big") + body)
    if told.startswith(b"O"):
        return told[1:]
    reason = told[1:].decode()
    raise UnreadableMessage(reason, [Issue(severity="fatal", code="structure", text=reason)])


def end_program() -> None:
    """End the program and free its memory; the next file gets a new one."""
    _APART.end()


class _Apart:
    """The program, and who may ask it: one at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._program: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes) -> bytes:
        """Return its answer, without its length."""
        with self._lock:
            return self._exchange(request, self._running())

    def end(self) -> None:
        """End it, if it runs."""
        with self._lock:
            program, self._program = self._program, None
            if program:
                _end(program)

    def _running(self) -> subprocess.Popen[bytes]:
        program = self._program
        if program is not None and program.poll() is not None:
            _end(program)  # it has ended by itself
            program = None
        if program is None:
            program = subprocess.Popen(  # noqa: S603 - this Python, and a file of this package
                [sys.executable, "-I", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._program = program
            atexit.register(_end, program)
        return program

    def _exchange(self, request: bytes, program: subprocess.Popen[bytes]) -> bytes:
        until = time.monotonic() + SECONDS
        try:
            _send(program, request)
            header = _received(program, _HEADER, until)
            return _received(program, int.from_bytes(header, "big"), until)
        except (OSError, EOFError):
            self._program = None
            _end(program)
            return _TOO_COSTLY


_APART: Final = _Apart()


def _send(program: subprocess.Popen[bytes], request: bytes) -> None:
    assert program.stdin is not None  # noqa: S101 - asked for above
    program.stdin.write(request)
    program.stdin.flush()


def _received(program: subprocess.Popen[bytes], length: int, until: float) -> bytes:
    """Return `length` bytes of its answer. Raises EOFError if they do not come in time."""
    assert program.stdout is not None  # noqa: S101 - asked for above
    pieces, left = [], length
    while left:
        wait = max(0.0, until - time.monotonic())
        if not select.select([program.stdout], [], [], wait)[0]:
            raise EOFError
        piece = program.stdout.read1(left)  # type: ignore[attr-defined]
        if not piece:
            raise EOFError
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _end(program: subprocess.Popen[bytes]) -> None:
    atexit.unregister(_end)
    program.kill()
    for pipe in (program.stdin, program.stdout):
        with suppress(OSError):
            if pipe:
                pipe.close()
    program.wait()

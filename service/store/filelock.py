"""A lock that processes share, held through a file, let go by the system when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from service.errors import Unavailable


class FileLock:
    """Not for several threads of a process at once: they queue before it.

    There are two files. Whoever wants the lock first takes the turnstile, and gives it back on
    having the lock: so the one that waits at the turnstile's far side is always next, and a busy
    process that comes again and again cannot keep the others out.
    """

    def __init__(self, beside: Path) -> None:
        self._turnstile = _open(f"{beside}-turn")
        self._lock = _open(f"{beside}-lock")

    def __enter__(self) -> None:
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of both files, which stay where they are."""
        os.close(self._turnstile)
        os.close(self._lock)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"{path} cannot be opened: {error.strerror}") from error

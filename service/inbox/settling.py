"""When a dropped file is complete: it has not changed for a while, and nobody writes to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from service.inbox.folder import Seen, is_being_written

_log = structlog.get_logger()
_Signature = tuple[int, int, int]  # inode, size, time of the last change


class Settling:
    """Remembers the files of one folder from one look to the next."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._since: dict[Path, tuple[_Signature, float]] = {}
        self._told: set[Path] = set()  # of files that cannot be opened

    def complete(self, dropped: Iterable[Seen]) -> list[Path]:
        """Return those that are complete, in the order given."""
        now = self._clock()
        before, self._since = self._since, {}
        settled = []
        for path, state in dropped:
            signature = _signature(state)
            known, since = before.get(path, (signature, now))
            self._since[path] = (signature, since if known == signature else now)
            if now - self._since[path][1] >= self._seconds:
                settled.append(path)
        self._told &= self._since.keys()
        return [path for path in settled if self._is_closed(path)]

    def _is_closed(self, path: Path) -> bool:
        """Whether nobody writes to it; one that is gone, or not ours to read, is left alone."""
        try:
            return not is_being_written(path)
        except FileNotFoundError:
            return False
        except OSError as fault:
            if path not in self._told:
                _log.warning("inbox file cannot be opened", fault=fault.strerror)
                self._told.add(path)
            return False


def _signature(state: os.stat_result) -> _Signature:
    return (state.st_ino, state.st_size, state.st_mtime_ns)

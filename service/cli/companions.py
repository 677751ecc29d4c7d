"""Processes beside the workers: a listener, a watcher of a folder. One that dies is replaced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Process
from typing import Any, Final

import structlog

_LOOK: Final = 0.1  # seconds between two looks at them
_LONGEST_STOP: Final = 30.0  # seconds
_FIRST_PAUSE: Final = 0.5  # seconds until one that ended is started again
_LONGEST_PAUSE: Final = 30.0
_STEADY: Final = 60.0  # seconds that one must live for the next pause to be short again
_log = structlog.get_logger()


@dataclass(kw_only=True)
class Companion:
    """A process with the relay's settings, started again whenever it ends by itself."""

    name: str
    run: Callable[..., None]  # a function of a module: it is called in the new process
    arguments: tuple[Any, ...]
    _process: Process | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)
    _pause: float = field(default=_FIRST_PAUSE, init=False)
    _ended: float = field(default=0.0, init=False)  # when it was found to be dead

    def start(self) -> None:
        """Start the process."""
        self._process = Process(name=self.name, target=self.run, args=self.arguments, daemon=True)
        self._process.start()
        self._since, self._ended = time.monotonic(), 0.0

    def look_after(self) -> None:
        """Start it again if it has ended, after a pause that grows while it keeps ending."""
        if self._process is None or self._process.is_alive():
            return
        now = time.monotonic()
        if not self._ended:
            self._ended = now
            self._pause = _FIRST_PAUSE if now - self._since > _STEADY else self._pause
            _log.error(f"{self.name} ended by itself", status=self._process.exitcode)
        if now >= self._ended + self._pause:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self.start()

    def tell_to_stop(self) -> None:
        """Let it finish what it has in hand, and end."""
        if self._process:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for its end; end it by force after `until` (monotonic)."""
        if self._process:
            self._process.join(max(0.0, until - time.monotonic()))
            if self._process.is_alive():
                _log.error(f"{self.name} did not end in time")
                self._process.kill()
                self._process.join()


@contextmanager
def accompanied(companions: Sequence[Companion], is_over: Callable[[], bool]) -> Iterator[None]:
    """Run companions during the block; they are told to stop as soon as `is_over`."""
    for companion in companions:
        companion.start()
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(companions, over, is_over), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
        until = time.monotonic() + _LONGEST_STOP
        for companion in companions:
            companion.wait(until)


def _watch(
    companions: Sequence[Companion], over: threading.Event, is_over: Callable[[], bool]
) -> None:
    while not over.wait(_LOOK) and not is_over():
        for companion in companions:
            companion.look_after()
    for companion in companions:
        companion.tell_to_stop()

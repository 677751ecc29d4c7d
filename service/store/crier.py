"""Tells other processes that something new is there, at most once in a few milliseconds."""

from __future__ import annotations

import threading
from collections.abc import Callable

PAUSE = 0.005  # seconds: many commits in it are one notification


class Crier:
    """A thread, started with the first news, that keeps notifications off the way of a commit.

    PostgreSQL also lets only one transaction at a time commit a NOTIFY.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._news = threading.Event()
        self._closed = threading.Event()
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None

    def cry(self) -> None:
        """Have it told soon."""
        if self._thread is None:
            self._start()
        self._news.set()

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="crier", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._news.wait()
            self._news.clear()
            self._notify()
            self._closed.wait(PAUSE)

    def close(self) -> None:
        """Stop, after what is being told."""
        self._closed.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()

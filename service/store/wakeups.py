"""Long polls: readers sleep here until their feed grows, in this process or in another.

A commit of this process wakes them at once. While anybody sleeps, one thread listens for other
processes' commits and then looks at the feeds that are waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from service.errors import Unavailable
from service.store.database import Database

LISTEN = 1.0  # seconds; the feeds are looked at that often even when nothing was heard
HEAD_OF = "SELECT ods, n FROM recipient WHERE ods = :ods"


class Sleeper:
    """One reader, and the number that it has seen already."""

    __slots__ = ("after", "woken")

    def __init__(self, after: int) -> None:
        self.after = after
        self.woken = threading.Event()


class Wakeups:
    """Who sleeps on which feed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._sleepers: dict[str, list[Sleeper]] = {}
        self._listener: threading.Thread | None = None
        self._ended = False

    def wait(self, recipient: str, after: int, seconds: float, head: Callable[[], int]) -> bool:
        """Return True once the feed has more than `after`: look, register, look again, sleep."""
        if head() > after:
            return True
        if self._ended:
            return False
        with self._registered(recipient, Sleeper(after)) as sleeper:
            if head() > after:
                return True
            if not self._ended:
                sleeper.woken.wait(seconds)
        return head() > after

    @contextmanager
    def _registered(self, recipient: str, sleeper: Sleeper) -> Iterator[Sleeper]:
        with self._mutex:
            self._sleepers.setdefault(recipient, []).append(sleeper)
            self._listen()
        try:
            yield sleeper
        finally:
            with self._mutex:
                self._sleepers[recipient].remove(sleeper)
                if not self._sleepers[recipient]:
                    del self._sleepers[recipient]

    def wake(self, numbers: Mapping[str, int]) -> None:
        """Wake those who wait for these numbers, by recipient."""
        if not self._sleepers:
            return
        with self._mutex:
            for recipient in numbers.keys() & self._sleepers.keys():
                for sleeper in self._sleepers[recipient]:
                    if numbers[recipient] > sleeper.after:
                        sleeper.woken.set()

    def _listen(self) -> None:
        """Start the listening thread unless it runs. Called with the mutex held."""
        if self._listener is None and not self._ended:
            self._listener = threading.Thread(target=self._run, name="wakeups", daemon=True)
            self._listener.start()

    def _run(self) -> None:
        while self._is_needed():
            try:
                self._database.await_change(LISTEN)
                self.wake(self._heads())
            except Unavailable:
                time.sleep(LISTEN)  # the readers find out for themselves

    def _is_needed(self) -> bool:
        """Whether anybody sleeps; if not, the thread is over."""
        with self._mutex:
            if not self._sleepers or self._ended:
                self._listener = None
            return self._listener is not None

    def _heads(self) -> dict[str, int]:
        with self._mutex:
            recipients = list(self._sleepers)
        found = self._database.select_each([(HEAD_OF, {"ods": ods}) for ods in recipients])
        return {ods: n for rows in found for ods, n in rows}

    def sleepers(self) -> int:
        """Return how many readers wait."""
        with self._mutex:
            return sum(map(len, self._sleepers.values()))

    def end(self) -> None:
        """Wake everybody; nobody sleeps any more."""
        with self._mutex:
            self._ended = True
            for sleepers in self._sleepers.values():
                for sleeper in sleepers:
                    sleeper.woken.set()

    def close(self) -> None:
        """Wake everybody and stop listening."""
        self.end()
        if (listener := self._listener) is not None:
            listener.join()

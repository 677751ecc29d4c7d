"""How many long polls wait at once: each holds a thread, so clients share them fairly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Throttled


class Waiters:
    """Places to wait in, in this process."""

    def __init__(self, *, total: int, per_client: int = 2) -> None:
        self._total, self._per_client = total, per_client
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Hold a place for a client. Raises Throttled if it, or everybody, has too many."""
        with self._lock:
            taken = self._waiting[client] >= self._per_client
            if taken or self._waiting.total() >= self._total:
                raise Throttled("Too many long polls wait already: try again, or poll without.")
            self._waiting[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[client] -= 1
                if not self._waiting[client]:
                    del self._waiting[client]

"""The audit trail: with the writes in their transaction, for reads a moment later by a thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from service.errors import Unavailable
from service.store import rows
from service.store.commit import AuditEntry
from service.store.database import Database

INTERVAL = 0.1  # seconds that an entry waits at most
MOST = 10_000  # entries waiting; beyond that, whoever brings more writes them itself


class AuditTrail:
    """Entries gather here, and a thread started with the first one writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._writing = threading.Lock()
        self._entries: list[AuditEntry] = []
        self._some = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, entries: Sequence[AuditEntry]) -> None:
        """Have these written soon. Raises Unavailable if too many wait already."""
        with self._mutex:
            self._entries.extend(entries)
            full = len(self._entries) > MOST
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()
        if full:
            self.flush()
        self._some.set()

    def flush(self) -> None:
        """Write what has gathered. Raises Unavailable, and keeps it, if the database is away."""
        with self._writing:
            with self._mutex:
                entries, self._entries = self._entries, []
            if not entries:
                return
            try:
                self._database.write(
                    lambda tx: tx.insert("audit", [rows.audit(entry) for entry in entries])
                )
            except BaseException:
                with self._mutex:
                    self._entries[:0] = entries
                raise

    def _run(self) -> None:
        while not self._closed.is_set():
            self._some.wait()
            self._closed.wait(INTERVAL)
            self._some.clear()
            try:
                self.flush()
            except Unavailable:
                self._some.set()  # tried again, and told to the next reader once it is full

    def close(self) -> None:
        """Write the rest and stop. Raises Unavailable if it cannot be written."""
        self._closed.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

"""Retention as it is run: gently, by one process at a time, and written down when it is done."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson
import structlog

from service.errors import Conflict, Unavailable
from service.log import without_values
from service.model import Instant
from service.store import AuditEntry, Keep, Passed, Store

LEASE: Final = "retention"
_NOTED: Final = "retention-run"  # setting: when it was done last, and what went
_EVERY: Final = 86_400_000_000  # microseconds between the ends of two rounds
_LOOK: Final = 60.0  # seconds between two looks whether a round is due
_HELD: Final = 60.0  # seconds until another may take over from one that died
_RENEWED: Final = 10.0  # seconds
_LONGEST_PAUSE: Final = 1.0  # seconds
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class LastRound:
    """The last round that came to its end."""

    at: Instant
    removed: Mapping[str, int] = field(default_factory=dict)  # kind → how many


def last_round(store: Store) -> LastRound | None:
    """Return when retention was done last; None if it never was."""
    noted = store.settings.get(_NOTED)
    if noted is None:
        return None
    said = orjson.loads(noted)
    return LastRound(at=Instant(said["at"]), removed=said["removed"])


class Retaining:
    """Removes what has had its time."""

    def __init__(
        self,
        store: Store,
        keep: Keep,
        clock: Callable[[], Instant],
        actor: str = "relay",
        look: float = _LOOK,
    ) -> None:
        self._store, self._keep, self._clock = store, keep, clock
        self._actor, self._look = actor, look
        self._holder = uuid.uuid4().hex

    def run(self, stop: threading.Event) -> None:
        """Do a round a day until `stop` is set. Blocks."""
        while not stop.is_set():
            try:
                if self._is_due():
                    deque(self.round(stop), maxlen=0)
            except Conflict:
                _log.info("another process removes what is old")
            except Unavailable as fault:
                _log.warning("nothing is removed while the store is not there", reason=fault.text)
            except Exception as fault:  # what runs beside it goes on; `doctor` says that this fails
                _log.error("retention failed", exception=without_values(fault))
            stop.wait(self._look)

    def _is_due(self) -> bool:
        last = last_round(self._store)
        return last is None or last.at + _EVERY <= self._clock()

    def round(self, stop: threading.Event) -> Iterator[Passed]:
        """Do a round, resting as long as it works; yield what went and what stays.

        Raises Conflict if another process does one, Unavailable.
        """
        removed: Counter[str] = Counter()
        try:
            for passed in self._gently(stop):
                if not passed.stays:
                    removed[passed.what] += passed.many
                yield passed
            if not stop.is_set():
                self._note(removed)
        finally:
            self._store.leases.release(self._holder)

    def _gently(self, stop: threading.Event) -> Iterator[Passed]:
        """Pause after each piece of work for as long as it took: others write meanwhile."""
        self._claim()
        claimed = began = time.monotonic()
        for passed in self._store.retention.run(self._keep, remove=True):
            worked = time.monotonic() - began
            yield passed
            if stop.wait(min(worked, _LONGEST_PAUSE)):
                return
            if time.monotonic() > claimed + _RENEWED:
                self._claim()
                claimed = time.monotonic()
            began = time.monotonic()

    def _claim(self) -> None:
        if not self._store.leases.claim(LEASE, self._holder, _HELD):
            raise Conflict("Another process removes what is old at this moment.")

    def _note(self, removed: Mapping[str, int]) -> None:
        """Write down that it was done: for whoever looks at the audit trail, and for `doctor`."""
        now = self._clock()
        entry = AuditEntry(
            at=now, client=self._actor, organisation="", action="retain", type="Retention"
        )
        self._store.audit([entry])
        _log.info("old things were removed", count=sum(removed.values()))
        self._store.settings.put(_NOTED, orjson.dumps({"at": now, "removed": removed}).decode())

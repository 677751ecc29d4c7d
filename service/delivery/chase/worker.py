"""Looks every few seconds whether a step is due. Of several workers one does it at a time."""

from __future__ import annotations

import threading
import uuid
from typing import Final

import structlog

from service.delivery.chase.chasing import Chasing
from service.errors import Unavailable
from service.store import Store

_log = structlog.get_logger()
LEASE: Final = "chase"
_LOOK: Final = 5.0  # seconds between two looks
_HELD: Final = 30.0  # seconds until another may take over from one that died


class ChaseWorker:
    """Takes steps until it is told to stop.

    The lease spares work; that nothing is done twice does not depend on it.
    """

    def __init__(self, chasing: Chasing, store: Store, *, look: float = _LOOK) -> None:
        self._chasing, self._store, self._look = chasing, store, look
        self._holder = uuid.uuid4().hex

    def run(self, stop: threading.Event) -> None:
        """Take steps until `stop` is set; then let go of the lease. Blocks."""
        while not stop.is_set():
            try:
                if self._store.leases.claim(LEASE, self._holder, _HELD):
                    self._chasing.turn()
            except Unavailable as fault:
                _log.warning("nobody is chased while the store is not there", reason=fault.text)
            stop.wait(self._look)
        self._let_go()

    def _let_go(self) -> None:
        try:
            self._store.leases.release(self._holder)
        except Unavailable as fault:
            _log.warning("lease not released", reason=fault.text)

"""Polls the mailbox: politely while it is empty, at once while there is more."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from service.errors import Unavailable
from service.log import without_values
from service.mailbox import MeshFailure, MeshMailbox, MessageGone
from service.mesh.arrivals import Arrivals, NotStored, NotYet, envelope
from service.store import Store

HANDSHAKE: Final = 8 * 3600  # seconds; MESH asks for one in 24 hours
LEASE: Final = 10.0  # seconds until another process polls if this one is not heard of
FIRST: Final = 10.0  # seconds after the mailbox was emptied; doubled at each empty look
_LATER: Final = 900.0  # seconds until one that failed by itself is looked at again
_REMEMBERED: Final = 10_000  # messages that are left where they are


class Poller:
    """Polls one mailbox, in one process at a time."""

    def __init__(
        self,
        open_mailbox: Callable[[], MeshMailbox],
        arrivals: Arrivals,
        store: Store,
        *,
        poll: float,
        lease: float = LEASE,
    ) -> None:
        self._open, self._arrivals, self._store = open_mailbox, arrivals, store
        self._poll, self._lease = poll, lease
        self._holder = uuid.uuid4().hex
        self._shaken = float("-inf")
        self._claimed = float("-inf")
        self._left: OrderedDict[str, float] = OrderedDict()  # until when (monotonic)
        self._log = structlog.get_logger()

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set. Blocks."""
        mailbox = self._open()
        wait = min(FIRST, self._poll)
        try:
            while not stop.is_set():
                taken = self._round(mailbox, stop)
                wait = 0.0 if taken else min(max(2 * wait, FIRST), self._poll)
                self._rest(mailbox, wait * random.uniform(0.8, 1.0), stop)  # noqa: S311 - no secret
        finally:
            mailbox.close()
            self._let_go()

    def _rest(self, mailbox: MeshMailbox, seconds: float, stop: threading.Event) -> None:
        """Wait, and stay the one who polls."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stop.wait(min(left, self._lease / 4)):
            try:
                self._is_ours(mailbox)
            except Unavailable as error:
                self._log.warning("lease not renewed", reason=error.text)

    def _round(self, mailbox: MeshMailbox, stop: threading.Event) -> bool:
        """Look once; True if something was taken out, and there may be more."""
        try:
            if not self._is_ours(mailbox):
                return False
            self._shake_hands(mailbox)
            return self._take_all(mailbox, stop)
        except MeshFailure as failure:
            self._log.warning("MESH", reason=str(failure))
            stop.wait(failure.wait)
        except Unavailable as error:
            self._log.error("not stored", reason=error.text)
        except Exception as fault:
            self._log.error("the poller failed", exception=without_values(fault))
        return False

    def _take_all(self, mailbox: MeshMailbox, stop: threading.Event) -> bool:
        taken = 0
        for message_id in mailbox.waiting():
            if stop.is_set():
                break
            if time.monotonic() >= self._left.get(message_id, 0):
                taken += self._take(mailbox, message_id)
            if not self._is_ours(mailbox):
                break
        return taken > 0

    def _take(self, mailbox: MeshMailbox, message_id: str) -> bool:
        """Deal with one message; False if it stays in the mailbox.

        Whatever it fails by, it is the others' turn next.
        """
        said = {"mesh_id": message_id}
        try:
            with mailbox.incoming(message_id) as message:
                said = envelope(message)
                done = self._arrivals.deal_with(message, mailbox)
        except MessageGone:  # by another who reads this mailbox; or it is listed and broken
            self._leave(message_id, self._poll)
            return False
        except NotYet as reason:
            self._leave(message_id, self._poll)
            self._log.warning("left in the mailbox for now", reason=str(reason), **said)
            return False
        except NotStored as reason:
            self._leave(message_id, float("inf"))
            self._log.error("left in the mailbox", reason=str(reason), **said)
            return False
        except MeshFailure:
            self._leave(message_id, self._poll)
            raise
        except Unavailable:
            raise
        except Exception as fault:
            self._leave(message_id, _LATER)
            self._log.error("the poller failed", exception=without_values(fault), **said)
            return False
        mailbox.acknowledge(message_id)
        self._log.info(done, **said)
        return True

    def _leave(self, message_id: str, seconds: float) -> None:
        """Do not look at it again for a while; MESH tells its sender when nobody collects it."""
        self._left[message_id] = time.monotonic() + seconds
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)

    def _is_ours(self, mailbox: MeshMailbox) -> bool:
        """Whether this process is the one that polls; keeps it so for a while."""
        if time.monotonic() < self._claimed + self._lease / 4:
            return True
        name = f"mesh-inbox/{mailbox.id}"
        if not self._store.leases.claim(name, self._holder, self._lease):
            return False
        self._claimed = time.monotonic()
        return True

    def _shake_hands(self, mailbox: MeshMailbox) -> None:
        if time.monotonic() >= self._shaken + HANDSHAKE:
            mailbox.handshake()
            self._shaken = time.monotonic()

    def _let_go(self) -> None:
        try:
            self._store.leases.release(self._holder)
        except Unavailable as error:
            self._log.warning("lease not released", reason=error.text)

"""Sends feeds by channels: one thread a recipient and channel, so that nobody waits for another.

Several processes may do this at once: whoever holds a lease sends, the others look again when it
runs out.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from service.delivery.channels import Channel
from service.delivery.sending import Policy, Sender
from service.errors import Unavailable
from service.log import without_values
from service.model import OdsCode
from service.store import LeaseLost, Store

_log = structlog.get_logger()
LEASE: Final = 10.0  # seconds until another process may take over from one that died


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One organisation to be sent to, and how its channel is opened, in the thread that uses it."""

    recipient: OdsCode
    channel: str
    open: Callable[[], Channel]


class Worker:
    """Sends until it is told to stop."""

    def __init__(
        self,
        store: Store,
        lines: Sequence[Line],
        received: Callable[[OdsCode, str], None],
        *,
        policy: Policy,
        lease: float = LEASE,
    ) -> None:
        self._store, self._lines, self._received = store, lines, received
        self._policy, self._lease = policy, lease
        self._holder = uuid.uuid4().hex

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; then let go of everything. Blocks."""
        threads = [
            threading.Thread(target=self._serve, args=(line, stop), name=f"{line.recipient}")
            for line in self._lines
        ]
        for thread in threads:
            thread.start()
        while not stop.wait(self._lease / 4):
            self._keep_leases()
        for thread in threads:
            thread.join()
        self._store.leases.release(self._holder)

    def _keep_leases(self) -> None:
        try:
            self._store.leases.renew(self._holder, self._lease)
        except Unavailable as error:  # each thread finds that out for itself
            _log.warning("leases not renewed", reason=error.text)

    def _serve(self, line: Line, stop: threading.Event) -> None:
        """Take turns for one line until told to stop."""
        channel = line.open()
        sender = Sender(
            store=self._store,
            recipient=line.recipient,
            channel=channel,
            holder=self._holder,
            received=self._received,
            policy=self._policy,
        )
        try:
            while not stop.is_set():
                self._rest(sender, self._turn(sender), stop)
        finally:
            channel.close()

    def _turn(self, sender: Sender) -> float:
        """Do what is due; return the seconds until something may be due again."""
        try:
            if not sender.is_holding:
                sender.is_holding = self._claim(sender)
            return sender.turn() if sender.is_holding else self._lease / 2
        except LeaseLost:
            sender.is_holding = False
            return self._lease / 2
        except Unavailable:
            return self._policy.pause(3)
        except Exception as fault:
            _log.error(
                "the channel failed",
                organisation=sender.recipient,
                exception=without_values(fault),
            )
            return self._policy.pause(6)

    def _claim(self, sender: Sender) -> bool:
        """Take the lease; `_keep_leases` keeps it."""
        return self._store.leases.claim(sender.lease, self._holder, self._lease)

    def _rest(self, sender: Sender, seconds: float, stop: threading.Event) -> None:
        """Sleep; one that has sent everything is woken by the next event of its feed."""
        if seconds <= 0:
            return
        if sender.waits_for_events:
            try:
                if self._store.wait(sender.recipient, sender.n, seconds):
                    return
            except Unavailable:
                stop.wait(min(seconds, 1))
            return
        stop.wait(seconds)

"""Sends feeds by channels: one thread a recipient and channel, so that nobody waits for another.

Several processes may do this at once: whoever holds a lease sends, the others look again when it
runs out.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from service.delivery.channels import Channel, Ended
from service.delivery.sending import Policy, Sender
from service.errors import Unavailable
from service.log import without_values
from service.model import OdsCode
from service.store import LeaseLost, Page, Store

_log = structlog.get_logger()
LOOK: Final = 0.5  # seconds between two looks for lines that came or went
LEASE: Final = 10.0  # seconds until another process may take over from one that died


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One organisation to be sent to, and how its channel is opened, in the thread that uses it."""

    recipient: OdsCode
    channel: str
    open: Callable[[], Channel]
    events: Callable[[int, int], Page] | None = None  # where they are not the recipient's feed
    policy: Policy | None = None  # where it is not the worker's


@dataclass(kw_only=True)
class _Running:
    """The thread of a line."""

    stop: threading.Event
    thread: threading.Thread


class Worker:
    """Sends until it is told to stop."""

    def __init__(
        self,
        store: Store,
        lines: Sequence[Line],
        received: Callable[[OdsCode, str, str], None],
        *,
        policy: Policy,
        lease: float = LEASE,
        found: Callable[[], Sequence[Line]] = tuple,
    ) -> None:
        """`found` gives lines that come and go, beside those that stay."""
        self._store, self._lines, self._received = store, lines, received
        self._policy, self._lease, self._found = policy, lease, found
        self._holder = uuid.uuid4().hex
        self._running: dict[tuple[str, str], _Running] = {}

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; then let go of everything. Blocks."""
        renew_at = 0.0
        while True:
            self._adjust([*self._lines, *self._found()])
            if time.monotonic() >= renew_at:
                self._keep_leases()
                renew_at = time.monotonic() + self._lease / 4
            if stop.wait(min(LOOK, self._lease / 4)):
                break
        self._adjust(())
        for one in self._running.values():
            one.thread.join()
        self._store.leases.release(self._holder)

    def _adjust(self, lines: Sequence[Line]) -> None:
        """Begin what is new and stop what is gone; never two threads for one line."""
        wanted = {(line.recipient, line.channel): line for line in lines}
        for key, one in list(self._running.items()):
            if key not in wanted:
                one.stop.set()
            if not one.thread.is_alive():
                del self._running[key]
        for key, line in wanted.items():
            if key not in self._running:
                self._running[key] = self._begun(line)

    def _begun(self, line: Line) -> _Running:
        stop = threading.Event()
        thread = threading.Thread(target=self._serve, args=(line, stop), name=f"{line.recipient}")
        thread.start()
        return _Running(stop=stop, thread=thread)

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
            policy=line.policy or self._policy,
            events=line.events,
        )
        try:
            while not stop.is_set():
                self._rest(sender, self._turn(sender), stop)
        except Ended:
            return
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
        except Ended:
            raise
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

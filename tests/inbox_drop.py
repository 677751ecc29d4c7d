"""An inbox with a folder of King's, a clock that tests move, and what is in its folders."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from service.app import now
from service.inbox import Inbox
from service.inbox.watching import TakeIn

SETTLE = 5.0  # seconds


@dataclass
class Drop:
    """Files go in by `put`, and are taken by `look`."""

    root: Path
    inbox: Inbox
    clock: list[float]
    stop: threading.Event

    @classmethod
    def of(cls, root: Path, take: TakeIn, limit: int = 1_000_000) -> Drop:
        clock = [0.0]
        inbox = Inbox(root, take, limit=limit, settle=SETTLE, now=now, clock=lambda: clock[0])
        (root / "RJZ" / "incoming").mkdir(parents=True)
        return cls(root, inbox, clock, threading.Event())

    def put(self, name: str, content: bytes, sender: str = "RJZ") -> Path:
        path = self.root / sender / "incoming" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def look(self, seconds: float = 0) -> bool:
        self.clock[0] += seconds
        return self.inbox.look(self.stop)

    def settled(self) -> bool:
        """Look, and again when everything has settled."""
        self.look()
        return self.look(SETTLE)

    def names(self, folder: str, sender: str = "RJZ") -> list[str]:
        """The names in a folder, without what the relay put before them."""
        found = sorted(os.listdir(self.root / sender / folder))
        return [name.partition("Z-")[2][7:] or name for name in found]

    def read(self, folder: str, ending: str) -> bytes:
        (found,) = (self.root / "RJZ" / folder).glob(f"*{ending}")
        return found.read_bytes()

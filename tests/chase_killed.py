"""A worker that kills itself at its n-th write: -m tests.chase_killed URL FOLDER WHEN N NOW."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from service.app import chasing
from service.delivery.directory import Directory
from service.model import Instant
from service.store import Store
from service.store.database import Work
from service.store.opening import database


class Dying:
    """A database whose user is killed before or after its n-th write."""

    def __init__(self, url: str, when: str, n: int) -> None:
        self._behind, self._when, self._left = database(url), when, n

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def write(self, work: Work[Any]) -> Any:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return self._behind.write(work)
        finally:
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, folder: str, when: str, n: str, now: str) -> None:
    moment = datetime.fromisoformat(now)
    store = Store(Dying(url, when, int(n)), lambda: Instant.of(moment))
    with store:
        chasing(store, Directory.load(Path(folder)), lambda: moment).turn()


if __name__ == "__main__":
    main(*sys.argv[1:])

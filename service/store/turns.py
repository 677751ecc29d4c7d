"""Who writes when: threads line up, and the first in the line writes for those behind it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from service.errors import Unavailable
from service.store.database import T, Work

MOST = 32  # pieces of work in one transaction: bounds how long the first waits for the last


class Turn:
    """One thread's work, and how it went."""

    __slots__ = ("durable", "error", "leads", "result", "wake", "work")

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.durable = False
        self.leads = False
        self.wake = threading.Lock()
        self.wake.acquire()


class WriteQueue:
    """`write_all` is given a function that takes the turns to serve out of the line.

    First come, first served. It sets `durable` and `result`, or `error`, of all that it takes.
    """

    def __init__(self, write_all: Callable[[Callable[[], list[Turn]]], None]) -> None:
        self._write_all = write_all
        self._mutex = threading.Lock()
        self._line: deque[Turn] = deque()
        self._led = False

    def run(self, work: Work[T]) -> T:
        """Return what `work` returns, or raise what it raises, once its turn is over."""
        turn = Turn(work)
        if not self._join(turn):
            turn.wake.acquire()
        if turn.leads:
            self._lead(turn)
        if turn.error is not None:
            raise turn.error
        if not turn.durable:
            raise Unavailable("the database did not confirm the write")
        return cast(T, turn.result)

    def _join(self, turn: Turn) -> bool:
        """Line up; True if nobody leads, and so this one does."""
        with self._mutex:
            self._line.append(turn)
            turn.leads, self._led = not self._led, True
            return turn.leads

    def _lead(self, leader: Turn) -> None:
        served: list[Turn] = []

        def turns() -> list[Turn]:
            with self._mutex:
                served.extend(self._line.popleft() for _ in range(min(MOST, len(self._line))))
            return served

        try:
            self._write_all(turns)
        finally:
            self._hand_over(leader)
            for turn in served:
                if turn is not leader:
                    turn.wake.release()

    def _hand_over(self, leader: Turn) -> None:
        """Let the next in the line lead, before those who were served come back."""
        with self._mutex:
            if self._line and self._line[0] is leader:  # it was interrupted before it began
                self._line.popleft()
            if self._line:
                self._line[0].leads = True
                self._line[0].wake.release()
            else:
                self._led = False

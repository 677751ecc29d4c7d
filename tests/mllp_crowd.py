"""A crowd of senders that behave badly, and what each of them must see all the same.

Its own framing, not the service's: what one side gets wrong, the other must not get wrong too.
"""

from __future__ import annotations

import random
import re
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.hl7v2_letters import NHS_NUMBER, a03

_ACK = re.compile(rb"\x0bMSH[^\x1c]*\rMSA\|(\w\w)\|([^|\r]*)[^\x1c]*\x1c\r")
_WEIGHTS = range(10, 1, -1)  # of the first nine digits of an NHS number


def nhs_number(number: int) -> str:
    """A number of the range for tests with a right check digit; each `number` has its own."""
    for digits in range(999_000_000 + number * 2, 999_000_000 + number * 2 + 2):
        check = 11 - sum(int(d) * w for d, w in zip(str(digits), _WEIGHTS, strict=True)) % 11
        if check != 10:
            return f"{digits}{check % 11}"
    return nhs_number(number + 400_000)


def discharge(number: int) -> bytes:
    """A discharge of a patient and a stay of their own."""
    own = {NHS_NUMBER: nhs_number(number), "K778899": f"K{number:06}", "V12345678": f"V{number:06}"}
    message = a03(control_id=f"C{number:06}")
    for shared, mine in own.items():
        message = message.replace(shared.encode(), mine.encode())
    return message


@dataclass
class Told:
    """What the crowd was told, and what it did to be told so."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # MSH-10 → MSA-1
    sent: int = 0  # frames, with those sent again
    disconnects: int = 0
    unstored: list[str] = field(default_factory=list)  # acknowledged before it was stored


class BadSender:
    """Sends its messages in order, cut and joined at random, and breaks off at random."""

    def __init__(
        self,
        port: int,
        numbers: Sequence[int],
        seed: int,
        is_stored: Callable[[str], bool],
        breaks: float,  # probability of a disconnect with each lot that is sent
    ) -> None:
        self._port, self._waiting = port, list(numbers)
        self._random = random.Random(seed)
        self._is_stored, self._breaks = is_stored, breaks
        self.told = Told()

    def run(self, until: float) -> Told:
        """Send until everything is acknowledged, or `until` (monotonic) has come."""
        while self._waiting and time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=60) as wire:
                    self._converse(wire)
            except OSError:  # refused while the listener starts again, or reset
                time.sleep(0.05)
        return self.told

    def _converse(self, wire: socket.socket) -> None:
        while self._waiting:
            lot = self._waiting[: self._random.randint(1, 6)]
            stream = b"".join(b"\x0b" + discharge(n) + b"\x1c\r" for n in lot)
            self.told.sent += len(lot)
            if self._random.random() < self._breaks:
                self._break_off(wire, stream)
                return
            self._send(wire, stream)
            if not self._hear(wire, lot):
                return

    def _send(self, wire: socket.socket, stream: bytes) -> None:
        at = 0
        while at < len(stream):
            size = self._random.choice((1, 7, 100, 1000, 5000, len(stream)))
            wire.sendall(stream[at : at + size])
            at += size
            if self._random.random() < 0.05:
                time.sleep(0.002)

    def _break_off(self, wire: socket.socket, stream: bytes) -> None:
        """Leave within a frame, or after it without waiting for the answer; kindly or not."""
        self.told.disconnects += 1
        cut = self._random.randint(1, len(stream)) if self._random.random() < 0.7 else len(stream)
        self._send(wire, stream[:cut])
        if self._random.random() < 0.5:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST

    def _hear(self, wire: socket.socket, lot: Sequence[int]) -> bool:
        """Read one answer for each message, in order; False if the listener left."""
        heard = b""
        for number in lot:
            while not (answer := _ACK.match(heard)):
                if not (chunk := wire.recv(65536)):
                    return False
                heard += chunk
            heard = heard[answer.end() :]
            code, control_id = answer[1].decode(), answer[2].decode()
            assert control_id == f"C{number:06}", "an answer out of order"
            self.told.acknowledged[control_id] = code
            if not self._is_stored(control_id):
                self.told.unstored.append(control_id)
            self._waiting.remove(number)
        assert not heard, "more answers than messages"
        return True


def crowd(
    port: int,
    messages: int,
    *,
    connections: int = 20,
    seconds: float = 100,
    breaks: float = 0.1,
    is_stored: Callable[[str], bool] = lambda _: True,
) -> Told:
    """Let so many senders at once send so many messages; return what they were told."""
    senders = [
        BadSender(port, range(first, messages, connections), first, is_stored, breaks)
        for first in range(connections)
    ]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(connections) as threads:
        parts = list(threads.map(lambda sender: sender.run(until), senders))
    whole = Told()
    for part in parts:
        whole.acknowledged |= part.acknowledged
        whole.unstored += part.unstored
        whole.sent += part.sent
        whole.disconnects += part.disconnects
    return whole

"""What a sender may rely on over one connection, and how long it is waited for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from service.app import Relay, take_in
from service.errors import Unavailable
from service.mllp import Intake
from service.model import OdsCode
from service.store import Answer
from tests.hl7v2_letters import a03
from tests.mllp_wire import Listen, all_heard, heard, intake_of, quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.mllp_fixtures"]

VT, END = b"\x0b", b"\x1c\r"
ONE = VT + a03() + END


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    with quick_relay(sqlite_url) as relay:
        yield relay


@dataclass
class SlowIntake:
    """Takes messages in when it is let, or when the database is back."""

    relay: Relay
    may: threading.Event = field(default_factory=threading.Event)
    away: int = 0  # so many more times the database cannot be reached
    asked: int = 0

    def take(self, sender: OdsCode, media_type: str, body: bytes) -> tuple[Answer, ...]:
        self.asked += 1
        if self.away:
            self.away -= 1
            raise Unavailable
        assert self.may.wait(30)
        return take_in(self.relay, sender, media_type, body)

    def intake(self) -> Intake:
        return Intake(take_in=self.take, keep_part=intake_of(self.relay).keep_part)


def numbered(number: int, event: str = "A03") -> bytes:
    return VT + a03(control_id=f"K{number}", event=event) + END


def test_pipelined_messages_are_answered_in_their_order(listen: Listen) -> None:
    with listen().connected() as wire:
        wire.sendall(b"".join(numbered(n, "P03" if n % 3 == 0 else "A03") for n in range(9)))
        told = heard(wire, 9)

    assert told == [("AR" if n % 3 == 0 else "AA", f"K{n}") for n in range(9)]


def test_a_sender_that_has_ended_its_side_still_gets_its_answer(listen: Listen) -> None:
    with listen().connected() as wire:
        wire.sendall(ONE)
        wire.shutdown(socket.SHUT_WR)
        told = all_heard(wire)

    assert told == [("AA", "K0001")]


def test_the_same_message_again_gets_the_same_answer_and_changes_nothing(
    listen: Listen, relay: Relay
) -> None:
    with listen().connected() as wire:
        wire.sendall(ONE + ONE)
        told = heard(wire, 2)

    assert told == [("AA", "K0001")] * 2
    assert len(Team.of(relay, "G99901").feed()) == 1


@pytest.mark.parametrize(
    ("modes", "event", "answers"),
    [
        ("AL|NE", "A03", [("CA", "K0001")]),
        ("AL|AL", "A03", [("CA", "K0001")]),
        ("AL|NE", "P03", [("CR", "K0001")]),
        ("NE|AL", "A03", [("AA", "K0001")]),
        ("ER|NE", "A03", []),
        ("ER|NE", "P03", [("CR", "K0001")]),
        ("NE|NE", "A03", []),
    ],
)
def test_enhanced_mode_has_one_answer_or_none_as_it_asks(
    listen: Listen,
    relay: Relay,
    modes: str,
    event: str,
    answers: list[tuple[str, str]],
) -> None:
    asked = f"|P|2.4|||{modes}|GBR".encode()
    enhanced = a03(event=event).replace(b"|P|2.4|||||GBR", asked)

    with listen().connected() as wire:
        wire.sendall(VT + enhanced + END)
        wire.shutdown(socket.SHUT_WR)
        told = all_heard(wire)

    assert told == answers
    assert len(Team.of(relay, "G99901").feed()) == (event == "A03")


def test_the_sender_is_whose_port_it_is_and_another_claim_is_told(
    listen: Listen, relay: Relay
) -> None:
    with listen().connected() as wire:
        wire.sendall(ONE.replace(b"|EPIC|RJZ|", b"|EPIC|RN7|"))
        told = heard(wire)

    assert told == [("AA", "K0001")]
    (communication,) = Team.of(relay, "G99901").feed()
    assert communication["sender"]["identifier"]["value"] == "RJZ"
    assert any("RN7" in note["text"] or "sender" in note["text"] for note in communication["note"])


SLOW = {
    "a frame drop by drop": (VT + a03()[:50], {"frame": 0.3}, "a frame was not completed in time"),
    "a frame that stops": (VT, {"frame": 0.3}, "a frame was not completed in time"),
    "nothing at all": (b"", {"idle": 0.3}, "nothing came for too long"),
}


@pytest.mark.parametrize(("sent", "patience", "why"), SLOW.values(), ids=SLOW)
def test_a_sender_that_is_too_slow_is_left_without_an_answer(
    listen: Listen, sent: bytes, patience: dict[str, float], why: str
) -> None:
    with capture_logs() as logged, listen(**patience).connected() as wire:
        began = time.monotonic()
        for byte in sent:
            wire.sendall(bytes([byte]))
            time.sleep(0.005)
        told = all_heard(wire)
        took = time.monotonic() - began

    assert told == []
    assert 0.2 < took < 3
    assert [line["fault"] for line in logged if "fault" in line] == [why]


def test_a_slow_sender_keeps_nobody_else_waiting(listen: Listen) -> None:
    wire = listen()
    with wire.connected() as slow, wire.connected() as quick:
        slow.sendall(VT + a03()[:100])
        quick.sendall(ONE)
        assert heard(quick) == [("AA", "K0001")]


def test_a_silent_connection_makes_place_only_when_it_was_silent_for_long(
    listen: Listen,
) -> None:
    wire = listen(connections=2, quiet=0.3)
    with wire.connected() as first, wire.connected() as second:
        for one in (first, second):
            one.sendall(ONE)
            assert heard(one) == [("AA", "K0001")]
        with wire.connected() as third:
            refused = third.recv(1)
        time.sleep(0.4)
        second.sendall(ONE)
        assert heard(second) == [("AA", "K0001")]
        with wire.connected() as fourth:
            fourth.sendall(ONE)
            assert heard(fourth) == [("AA", "K0001")]
            assert first.recv(1) == b""

    assert refused == b""


def test_a_database_that_is_away_for_a_moment_delays_the_answer(
    listen: Listen, relay: Relay
) -> None:
    slow = SlowIntake(relay, away=2)
    slow.may.set()

    with listen(slow.intake()).connected() as wire:
        wire.sendall(ONE)
        told = heard(wire)

    assert told == [("AA", "K0001")]
    assert slow.asked == 3


def test_while_the_database_is_away_nothing_is_answered_so_that_it_is_sent_again(
    listen: Listen, relay: Relay
) -> None:
    slow = SlowIntake(relay, away=1_000)
    listener = listen(slow.intake(), store=0.5)

    with listener.connected() as wire:
        wire.sendall(ONE + numbered(2))
        told = all_heard(wire)
    slow.away = 0
    slow.may.set()
    with listener.connected() as wire:
        wire.sendall(ONE + numbered(2))
        again = heard(wire, 2)

    assert told == []
    assert again == [("AA", "K0001"), ("AA", "K2")]
    assert len(Team.of(relay, "G99901").feed()) == 2


def test_told_to_stop_it_answers_what_it_has_and_what_is_on_its_way_then_closes(
    listen: Listen, relay: Relay
) -> None:
    slow = SlowIntake(relay)
    listener = listen(slow.intake())
    with listener.connected() as busy, listener.connected() as late, listener.connected() as idle:
        busy.sendall(ONE + numbered(9))  # the second is not begun any more
        late.sendall(numbered(2)[:-300])
        time.sleep(0.3)
        listener.stop()
        time.sleep(0.3)
        assert idle.recv(1) == b""
        slow.may.set()
        late.sendall(numbered(2)[-300:])
        told = all_heard(busy), all_heard(late)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", listener.port), timeout=5)

    assert told == ([("AA", "K0001")], [("AA", "K2")])


def test_a_sender_that_leaves_before_its_answer_finds_its_message_taken_in(
    listen: Listen, relay: Relay
) -> None:
    slow = SlowIntake(relay)
    listener = listen(slow.intake())
    with listener.connected() as wire:
        wire.sendall(ONE)
        time.sleep(0.2)
    slow.may.set()
    with listener.connected() as wire:
        wire.sendall(ONE)
        told = heard(wire)

    assert told == [("AA", "K0001")]
    assert len(Team.of(relay, "G99901").feed()) == 1

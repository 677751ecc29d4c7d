"""What is a frame and what is none, over a real connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import Relay
from service.mllp.frames import Deframer, Frame, Piece
from tests.hl7v2_letters import a03
from tests.mllp_wire import Listen, all_heard, heard, quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.mllp_fixtures"]

ONE, TWO = a03(), a03(control_id="K0002")
AA = [("AA", "K0001")]
BOTH = [*AA, ("AA", "K0002")]
VT, END = b"\x0b", b"\x1c\r"
WITH_VT = a03(more=("NTE|1||first line\x0bsecond line",))

READ = {
    "one frame": ([VT + ONE + END], AA),
    "two frames at once": ([VT + ONE + END + VT + TWO + END], BOTH),
    "every byte by itself": ([bytes([b]) for b in VT + ONE + END], AA),
    "cut within the end": ([VT + ONE + b"\x1c", b"\r" + VT + TWO + END], BOTH),
    "NULs between frames": ([b"\0\0" + VT + ONE + END + b"\0\0\0" + VT + TWO + END], BOTH),
    "LF behind each frame": ([VT + ONE + END + b"\n", VT + TWO + END + b"\n"], BOTH),
    "a byte order mark before": ([b"\xef\xbb\xbf" + VT + ONE + END], AA),
    "a byte order mark in two parts": ([b"\xef", b"\xbb\xbf" + VT + ONE + END], AA),
    "a byte order mark within": ([VT + b"\xef\xbb\xbf" + ONE + END], AA),
    "FS LF as the end": ([VT + ONE + b"\x1c\n" + VT + TWO + b"\x1c\n"], BOTH),
    "FS and at once the next": ([VT + ONE + b"\x1c" + VT + TWO + END], BOTH),
    "FS and silence": ([VT + ONE + b"\x1c"], AA),
    "two VTs": ([VT + VT + ONE + END], AA),
    "a VT in a text": ([VT + WITH_VT + END], AA),
    "lines ended by LF": ([VT + ONE.replace(b"\r", b"\n") + END], AA),
    "a batch in one frame": ([VT + b"BHS|^~\\&|EPIC|RJZ\r" + ONE + TWO + b"BTS|2\r" + END], BOTH),
}


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    """Framing is the same whatever the database is."""
    with quick_relay(sqlite_url) as relay:
        yield relay


@pytest.mark.parametrize(("chunks", "answers"), READ.values(), ids=READ)
def test_frames_are_found_however_they_arrive(
    listen: Listen, relay: Relay, chunks: list[bytes], answers: list[tuple[str, str]]
) -> None:
    with listen(silence=0.1).connected() as wire:
        for chunk in chunks:
            wire.sendall(chunk)
            time.sleep(0.02 if len(chunks) < 5 else 0)
        told = heard(wire, len(answers))

    assert told == answers
    assert len(Team.of(relay, "G99901").feed()) == len(answers)
    assert relay.store.dead_letters.list() == []


REFUSED = {
    "a message without a frame": (ONE, [("AR", "K0001")], ONE),
    "an HTTP request": (b"GET / HTTP/1.1\r\n\r\n", [("AR", "")], b"GET / HTTP/1.1\r\n\r\n"),
    "text behind a frame": (VT + ONE + END + b"and more", [*AA, ("AR", "")], b"and more"),
    "text before a frame": (b"text" + VT + ONE + END, [("AR", "")], b"text"),
}


@pytest.mark.parametrize(("sent", "answers", "kept"), REFUSED.values(), ids=REFUSED)
def test_bytes_outside_frames_are_kept_answered_and_end_the_connection(
    listen: Listen, relay: Relay, sent: bytes, answers: list[tuple[str, str]], kept: bytes
) -> None:
    with listen().connected() as wire:
        wire.sendall(sent)
        told = all_heard(wire)

    assert told == answers
    (letter,) = relay.store.dead_letters.list()
    whole = relay.store.dead_letters.get(letter.id)
    assert whole is not None
    assert (whole.sender, whole.body) == ("RJZ", kept)


def test_a_frame_that_was_begun_again_is_refused_and_the_second_one_taken(
    listen: Listen, relay: Relay
) -> None:
    with listen().connected() as wire:
        wire.sendall(VT + ONE[:200] + VT + TWO + END)
        told = heard(wire, 2)

    assert told == [("AR", "K0001"), ("AA", "K0002")]
    (letter,) = relay.store.dead_letters.list()
    assert letter.size == 200


def test_a_frame_of_nothing_but_beginnings_is_refused_once(listen: Listen, relay: Relay) -> None:
    with listen().connected() as wire:
        wire.sendall((VT + b"MSH|^~\\&|A") * 5_000 + END + VT + TWO + END)
        told = heard(wire, 2)

    assert [code for code, _ in told] == ["AR", "AA"]
    assert len(relay.store.dead_letters.list()) == 1


def test_half_a_message_is_never_replayed_as_a_whole_one(listen: Listen, relay: Relay) -> None:
    from service.app import replay
    from service.errors import UnreadableMessage

    with listen().connected() as wire:
        wire.sendall(ONE)  # unframed, so that nobody knows whether that is all of it
        all_heard(wire)
    (letter,) = relay.store.dead_letters.list()
    whole = relay.store.dead_letters.get(letter.id)
    assert whole is not None

    with pytest.raises(UnreadableMessage, match="Only a part"):
        replay(relay, whole)

    assert Team.of(relay, "G99901").feed() == []


UNREADABLE = {
    "no message": (b"hello", ("AE", "")),
    "an empty frame": (b"", ("AE", "")),
    "MSH alone": (b"MSH|^~\\&|EPIC|RJZ|||20261120||ADT^A03|K7|P|2.4", ("AE", "K7")),
    "separators that are wrong": (ONE.replace(b"|^~\\&|", b"|^^^^|"), ("AE", "K0001")),
}


@pytest.mark.parametrize(("content", "answer"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_frame_that_cannot_be_read_is_kept_and_answered_with_what_can_be_read_of_msh_10(
    listen: Listen, relay: Relay, content: bytes, answer: tuple[str, str]
) -> None:
    with listen().connected() as wire:
        wire.sendall(VT + content + END + VT + TWO + END)
        told = heard(wire, 2)

    assert told == [answer, ("AA", "K0002")]
    assert len(relay.store.dead_letters.list()) == 1


def test_a_frame_that_is_too_long_is_refused_and_the_connection_goes_on(
    listen: Listen, relay: Relay
) -> None:
    long = a03(more=("OBX|1|TX|||" + "x" * 50_000,))

    with listen(limit=20_000).connected() as wire:
        wire.sendall(VT + long + END + VT + TWO + END)
        told = heard(wire, 2)

    assert told == [("AR", "K0001"), ("AA", "K0002")]
    (letter,) = relay.store.dead_letters.list()
    assert letter.size == 4_000
    assert letter.issues[0].code == "too-long"


PARTS = st.lists(
    st.sampled_from([VT, b"\x1c", b"\r", b"\n", b"\0", b"MSH|", b"x", b"\xef\xbb\xbf", END]),
    max_size=30,
)


@given(parts=PARTS, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_where_the_bytes_are_cut_changes_nothing(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    at = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[a:b] for a, b in pairwise(at)]

    assert frames([stream]) == frames(chunks)


def frames(chunks: list[bytes]) -> list[Piece]:
    """The frames of a stream, up to what is astray."""
    deframer = Deframer(40)
    found: list[Piece] = []
    for chunk in chunks:
        for piece in deframer.feed(chunk):
            if type(piece).__name__ == "Astray":
                return found
            if isinstance(piece, Frame):
                found.append(piece)
    return found

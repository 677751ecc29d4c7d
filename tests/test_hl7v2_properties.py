"""Whatever is built from parts is read back the same, and whatever is no message is refused."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hl7v2_fixtures import MSH, PID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.errors import Issue, UnreadableMessage
from service.formats.hl7v2 import FORMAT, Hl7Message, acknowledge, acknowledgements_due
from service.formats.hl7v2.separators import declared, escape
from service.formats.source import SourceMessage

NOW = datetime(2025, 3, 14, tzinfo=UTC)
SIGNS = st.sampled_from(["|^~\\&", "|^~\\&#", "$%*^#", "!;:?@"])
NAMES = st.from_regex(r"[A-Y][A-Z0-9]{2}", fullmatch=True).filter(
    lambda name: name not in {"MSH", "FHS", "BHS", "BTS", "FTS", "DSC", "NTE", "OBX"}
)
TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\n"), max_size=12
).filter(lambda text: text != '""' and text == text.strip(" "))
PART = st.lists(TEXT, min_size=1, max_size=3)  # subcomponents
REPETITION = st.lists(PART, min_size=1, max_size=3)  # components
FIELD = st.lists(REPETITION, min_size=1, max_size=3)  # repetitions
SEGMENT = st.tuples(NAMES, st.lists(FIELD, max_size=4))


def written(signs: str, segments: list[tuple[str, list[list[list[list[str]]]]]], end: str) -> bytes:
    separators = declared(signs[0], signs[1:])
    lines = [header_of(signs)]
    for name, fields in segments:
        texts = [
            separators.repetition.join(
                separators.component.join(
                    separators.subcomponent.join(escape(text, separators) for text in part)
                    for part in repetition
                )
                for repetition in field
            )
            for field in fields
        ]
        lines.append(separators.field.join([name, *texts, "x"]))
    return (end.join(lines) + end).encode()


def header_of(signs: str) -> str:
    separators = declared(signs[0], signs[1:])
    fields = MSH.split("|")[2:]
    fields[6] = separators.component.join(("ADT", "A03"))
    return separators.field.join(["MSH", signs[1:], *fields])


@settings(max_examples=300, deadline=None)
@given(SIGNS, st.lists(SEGMENT, max_size=5), st.sampled_from(["\r", "\n", "\r\n"]))
def test_a_message_built_from_parts_is_read_back_the_same(signs, segments, end):
    content = written(signs, segments, end)
    (message,) = FORMAT.read(content)
    assert isinstance(message, Hl7Message)

    assert [segment.name for segment in message.segments[1:]] == [name for name, _ in segments]
    for segment, (_, fields) in zip(message.segments[1:], segments, strict=True):
        for number, field in enumerate(fields, 1):
            assert_field(segment, number, field)
        assert segment.first(len(fields) + 1) == "x"


def assert_field(segment: object, number: int, field: list[list[list[str]]]) -> None:
    for r, repetition in enumerate(field, 1):
        for c, parts in enumerate(repetition, 1):
            for s, text in enumerate(parts, 1):
                path = FORMAT.compile_path(f"-{number}[{r}].{c}.{s}")
                assert list(path.values(segment)) == ([text] if text else [])


@settings(max_examples=200, deadline=None)
@given(SIGNS, st.lists(SEGMENT, max_size=5))
def test_every_leaf_is_a_path_to_one_value_and_no_value_is_left_out(signs, segments):
    (message,) = FORMAT.read(written(signs, segments, "\r"))
    leaves = list(message.leaves())

    assert len(set(leaves)) == len(leaves)
    for leaf in leaves:
        path = FORMAT.compile_path(leaf)
        assert list(path.places(message)) == [leaf]
        assert len(path.values(message)) == 1
    texts = [t for _, fs in segments for f in fs for r in f for c in r for t in c if t]
    assert len(leaves) == 10 + len(texts) + len(segments)  # MSH has ten values, each segment its x


def survives(content: bytes) -> None:
    """Read it or refuse it, quickly; and answer it, read or not."""
    began = time.process_time()
    messages: tuple[SourceMessage, ...] = ()
    issues: tuple[Issue, ...] = ()
    try:
        messages = FORMAT.read(content)
    except UnreadableMessage as refused:
        issues = refused.issues
    assert bool(messages) != bool(issues)
    assert all(issue.text and issue.source for issue in issues)
    for received in (content, *messages):
        assert isinstance(received, bytes | Hl7Message)
        acknowledgements_due(received, "AE")
        sent = acknowledge(received, "AE", "refused", now=NOW, control_id="1")
        assert b"\x1c\r" not in sent
        FORMAT.read(sent)
    for message in messages:
        assert all(FORMAT.compile_path(leaf).values(message) for leaf in message.leaves())
    assert time.process_time() - began < 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
@example(b"MSH|^~\\&|" + b"|" * 40)
@example(b"\xff\xfeM\0S\0H\0|\0")
def test_random_bytes_are_read_or_refused(content):
    survives(content)


PIECES = [
    b"MSH|^~\\&|", b"MSH", MSH.encode(), PID.encode(), b"\r", b"\n", b"\r\n", b"|", b"^", b"~",
    b"&", b"\\", b'""', b"\\X41\\", b"\\.br\\", b"\x0b", b"\x1c\r", b"\0", b"\xff", b"\xc3\xa9",
    b"\xef\xbb\xbf", b"OBX|1|TX|||", b"BHS|", b"BTS|2", b"NTE", b" & ", b"8859/1", b"DSC|1", b" ",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_pieces_of_messages_in_any_order_are_read_or_refused(content):
    survives(content)
    survives(MSH.encode() + b"\r" + content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_message_with_bytes_changed_is_read_or_refused(data):
    content = bytearray(f"{MSH}\r{PID}\rOBX|1|TX|A||a\\.br\\b\r".encode())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    survives(bytes(content))
    survives(bytes(content).decode("latin-1").encode("utf-16"))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("PIDOBX0123456789-.[]()='\"!,+ inandorot\r\u0663"), max_size=30))
def test_a_path_is_compiled_or_refused_with_a_reason(text):
    path = None
    with suppress(ValueError):
        path = FORMAT.compile_path(text)
    if path is None:
        with pytest.raises(ValueError, match="is no HL7 v2 path"):
            FORMAT.compile_path(text)
        return
    (message,) = FORMAT.read(f"{MSH}\r{PID}\r".encode())
    for node in (message, *FORMAT.compile_path("PID").nodes(message)):
        assert len(path.values(node)) == len(path.places(node))


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"\r" * 20_000_000,
        b"\n" * 20_000_000,
        b"ABC|\r" * 4_000_000,
        b"PV1\r" * 5_000_000,
        b"ABC|" + b"~" * 20_000_000,
        b"ABC|" + b"|" * 20_000_000,
        b"ABC|" + b"&" * 20_000_000,
        b"NTE|||" + b"\\" * 20_000_000,
        b"NTE|||" + b"\\X" * 10_000_000,
        b"NTE|||" + b"\\X41" * 5_000_000,
        b"NTE|||" + b"A" * 20_000_000 + b"\r\n\r" * 100,
        b"x\r" * 10_000_000,
        b"x" * 20_000_000,
        b" & " * 6_000_000,
        b"\rMSH" * 5_000_000,
        (MSH.encode() + b"\r") * 200_000,
        b"MSH|^~\\&|\r" * 2_000_000,
        b"\0" * 20_000_000,
        b"\\rPID" * 4_000_000,
        b"\xe9" * 20_000_000,
    ],
    ids=range(20),
)
def test_a_hostile_20_megabytes_take_less_than_two_seconds(content):
    """In processor time; the paths are asked too, because fields are read when they are asked."""
    path = FORMAT.compile_path("NTE-3")
    for body in (MSH.encode() + b"\r" + content, MSH.encode() + content, content):
        began = time.process_time()
        with suppress(UnreadableMessage):
            for message in FORMAT.read(body):
                path.values(message)
        acknowledge(body, "AE", now=NOW, control_id="1")
        assert time.process_time() - began < 2

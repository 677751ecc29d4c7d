"""HL7 v2 messages for the tests, and short ways to ask them."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import Issue, UnreadableMessage
from service.formats.hl7v2 import FORMAT, Hl7Message

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
MSH = "MSH|^~\\&|PAS|RJZ|RELAY|RLY|20250314170500||ADT^A03^ADT_A03|1001|P|2.4"
PID = "PID|1||9990123454^^^NHS^NH~X123^^^RJZ^MR||TESTPATIENT^ADA^M||19520304|F"


def body(*segments: str, end: str = "\r", charset: str = "utf-8") -> bytes:
    return "".join(segment + end for segment in segments).encode(charset)


def read(*segments: str, header: str = MSH, end: str = "\r") -> Hl7Message:
    (message,) = FORMAT.read(body(header, *segments, end=end))
    assert isinstance(message, Hl7Message)
    return message


def values(message: Hl7Message, path: str) -> list[str]:
    return list(FORMAT.compile_path(path).values(message))


def value(message: Hl7Message, path: str) -> str:
    (only,) = values(message, path)
    return only


def names(message: Hl7Message) -> list[str]:
    return [segment.name for segment in message.segments]


def refusal(content: bytes) -> tuple[Issue, ...]:
    """What a body is refused for; the test fails where it is read."""
    with pytest.raises(UnreadableMessage) as refused:
        FORMAT.read(content)
    return refused.value.issues


def corpus(folder: str) -> list[Path]:
    return sorted(path for path in (SHARED / folder).glob("*") if path.is_file())

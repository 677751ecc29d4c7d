"""Parts a body into messages: byte order marks, MLLP frames, padding and batches fall away here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.errors import Issue, UnreadableMessage
from service.formats.hl7v2.charset import Codec, marked, strictly
from service.formats.hl7v2.repair import QUOTED, unwrapped

_BEFORE: Final = b" \t\r\n\x0b\x0c"  # may stand before MSH: space, the frame's VT
_AFTER: Final = b"\r\n\x1a\x1c\0"  # may stand behind the last segment: the frame's FS, padding
_MARK: Final = b"\xef\xbb\xbf"
_HEADER: Final = re.compile(rb"MSH([^\w\s])[^\w\s]{2,5}\1")
_LINE_ENDS: Final = frozenset(b"\r\n\x0b\x1c\0")
_ENVELOPE: Final = re.compile(rb"(?:(?:FHS|BHS)[^\r\n]*[\r\n\x0b\x1c\0]+)+")
_TRAILER: Final = re.compile(rb"[\r\n]BTS(?:([^\w\s])(\d{0,9}))?(?=[^\w]|$)")
_FILE_END: Final = re.compile(rb"[\r\n]FTS(?:([^\w\s])(\d{0,9}))?(?=[^\w]|$)")
_BATCH: Final = re.compile(rb"[\r\n]BHS[^\w\s]")
_MOST_MESSAGES: Final = 10_000  # in one body
_QUOTED: Final = re.compile(rb"""[\s{[]*["']""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Framed:
    """The messages of one body, each from its MSH on."""

    messages: tuple[bytes, ...]
    certain: Codec | None = None  # how to read these bytes, where they tell it themselves
    sent: Codec | None = None  # how they were before: UTF-16 comes here as UTF-8
    doubts: Mapping[int, tuple[Issue, ...]] = field(default_factory=dict)  # by number from 1

    def raw(self, message: bytes) -> bytes:
        """Return one of `messages` so that, alone, it is read as it is here."""
        return _MARK + message if self.certain else message


def matches(body: bytes) -> bool:
    """Whether `body` begins like HL7 v2: MSH or a batch header, behind what framing may put there.

    Quotation marks before it count as well, so that a quoted message is refused with a reason.
    """
    start, codec = marked(body[:64].lstrip(_BEFORE))
    while start.startswith(_MARK):  # files that were put together
        start = start[len(_MARK) :]
    if codec in {"utf-16-le", "utf-16-be"}:
        start = start.replace(b"\0", b"")
    start = start.lstrip(_BEFORE + b"\0\"'")
    return start[:3] in {b"MSH", b"FHS", b"BHS"} and not start[3:4].isalnum()


def part(body: bytes) -> Framed:
    """Return the messages in `body`. Raises UnreadableMessage where it does not begin as one."""
    content, certain = marked(body.lstrip(_BEFORE))
    sent = certain
    if certain in {"utf-16-le", "utf-16-be"}:
        content, certain = strictly(content, certain).lstrip("\ufeff").encode(), "utf-8"
    content = content.lstrip(_BEFORE + b"\0").rstrip(_AFTER)
    if _MARK + b"MSH" in content:
        content = content.replace(_MARK + b"MSH", b"MSH")
    content, repairs = unwrapped(content)
    if repairs and not content.isascii() and repairs[0].text == QUOTED:
        certain = sent = "utf-8"  # what JSON is written in
    content = content.lstrip(_BEFORE).rstrip(_AFTER) if repairs else content
    starts = _starts(content)
    ends = [*starts[1:], len(content)]
    messages = tuple(
        content[start:end].rstrip(_AFTER + b"\x0b") if len(starts) > 1 else content[start:]
        for start, end in zip(starts, ends, strict=True)
    )
    doubts = _counted(content, starts) if starts[0] else {}
    doubts |= {1: (*repairs, *doubts.get(1, ()))} if repairs else {}
    return Framed(messages=messages, certain=certain, sent=sent, doubts=doubts)


def _starts(content: bytes) -> list[int]:
    """Return where each message begins. Raises UnreadableMessage unless the first line is right."""
    envelope = _ENVELOPE.match(content)
    first = envelope.end() if envelope else 0
    if content[first : first + 3] != b"MSH":
        raise _unreadable(content)
    starts = [first]
    if content.find(b"MSH", first + 3) < 0:
        return starts
    for match in _HEADER.finditer(content, first + 3):
        if content[match.start() - 1] in _LINE_ENDS:
            starts.append(match.start())
        if len(starts) > _MOST_MESSAGES:
            raise _refusal(f"there are more than {_MOST_MESSAGES} messages", "too-costly")
    return starts


def _counted(content: bytes, starts: list[int]) -> dict[int, tuple[Issue, ...]]:
    """Return what is doubtful about the numbers that a file and its batches announce.

    By the number of the message that it goes with: the last of its batch, or of the file.
    """
    found: dict[int, tuple[Issue, ...]] = {}
    before, last = 0, len(starts)
    trailers = [*_TRAILER.finditer(content)]
    for trailer in trailers:
        number = sum(start < trailer.start() for start in starts)
        if trailer[2] and int(trailer[2]) != number - before:
            found[max(number, 1)] = (_doubt("the batch announces another number (BTS-1)", "BTS-1"),)
        before = number
    ends = _FILE_END.search(content)
    if ends and ends[2] and int(ends[2]) != len(trailers):
        text = "the file announces another number of batches (FTS-1)"
        found[last] = (*found.get(last, ()), _doubt(text, "FTS-1"))
    headers = len(_BATCH.findall(content)) + content.startswith(b"BHS")
    if headers > len(trailers) or (content.startswith(b"FHS") and not ends):
        text = "a batch, or the file, has no end (BTS, FTS): it may have been cut short"
        found[last] = (*found.get(last, ()), _doubt(text, "BTS"))
    return found


def _doubt(text: str, source: str) -> Issue:
    return Issue(severity="warning", code="structure", text=text, source=source)


def _unreadable(content: bytes) -> UnreadableMessage:
    if b"MSH" not in content:
        return _refusal("there is no MSH segment; a message begins with MSH|^~\\&|")
    if _QUOTED.match(content):
        return _refusal("the message is quoted, as in JSON; send it as it left its sender")
    return _refusal("something stands before MSH; a message begins with MSH|^~\\&|")


def _refusal(text: str, code: str = "structure") -> UnreadableMessage:
    issue = Issue(severity="fatal", code=code, text=text, source="line 1")
    return UnreadableMessage(text, [issue])

"""Text to segments: line ends and headers as senders really write them, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from service.errors import Issue, UnreadableMessage
from service.formats.hl7v2 import framing
from service.formats.hl7v2.charset import decode
from service.formats.hl7v2.groups import KNOWN
from service.formats.hl7v2.message import Hl7Message
from service.formats.hl7v2.repair import TEXTS, parted, rejoined, width
from service.formats.hl7v2.segment import Segment, Shared
from service.formats.hl7v2.separators import Separators, declared

MOST_PARTS: Final = 1_000_000  # lines and separators; a real message has some thousands
_MOST_FAULTS: Final = 1_000  # told of one body
_MOST_BROKEN: Final = 20  # lines of one message that are told one by one
_FEW: Final = 100_000  # characters; a shorter message needs no counting
_CHARSET: Final = 17  # where MSH-18 stands when MSH is split at MSH-1
_LONGEST_NUMBER: Final = 9  # digits of a set id that are looked at
_HEADER_MOST: Final = 4_000  # characters of MSH in which another segment is looked for
_REQUIRED: Final = {9: 100, 10: 255}  # message type and control id: most characters
_LINE_END: Final = re.compile(rb"[\r\n]")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_ENVELOPE: Final = frozenset({"FHS", "BHS", "BTS", "FTS"})
_INSIDE_A_LINE: Final = re.compile(r"(?:\\[rn]|\s|)(?:EVN|PID|PV1|RF1|PRD|TXA|SFT)\|")


def read(body: bytes, charset: str | None = None) -> tuple[Hl7Message, ...]:
    """Return the messages in `body`: one, or as many as a batch or a file has.

    charset: the one to read by where MSH-18 is empty. Raises UnreadableMessage with every fault
    of every message.
    """
    framed = framing.part(body)
    messages: list[Hl7Message] = []
    faults: list[Issue] = []
    for number, content in enumerate(framed.messages, 1):
        try:
            raw = framed.raw(content) if len(framed.messages) > 1 else body
            message = _message(content, framed, charset, raw)
            message.issues += framed.doubts.get(number, ())
            messages.append(message)
        except UnreadableMessage as refusal:
            several = len(framed.messages) > 1
            faults += _numbered(refusal.issues, number) if several else refusal.issues
            if len(faults) > _MOST_FAULTS:
                break
    if faults:
        raise UnreadableMessage(faults[0].text, faults)
    return tuple(messages)


def header_charset(content: bytes) -> str:
    """Return MSH-18 as sent; "" where it is empty or absent."""
    end = _LINE_END.search(content)
    fields = content[: end.start() if end else len(content)].split(content[3:4] or b"|")
    return fields[_CHARSET].decode("latin-1").strip() if len(fields) > _CHARSET else ""


def _message(content: bytes, framed: framing.Framed, charset: str | None, raw: bytes) -> Hl7Message:
    declared_charset = header_charset(content)
    decoded = decode(content, declared=declared_charset, default=charset, certain=framed.certain)
    issues = list(decoded.issues)
    lines = _lines(decoded.text, issues)
    separators = _separators(lines[0])
    _refuse_too_many_parts(decoded.text, lines, separators)
    shared = Shared(separators, framed.sent or decoded.codec)
    lines = parted(decoded.text, lines, separators.field, issues)
    segments = _segments(_joined(lines, separators, issues), shared)
    if separators.subcomponent and f" {separators.subcomponent} " in decoded.text:
        issues.append(_unescaped(segments, f" {separators.subcomponent} "))
    issues += _out_of_order(segments)
    message = Hl7Message(segments, issues=tuple(issues), charset_guessed=decoded.guessed, raw=raw)
    _refuse_certain_faults(message)
    return message


def _lines(text: str, issues: list[Issue]) -> list[str]:
    """Split at CR if there is any, else at LF; at both where MSH itself does not end with CR."""
    if "\0" in text:
        text = text.replace("\0", "")
        issues.append(_warning("NUL characters were left out", "line 1"))
    if "\r" not in text:
        return text.split("\n")
    if "\n" in text:
        text = text.replace("\r\n", "\r")
        if "\n" in text[: text.find("\r")]:
            text = text.replace("\n", "\r")
            issues.append(_warning("lines end now with CR, now with LF", "line 1"))
    return text.split("\r")


def _separators(header: str) -> Separators:
    sign = header[3:4]
    end = header.find(sign, 4) if sign else -1
    try:
        return declared(sign, header[4 : end if end > 0 else None])
    except ValueError as error:
        raise UnreadableMessage(str(error), [_fault(str(error), "MSH-2")]) from None


def _refuse_too_many_parts(text: str, lines: list[str], separators: Separators) -> None:
    if len(text) < _FEW:
        return
    signs = (separators.field, separators.component, separators.repetition)
    parts = len(lines) + sum(map(text.count, signs))
    parts += text.count(separators.subcomponent) if separators.subcomponent else 0
    if parts > MOST_PARTS:
        fault = f"there are more than {MOST_PARTS} lines and separators"
        raise UnreadableMessage(fault, [_fault(fault, "line 1", "too-costly")])


def _joined(lines: list[str], separators: Separators, issues: list[Issue]) -> list[str]:
    """Return one text a segment: a line that does not begin like one continues the one before."""
    sign = separators.field
    begun: list[str] = []
    more: dict[int, list[tuple[int, str]]] = {}  # numbered lines that continue a segment
    blank = 0
    for number, line in enumerate(lines, 1):
        if (line[3:4] == sign and _NAME.match(line)) or _is_bare_name(line):
            begun.append(line)
        elif line and not line.isspace():
            parts = more.setdefault(len(begun) - 1, [])
            parts += [*[(0, "")] * blank, (number, line)]
        else:
            blank += 1
            continue
        blank = 0
    issues += _mended(begun, more, separators)
    return begun


def _mended(
    begun: list[str], more: dict[int, list[tuple[int, str]]], separators: Separators
) -> Iterator[Issue]:
    """Put broken segments together in `begun`; yield what was done, with line and field."""
    if not more:
        return
    broken = {at: [begun[at], *(line for _, line in parts)] for at, parts in more.items()}
    wide = bool(width([*broken.values()]))
    breaks = (each for at in broken for each in _breaks(begun, at, more[at], separators.field))
    places = [*islice(breaks, _MOST_BROKEN)]
    every = sum(
        1 if begun[at][:3] in TEXTS else sum(number > 0 for number, _ in parts)
        for at, parts in more.items()
    )
    signs = separators.field + separators.encoding_characters.replace(separators.escape, "")
    for at, lines in broken.items():
        begun[at] = rejoined(lines, signs, wide=wide)
    if wide:
        text = "the lines were broken at one width, inside of fields; they were joined"
        yield _warning(text, places[0])
        return
    for place in places:
        yield _warning("a line that begins no segment continues the field before it", place)
    if every > len(places) == _MOST_BROKEN:
        yield _warning(f"so do {every - _MOST_BROKEN} more lines", places[-1])


def _breaks(begun: list[str], at: int, parts: list[tuple[int, str]], sign: str) -> Iterator[str]:
    """Yield where a segment was broken, e.g. "line 7, PID-5"; once for one that holds a text."""
    name = begun[at][:3]
    same = [n for n, text in enumerate(begun) if text[:3] == name]
    label = f"{name}[{same.index(at) + 1}]" if len(same) > 1 else name
    field = begun[at].count(sign) + (name == "MSH")
    for number, line in parts:
        if number:
            yield f"line {number}, {label}-{field}"
        if number and name in TEXTS:
            return
        field += line.count(sign)


def _is_bare_name(line: str) -> bool:
    """Whether `line` is an empty segment, its name alone, and not a word of three letters."""
    return (line in KNOWN or line[:1] == "Z") and bool(_NAME.fullmatch(line))


def _segments(texts: list[str], shared: Shared) -> list[Segment]:
    counts = shared.counts
    segments: list[Segment] = []
    before: Segment | None = None
    for text in texts:
        name = text[:3]
        if name in _ENVELOPE:
            continue
        ordinal = counts[name] = counts.get(name, 0) + 1
        segment = Segment(name, text, shared, ordinal)
        if before is not None:
            before.next = segment
        segments.append(segment)
        before = segment
    return segments


def _unescaped(segments: list[Segment], spaced: str) -> Issue:
    place = next((segment.label for segment in segments if spaced in segment.text), "")
    text = "an unescaped separator between two spaces is read as text"
    return Issue(severity="information", code="structure", text=text, source=place)


def _out_of_order(segments: list[Segment]) -> Iterator[Issue]:
    """Yield a doubt where observations do not stand in the order of their numbers (OBX-1).

    Behind another segment than a note a group of its own may begin.
    """
    before = 0
    for segment in segments:
        if segment.name != "OBX":
            before = before if segment.name == "NTE" else 0
            continue
        told = segment.text[4 : 4 + _LONGEST_NUMBER].partition(segment.shared.separators.field)[0]
        if not told.isdecimal():  # the field itself is not split for this: a letter may be in it
            continue
        number = int(told)
        if number < before:
            text = "observations are not in the order of their numbers; they are told as they stand"
            yield _warning(text, f"{segment.label}-1")
            return
        before = number


def _refuse_certain_faults(message: Hl7Message) -> None:
    faults = list(_faults(message))
    if faults:
        raise UnreadableMessage(faults[0].text, faults)


def _faults(message: Hl7Message) -> Iterator[Issue]:
    header = message.header
    if len(message.segments) == 1 and _INSIDE_A_LINE.search(header.text, 0, _HEADER_MOST):
        yield _fault("segments are not parted by CR or LF: one begins inside a line", "line 1")
    for field, longest in _REQUIRED.items():
        raw = header.raw(field).strip()
        if raw in {"", '""'} or not header.first(field):
            yield _fault(f"MSH-{field} is absent", f"MSH-{field}", "required")
        elif len(raw) > longest:
            yield _fault(f"MSH-{field} is too long", f"MSH-{field}", "too-long")
    if any(segment.first(1) for segment in message.named.get("DSC", ())):
        yield _fault("the message goes on in another (DSC), which is not supported", "DSC-1")


def _numbered(issues: tuple[Issue, ...], number: int) -> list[Issue]:
    return [replace(issue, source=f"message {number}, {issue.source}") for issue in issues]


def _fault(text: str, source: str, code: str = "structure") -> Issue:
    return Issue(severity="fatal", code=code, text=text, source=source)


def _warning(text: str, source: str) -> Issue:
    return Issue(severity="warning", code="structure", text=text, source=source)

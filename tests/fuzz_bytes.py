"""What may happen to the bytes of any message: for fuzzing, see fuzz_mutations."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

LARGEST = 1024 * 1024  # bytes of a mutated message
Mutation = Callable[[bytes, Random, bytes], bytes]  # a body, chance, another sample

_HUGE = (
    *(b"9" * 400, b"-1", b"1e999999", b"0.0000000000000000000001", b"1" + b"0" * 5000),
    *(b"18446744073709551616", b"00000000000000", b"99999999999999", b"20250230", b"29990101"),
)
_HOSTILE = (
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x0b",
        b"\x1c\r",
        b"\r\n",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
    ),
    *(b'""', b"null", b"NaN", b"<!DOCTYPE x>", b"<![CDATA[", b"&lt;", b"&#x0;", b"&x;", b"]]>"),
    *(
        b"\\X00\\",
        b"\\.br\\",
        b"|",
        b"^~\\&",
        b"{",
        b"[",
        b"}",
        b"\\",
        b"'",
        b"%00",
        b"\xe2\x80\xae",
    ),
)
_CHARSETS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "cp037")


def span(body: bytes, chance: Random, most: int = 400) -> tuple[int, int]:
    """Some part of the body."""
    start = chance.randrange(len(body) + 1)
    return start, min(len(body), start + chance.randrange(1, most))


def flip(body: bytes, chance: Random, _: bytes) -> bytes:
    """Bytes changed."""
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def cut(body: bytes, chance: Random, _: bytes) -> bytes:
    """An end missing, or a beginning, or something in between."""
    start, end = span(body, chance)
    return chance.choice((body[:start], body[start:], body[:start] + body[end:]))


def join(body: bytes, chance: Random, other: bytes) -> bytes:
    """Something of another message behind it, before it or in it."""
    start, end = span(other, chance, len(other) + 2)
    at, part = chance.randrange(len(body) + 1), other[start:end]
    return chance.choice((body + other, other + body, body[:at] + part + body[at:]))


def repeat(body: bytes, chance: Random, _: bytes) -> bytes:
    """A part, or all of it, many times."""
    start, end = chance.choice((span(body, chance), (0, len(body))))
    times = chance.choice((2, 3, 20, 300, 5000))
    return body[:start] + body[start:end] * min(times, LARGEST // (end - start or 1)) + body[end:]


def insert(body: bytes, chance: Random, _: bytes) -> bytes:
    """Signs that mean something to some reader, where they should not be."""
    at = chance.randrange(len(body) + 1)
    return body[:at] + chance.choice(_HOSTILE) * chance.choice((1, 1, 3, 2000)) + body[at:]


def swap(body: bytes, chance: Random, _: bytes) -> bytes:
    """Two halves in the wrong order."""
    at = chance.randrange(len(body) + 1)
    return body[at:] + body[:at]


def encode(body: bytes, chance: Random, _: bytes) -> bytes:
    """Another character set than the one that is said."""
    text = body.decode(chance.choice(("utf-8", "latin-1")), "replace")
    made = text.encode(chance.choice(_CHARSETS), "replace")
    return chance.choice((made, b"\xef\xbb\xbf" + made))


def inflate(body: bytes, chance: Random, _: bytes) -> bytes:
    """Numbers made huge, negative, or dates of no calendar."""
    found = list(re.finditer(rb"\d+", body))
    chosen = chance.sample(found, min(len(found), chance.choice((1, 3, 50))))
    for match in sorted(chosen, key=lambda one: -one.start()):
        body = body[: match.start()] + chance.choice(_HUGE) + body[match.end() :]
    return body


def lines(body: bytes, chance: Random, _: bytes) -> bytes:
    """Lines out of order, twice, lost, wrapped, or ended otherwise."""
    end = next((e for e in (b"\r\n", b"\r", b"\n") if e in body), b"\n")
    every = body.split(end)
    act = chance.randrange(5)
    if act == 0:
        chance.shuffle(every)
    elif act == 1:
        at = chance.randrange(len(every))
        every[at:at] = [every[at]] * chance.choice((1, 2, 100, 3000))
    elif act == 2 and len(every) > 1:
        del every[chance.randrange(len(every))]
    elif act == 3:
        width = chance.choice((20, 76, 80))
        every = [line[i : i + width] for line in every for i in range(0, len(line) or 1, width)]
    return (chance.choice((b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\n")) if act == 4 else end).join(
        every
    )


def separate(body: bytes, chance: Random, _: bytes) -> bytes:
    """HL7 v2 and CSV: separators taken for others, many of them, or none."""
    sign = chance.choice((b"|", b"^", b"~", b"&", b"\\", b",", b";", b"\t", b'"'))
    other = chance.choice((b"|", b"^", b"~", b"&", b"", b";", b",", b'""', sign * 500))
    return body.replace(sign, other, chance.choice((1, 5, -1)))

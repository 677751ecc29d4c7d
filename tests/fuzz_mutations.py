"""What may happen to a message on its way, and what somebody may do to one on purpose."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from lxml import etree

LARGEST = 2 * 1024 * 1024  # bytes of a mutated message
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


def json_tree(body: bytes, chance: Random, _: bytes) -> bytes:
    """JSON: a value of another kind, a name twice, a name gone, and depth."""
    try:
        tree: Any = json.loads(body)
    except (ValueError, RecursionError):
        return flip(body, chance, b"")
    holders = list(_holders(tree))
    if not holders:
        return body
    holder = chance.choice(holders)
    key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    act = chance.randrange(5)
    if act == 0:
        del holder[key]
    elif act == 1 and isinstance(holder, dict):
        text = json.dumps(tree)
        name = json.dumps(key) + ": "
        return text.replace(name, f"{name}null, {name}", 1).encode()
    elif act == 2:
        depth = chance.choice((3, 60, 300, 20_000))
        mark = json.dumps(chance.random())
        holder[key] = json.loads(mark)
        nested = chance.choice(("[", '{"extension":['))
        closing = "]" if nested == "[" else "]}"
        return json.dumps(tree).replace(mark, nested * depth + "1" + closing * depth, 1).encode()
    else:
        other = chance.choice(holders)
        holder[key] = chance.choice(
            (
                None,
                [],
                {},
                "",
                " ",
                True,
                0,
                1e300,
                -1,
                "x" * 70_000,
                [[]],
                {"": {}},
                other,
                [other],
            )
        )
    try:
        return json.dumps(tree).encode()
    except (ValueError, RecursionError):  # it holds itself
        return body


def _holders(tree: Any) -> Any:
    """Yield every object and array that holds something."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list) and one:
            yield one
            waiting += list(one.values()) if isinstance(one, dict) else one


def xml_tree(body: bytes, chance: Random, _: bytes) -> bytes:
    """XML: elements gone, many, elsewhere, or empty; or depth."""
    root = _parsed(body)
    if root is None:
        return flip(body, chance, b"")
    elements = [one for one in root.iter() if isinstance(one.tag, str)]
    one, other = chance.choice(elements), chance.choice(elements)
    parent = one.getparent()
    act = chance.randrange(4)
    if act == 0 and parent is not None:
        parent.remove(one)
    elif act == 1 and parent is not None:
        for _ in range(min(chance.choice((1, 3, 400)), LARGEST // len(etree.tostring(one)))):
            parent.append(deepcopy(one))
    elif act == 2:
        depth = chance.choice((5, 90, 300, 5000))
        return etree.tostring(root).replace(b"</", b"<x>" * depth + b"</x>" * depth + b"</", 1)
    elif one not in set(other.iter()):
        one.append(other)
    return _written(root, chance)


def xml_words(body: bytes, chance: Random, _: bytes) -> bytes:
    """XML: an element renamed or of another namespace, its text or attributes nonsense."""
    root = _parsed(body)
    if root is None:
        return flip(body, chance, b"")
    elements = [one for one in root.iter() if isinstance(one.tag, str)]
    one, other = chance.choice(elements), chance.choice(elements)
    act = chance.randrange(3)
    if act == 0:
        one.tag = chance.choice(("x", "div", other.tag, "{urn:other}x"))
    elif act == 1:
        one.text = chance.choice(("", "x" * 70_000, "\u202e", "9" * 500, "<&", None))
    else:
        for name in list(one.attrib):
            one.set(name, chance.choice(("", "x" * 5000, "9" * 500, "UNK", "#1")))
    return _written(root, chance)


def _written(root: Any, chance: Random) -> bytes:
    return etree.tostring(root, encoding=chance.choice(("utf-8", "utf-16", "iso-8859-1", "ascii")))


def _parsed(body: bytes) -> Any:
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        pass
    try:
        return etree.HTML(body) if b"<" in body else None
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


def xml_head(body: bytes, chance: Random, _: bytes) -> bytes:
    """XML: declarations that ask for what is dangerous, or say what is not so."""
    entity = b'<!DOCTYPE a [<!ENTITY b "%s">]>' % (b"x" * chance.choice((1, 50_000)))
    outside = b'<!DOCTYPE a SYSTEM "file:///etc/hostname">'
    charset = b'<?xml version="1.0" encoding="%s"?>' % chance.choice(
        (b"utf-16", b"cp037", b"nonsense", b"utf-8", b"iso-2022-jp")
    )
    rest = re.sub(rb"^\s*<\?xml[^>]*\?>", b"", body)
    return chance.choice((entity, outside, charset, b" \n", b"<!-- -->" * 2000)) + rest


def package(body: bytes, chance: Random, other: bytes) -> bytes:
    """ZIP (DOCX): a part changed, gone, or far larger than its package."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts = {name: packed.read(name) for name in packed.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, RuntimeError):
        return flip(body, chance, b"")
    named = chance.choice(sorted(parts) or ["x"])
    act = chance.randrange(4)
    if act == 0:
        parts.pop(named, None)
    elif act == 1:
        parts[named] = b" " * (30 * 1024 * 1024)
    else:
        change = chance.choice((flip, cut, xml_tree, xml_head, insert))
        parts[named] = change(parts.get(named, b""), chance, other)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return made.getvalue()


ANY: tuple[Mutation, ...] = (flip, cut, join, repeat, insert, swap, encode, inflate, lines)
_OF_XML: tuple[Mutation, ...] = (xml_tree, xml_tree, xml_words, xml_words, xml_head)
OWN: dict[str, tuple[Mutation, ...]] = {
    "hl7v2": (separate, separate, lines, lines),
    "fhir-r4": (json_tree, json_tree, json_tree, xml_tree, xml_words, xml_head),
    "fhir-stu3": (*_OF_XML, json_tree, json_tree),
    "json": (json_tree, json_tree, json_tree),
    "csv": (separate, separate, lines, lines),
    "docx": (package, package, package),
}


def mutations(format_name: str) -> tuple[Mutation, ...]:
    """Every mutation that suits a format; one that nobody thought of is taken for XML."""
    return (*ANY, *OWN.get(format_name, _OF_XML))

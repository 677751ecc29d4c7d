"""What may happen to XML, HTML and packages: for fuzzing, see fuzz_mutations."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any

from lxml import etree

from tests.fuzz_bytes import LARGEST, cut, flip, insert


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
    if act == 0 and other.tag.isalnum():
        one.tag = chance.choice(("x", "div", other.tag, "{urn:other}x"))
    elif act == 1:
        one.text = chance.choice(("", "x" * 70_000, "\u202e", "9" * 500, "<&"))
    else:
        for name in list(one.attrib):
            with suppress(ValueError):  # HTML takes names that XML does not
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
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError):
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

"""DOCX letters: the parts of the package that hold text, bounded, opened by the XML entrance.

The package is read here and not by a library of its own: such libraries leave out content
controls, text boxes and what was inserted while changes were tracked, and unpack without bounds.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from service.errors import Issue, Severity, TooLarge, UnreadableMessage
from service.formats import xml_tree
from service.formats.letters.docx_text import NOTHING, Body, Styles
from service.formats.letters.layout import BODY, Row
from service.formats.letters.letter import Letter

MAX_BYTES: Final = 20 * 1024 * 1024  # of the file
MAX_ENTRIES: Final = 1_000
MAX_PART: Final = 8 * 1024 * 1024  # bytes of one part, unpacked
MAX_UNPACKED: Final = 100 * 1024 * 1024  # bytes of all, as the package says
MAX_ROWS: Final = 20_000
_ZIP: Final = b"PK\x03\x04"
_OLD: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAIN: Final = "word/document.xml"
_RELATED: Final = re.compile(r"/(header|footer|footnotes|endnotes|comments)$")
_REGIONS: Final = {"header": 0, "footer": 2, "footnotes": 3, "endnotes": 4}
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError),  # a later version of ZIP, a password
    *(ValueError, IndexError, OverflowError, struct.error),  # a directory that leads nowhere
)
_NAMED: Final = "vnd.openxmlformats-officedocument.wordprocessingml.document"


def matches(media_type: str, body: bytes) -> bool:
    """Whether it is a package with a Word document in it; an old Word file by its media type."""
    if body.startswith(_ZIP):
        return b"word/" in body
    return body.startswith(_OLD) and ("msword" in media_type or _NAMED in media_type)


def read(body: bytes) -> Letter:
    """Return the letter. Raises UnreadableMessage, TooLarge."""
    if len(body) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")
    if body.startswith(_OLD):
        raise _refusal("this is an old Word file (.doc) or an encrypted one: send DOCX or PDF")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            return _letter(_checked(package), body)
    except _DAMAGED:
        raise _refusal(
            "the package (ZIP) is damaged, or packed in a way that is not read"
        ) from None


def _letter(package: zipfile.ZipFile, body: bytes) -> Letter:
    main = _main_part(package)
    styles = Styles.of(_tree(package, "word/styles.xml"), _tree(package, "word/numbering.xml"))
    document = Body(styles, region=BODY, name="")
    rows = document.rows(_needed(package, main))
    parts = [document]
    for kind, part in _related(package, main):
        other = Body(styles, region=_REGIONS[kind], name=kind)
        parts.append(other)
        found = other.rows(_needed(package, part))
        rows = [*found, *rows] if kind == "header" else [*rows, *found]
    rows = list(_once(rows))
    if not rows:
        raise _refusal("the document holds no text: a picture, perhaps, and nothing is guessed")
    if len(rows) > MAX_ROWS:
        raise _refusal("the document has more paragraphs than are read here")
    return Letter(format="docx", raw=body, rows=tuple(rows), issues=tuple(_doubts(parts)))


def _checked(package: zipfile.ZipFile) -> zipfile.ZipFile:
    entries = package.infolist()
    if len(entries) > MAX_ENTRIES or sum(one.file_size for one in entries) > MAX_UNPACKED:
        raise _refusal("the package holds more, or unpacks to more, than is read here")
    if any(one.compress_type not in _PACKINGS for one in entries):
        raise _refusal("the package is packed in a way that is not read")
    if len({one.filename for one in entries}) != len(entries):
        raise _refusal("the package holds two parts of one name")
    return package


def _main_part(package: zipfile.ZipFile) -> str:
    """Return the document's own part, as the package says which it is."""
    relations = _tree(package, "_rels/.rels")
    for relation in relations if relations is not None else ():
        if (relation.get("Type") or "").endswith("/officeDocument"):
            return (relation.get("Target") or "").lstrip("/")
    return _MAIN


def _related(package: zipfile.ZipFile, main: str) -> Iterator[tuple[str, str]]:
    """Yield the headers, footers and notes of the document."""
    folder, name = posixpath.split(main)
    relations = _tree(package, f"{folder}/_rels/{name}.rels")
    for relation in relations if relations is not None else ():
        kind = _RELATED.search(relation.get("Type") or "")
        if kind and kind[1] in _REGIONS and relation.get("TargetMode") != "External":
            target = relation.get("Target") or ""
            path = target[1:] if target.startswith("/") else posixpath.join(folder, target)
            if path in package.namelist():
                yield kind[1], path


def _needed(package: zipfile.ZipFile, part: str) -> Any:
    tree = _tree(package, part)
    if tree is None:
        raise _refusal("the package holds no Word document")
    return tree


def _tree(package: zipfile.ZipFile, part: str) -> Any:
    """Return a part of the package as XML; None if it is not there."""
    try:
        entry = package.getinfo(part)
    except KeyError:
        return None
    with package.open(entry) as stream:
        content = stream.read(MAX_PART + 1)
    if len(content) > MAX_PART:
        raise _refusal("a part of the package unpacks to more than is read here")
    return xml_tree.read_tree(content).root


def _once(rows: list[Row]) -> Iterator[Row]:
    """Leave out headers and footers that stand there again for other pages."""
    told = set[tuple[int, str]]()
    for row in rows:
        key = (row.region, row.text)
        if row.region == BODY or key not in told:
            told.add(key)
            yield row


def _doubts(parts: list[Body]) -> Iterator[Issue]:
    left_out = {reason for part in parts for reason in part.left_out}
    for reason in sorted(left_out):
        yield Issue(severity=_severity(reason), code="incomplete", text=reason)


def _severity(reason: str) -> Severity:
    return "information" if reason == NOTHING else "warning"


def _refusal(reason: str) -> UnreadableMessage:
    return UnreadableMessage(reason, [Issue(severity="fatal", code="structure", text=reason)])

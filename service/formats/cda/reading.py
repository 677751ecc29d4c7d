"""Bytes to clinical documents: bare, in the NHS's envelope, or anywhere within other XML."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Final

from lxml import etree

from service.errors import Issue, ServiceError, TooLarge
from service.formats.cda.envelope import (
    Attachment,
    Envelope,
    envelope_of,
    manifest_item,
    payloads,
    with_attachments,
)
from service.formats.cda.message import CdaMessage
from service.formats.cda.names import HL7, ITK, split
from service.formats.xml_tree import MAX_BYTES, XmlTree, is_xml, line_of, read_tree, refusal

MOST_DOCUMENTS: Final = 20  # of one envelope
_DOCUMENT: Final = f"{{{HL7}}}ClinicalDocument"
_WIDE: Final = 4  # bytes in which UTF-16 shows
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[\w.+-]{1,60}", re.ASCII)
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's name for a gzip stream
_NOT_HERE: Final = "there is no ClinicalDocument of HL7 CDA R2 in this XML"
_ANSWERS: Final = frozenset(
    f"{{{ITK}}}{name}" for name in ("InfrastructureResponse", "SimpleMessageResponse")
)


def read(body: bytes, charset: str | None = None) -> tuple[CdaMessage, ...]:
    """Return the documents in `body`, one a message. Raises UnreadableMessage with the place."""
    tree = read_tree(body, charset)
    tree = _with_namespace(tree)
    envelope = envelope_of(tree.root)
    others: list[Attachment] = []
    documents = list(_documents(tree.root, others))
    if not documents:
        _refuse(tree.root, others)
    if len(documents) > MOST_DOCUMENTS:
        raise refusal(f"an envelope has at most {MOST_DOCUMENTS} documents", 1)
    several = len(documents) > 1
    if envelope and envelope.header is not None and not several:
        envelope, others = with_attachments(envelope, others), []
    return tuple(
        CdaMessage(
            document=document,
            envelope=envelope,
            raw=b"" if several else body,  # one alone has no bytes of its own
            charset_guessed=tree.charset_guessed and not several,
            issues=(*tree.issues, *_doubts(tree.root, envelope, others)),
            part=part,
            parts=len(documents),
        )
        for part, document in enumerate(documents, 1)
    )


def envelope_in(body: bytes) -> Envelope | None:
    """Return the envelope in `body`, whatever is in it; None for what has none or is no XML."""
    if not is_xml(body) or (b"Envelope" not in body and b"\0" not in body[:_WIDE]):
        return None
    try:
        return envelope_of(read_tree(body).root)
    except ServiceError:
        return None


def _with_namespace(tree: XmlTree) -> XmlTree:
    """Read a document without its namespace as what it is; nothing else has this name."""
    if tree.root.tag != "ClinicalDocument":
        return tree
    start = tree.content.index(b"<ClinicalDocument") + len(b"<ClinicalDocument")
    named = b"%b xmlns='%b'%b" % (tree.content[:start], HL7.encode(), tree.content[start:])
    doubt = _doubt("the document has no namespace; it was read as HL7 v3", tree.root)
    again = read_tree(named)
    return XmlTree(
        root=again.root,
        content=tree.content,
        issues=(*tree.issues, doubt),
        charset_guessed=tree.charset_guessed,
    )


def _documents(root: etree._Element, others: list[Attachment]) -> Iterator[etree._Element]:
    """Yield every document as the root of a tree of its own, so that "/" is its beginning.

    Payloads that are no XML are put into `others`.
    """
    if root.tag == _DOCUMENT:
        yield root
        return
    for found in root.iter(_DOCUMENT):
        yield _alone(found)
    carried = list(payloads(root))
    if len(carried) > MOST_DOCUMENTS:
        raise refusal(f"an envelope has at most {MOST_DOCUMENTS} payloads", 1)
    for payload in carried:
        if len(payload) == 0 and payload.text and not payload.text.isspace():
            plain = _unpacked(payload)
            if is_xml(plain):
                yield from _documents(read_tree(plain).root, others)
            else:
                media_type = _media_type(payload)
                others.append(Attachment(payload=payload, content=plain, media_type=media_type))


def _alone(element: etree._Element) -> etree._Element:
    tail, element.tail = element.tail, None
    copied = deepcopy(element)
    element.tail = tail
    return copied


def _unpacked(payload: etree._Element) -> bytes:
    """Return what a payload holds as text, as base64, or compressed in base64."""
    item = manifest_item(payload)
    place = line_of(payload)
    if item is not None and item.get("encrypted") == "true":
        raise refusal("the payload is encrypted", place)
    text = (payload.text or "").strip()
    if text.startswith("<"):
        return text.encode()
    try:
        plain = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise refusal("the payload is neither XML nor base64", place) from None
    is_packed = item is not None and item.get("compressed") == "true"
    return _inflated(plain, place) if is_packed else plain


def _inflated(packed: bytes, line: int) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(packed, MAX_BYTES + 1)
    except zlib.error:
        raise refusal("the payload is not compressed, as the manifest says", line) from None
    if len(plain) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")
    return plain


def _media_type(payload: etree._Element) -> str:
    """Return what the manifest says that a payload is, if that is a media type."""
    item = manifest_item(payload)
    told = item.get("mimetype", "").strip() if item is not None else ""
    return told if _MEDIA_TYPE.fullmatch(told) else ""


def _kind_of(other: Attachment) -> str:
    return f" ({other.media_type})" if other.media_type else ""


def _doubts(
    root: etree._Element, envelope: Envelope | None, others: Iterable[Attachment]
) -> Iterator[Issue]:
    for other in others:
        text = f"a payload is no clinical document{_kind_of(other)}; it is in the message only"
        yield _doubt(text, other.payload)
    if envelope and envelope.header is not None and not envelope.tracking_id:
        yield _doubt("the envelope has no tracking id; the document's own is taken", root)
    for container in root.iter(f"{{{ITK}}}payloads", f"{{{ITK}}}manifest"):
        told, there = container.get("count", ""), len(container)
        if told.isdecimal() and int(told) != there:
            yield _doubt("the envelope announces another number of payloads", container)
            return


def _doubt(text: str, element: etree._Element) -> Issue:
    place = f"line {line_of(element)}"
    return Issue(severity="warning", code="structure", text=text, source=place)


def _refuse(root: etree._Element, others: list[Attachment]) -> None:
    """Say why there is nothing to read."""
    if others:
        text = f"the payload is no clinical document in CDA{_kind_of(others[0])}"
        raise refusal(text, line_of(others[0].payload))
    answer = next(root.iter(*_ANSWERS), None)
    if answer is not None:
        raise refusal("this is an answer (ITK2), not a document", line_of(answer))
    if split(root.tag)[1] in {"section", "component", "entry", "act", "structuredBody"}:
        raise refusal(f"{_NOT_HERE}, but a part of one", line_of(root))
    raise refusal(_NOT_HERE, line_of(root))

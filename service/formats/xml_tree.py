"""The one entrance for XML: whatever a sender sends, no entity, DTD, file or network is opened.

Size, depth and number of elements are bounded before anything is made of them, so that no
document costs more than a fraction of a second. Other character sets become UTF-8 first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from service.errors import Issue, Severity, TooLarge, UnreadableMessage
from service.formats.hl7v2.charset import codec_of, marked, windows_1252

MAX_BYTES: Final = 20 * 1024 * 1024  # of one document
MAX_DEPTH: Final = 100  # elements within each other, below the root
MAX_TAGS: Final = 400_000  # of "<": an element with content has two; 0.2 kB of memory each
MAX_ATTRIBUTES: Final = 400_000  # of "=", wherever they stand
MAX_OF_ONE: Final = 500  # attributes of one element: each is looked up among all of them
_BEGINNING: Final = 4096  # bytes in which the root element must begin
_WIDE: Final = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_DECLARATION: Final = re.compile(rb"\s*+<\?xml\s[^>]*?\?>")
_ENCODING: Final = re.compile(rb"""\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']""")
_PROLOG: Final = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_NOT_A_LINE_END: Final = re.compile(rb"[^\n]")
_NO_DTD: Final = "a document type (DTD) is not allowed"
_TOO_DEEP: Final = f"elements are nested more than {MAX_DEPTH} levels deep"
_SYNTAX_ERRORS: Final[dict[int, str]] = {
    code: name.partition("ERR_")[2].replace("_", " ").lower()
    for name, code in vars(etree.ErrorTypes).items()
    if name.startswith(("ERR_", "NS_ERR_"))
}
_TOO_MANY: Final = f"an element has more than {MAX_OF_ONE} attributes"
_first_overloaded: Final = etree.XPath(f"(//*[@*[{MAX_OF_ONE + 1}]])[1]")
_first_too_deep: Final = etree.XPath(f"({'/*' * (MAX_DEPTH + 2)})[1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class XmlTree:
    """A well-formed document: its root, without comments and instructions."""

    root: etree._Element
    content: bytes  # the document in UTF-8, lines as they were
    issues: tuple[Issue, ...] = ()
    charset_guessed: bool = False  # the bytes are not in the character set that they should be


def read_tree(body: bytes, charset: str | None = None) -> XmlTree:
    """Return the document in `body`.

    charset: the one to read by where the document is not in the one that it names, or not in
    UTF-8 if it names none. Raises UnreadableMessage with line and column; TooLarge.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")
    decoded = _decoded(body, charset)
    _refuse_dtd(decoded.content)
    _refuse_costly(decoded.content)
    root = _parsed(decoded.content)
    return XmlTree(
        root=root,
        content=decoded.content,
        issues=decoded.issues,
        charset_guessed=decoded.guessed,
    )


def beginning(body: bytes) -> bytes:
    """Return the first bytes of what may be XML: in UTF-8, without byte order mark and blanks."""
    content, codec = _unmarked(body[:_BEGINNING])
    if codec not in {None, "utf-8"}:
        content = content.decode(codec or "", "ignore").encode("utf-8", "ignore")
    return content.lstrip()


def is_xml(body: bytes) -> bool:
    """Whether `body` begins as XML does."""
    return beginning(body).startswith(b"<")


def line_of(element: etree._Element) -> int:
    """Return the line on which an element begins, from 1."""
    line: Any = element.sourceline  # the stubs do not know its type
    return line or 1


def refusal(reason: str, line: int, column: int = 1) -> UnreadableMessage:
    """Return the fault of a document with its place. `reason` holds nothing out of it."""
    place = f"line {line}, column {column}"
    issue = Issue(severity="fatal", code="structure", text=reason, source=place)
    return UnreadableMessage(f"{reason} ({place})", [issue])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decoded:
    content: bytes
    issues: tuple[Issue, ...] = ()
    guessed: bool = False


def _unmarked(body: bytes) -> tuple[bytes, str | None]:
    """Return `body` without byte order mark, and the codec that its first bytes tell."""
    content, codec = marked(body)
    return content, codec or _WIDE.get(content[:2])


def _decoded(body: bytes, charset: str | None) -> _Decoded:
    """Return the document in UTF-8."""
    content, certain = _unmarked(body)
    told = [_doubt("the message begins with a byte order mark")] if content is not body else []
    if certain not in {None, "utf-8"}:
        return _Decoded(content=_strictly(content, certain or "").encode(), issues=tuple(told))
    declaration = _DECLARATION.match(content, 0, _BEGINNING)
    named = _ENCODING.search(declaration[0]) if declaration else None
    if declaration and not content.startswith(b"<"):  # blanks before it, which XML forbids
        blanks = _NOT_A_LINE_END.sub(b" ", declaration[0])
        content = blanks + content[declaration.end() :]
    codec = _codec(named[1].decode() if named else "utf-8")
    if codec is None:
        raise refusal("the character set that the XML declaration names is not known", 1)
    return _by_codec(content, codec, charset, told)


def _by_codec(content: bytes, codec: str, charset: str | None, told: list[Issue]) -> _Decoded:
    """Read by the declared character set; by that of the mapping or Windows' if it is not so."""
    try:
        if codec == "utf-8":
            content.decode()
            return _Decoded(content=content, issues=tuple(told))
        text = windows_1252(content) if codec == "cp1252" else content.decode(codec)
        return _Decoded(content=text.encode(), issues=tuple(told))
    except UnicodeDecodeError as error:
        place = f"line {content.count(10, 0, error.start) + 1}"
    other = codec_of(charset or "") or "cp1252"
    text = windows_1252(content) if other == "cp1252" else _strictly(content, other)
    doubt = _doubt(f"the bytes are not {codec.upper()}; read as {other.upper()}", "warning", place)
    return _Decoded(content=text.encode(), issues=(*told, doubt), guessed=charset is None)


def _codec(name: str) -> str | None:
    """Return Python's codec for an encoding as XML declarations name it."""
    if name.upper() in {"US-ASCII", "ANSI_X3.4-1968"}:
        return "ascii"
    return codec_of(name) or (name.lower() if re.fullmatch(r"(?i)windows-125\d", name) else None)


def _strictly(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(10, 0, error.start) + 1
        raise refusal(f"the bytes are not {codec.upper()}", line) from None


def _doubt(text: str, severity: Severity = "information", place: str = "line 1, column 1") -> Issue:
    return Issue(severity=severity, code="structure", text=text, source=place)


def _refuse_dtd(content: bytes) -> None:
    prolog = _PROLOG.match(content)
    if prolog and content.startswith(b"<!DOCTYPE", prolog.end()):
        raise refusal(_NO_DTD, content.count(b"\n", 0, prolog.end()) + 1)


def _refuse_costly(content: bytes) -> None:
    """Refuse more elements or attributes than memory is meant for, before any is made."""
    if len(content) > MAX_ATTRIBUTES and (
        content.count(b"<") > MAX_TAGS or content.count(b"=") > MAX_ATTRIBUTES
    ):
        raise refusal("there are more elements or attributes than are read here", 1)


def _parsed(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,  # attached documents; what it lifts is bounded here
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise refusal(_syntax(error), *error.position) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise refusal(_NO_DTD, 1)
    for element in _found(_first_too_deep, root):
        raise refusal(_TOO_DEEP, line_of(element))
    for element in _found(_first_overloaded, root) if content.count(b"=") > MAX_OF_ONE else ():
        raise refusal(_TOO_MANY, line_of(element))
    return root


def _found(path: etree.XPath, root: etree._Element) -> Iterator[etree._Element]:
    found: Any = path(root)
    yield from found


def _syntax(error: Any) -> str:  # the stubs do not know its code
    """The parser's own text may quote the message, its code does not."""
    name = _SYNTAX_ERRORS.get(error.code, "no element")
    return _TOO_DEEP if name == "resource limit" else f"not well-formed ({name})"

"""Reading R4 XML into the same objects as R4 JSON (https://hl7.org/fhir/R4/json.html).

Entities, DTDs and the network stay shut. What R4 does not know is kept under its own name,
so that the check of the structure can tell of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from lxml import etree

from service.errors import Issue, UnreadableMessage
from service.formats.fhir_r4.narrative import divs
from service.model import r4

MAX_DEPTH: Final = 100  # elements within each other
_FHIR: Final = "{http://hl7.org/fhir}"
_XHTML: Final = "{http://www.w3.org/1999/xhtml}"
_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_PROLOG: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_ATTRIBUTES: Final = frozenset({"id", "url"})
_INTEGER: Final = re.compile(r"-?\d{1,18}")
_DECIMAL: Final = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?")
_INTEGERS: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
_NO_DTD: Final = "a document type (DTD) is not allowed"


def read_xml(body: bytes) -> tuple[dict[str, Any], list[Issue]]:
    """Return the resource in `body` as its JSON object, and what was not read.

    Raises UnreadableMessage with line and column.
    """
    top = _parsed(body)
    if not top.tag.startswith(_FHIR):
        _refuse("the root element is not in the namespace http://hl7.org/fhir", 1, 1)
    reading = _Reading(_sources(top, body))
    return reading.resource(top, 0), reading.issues


def _parsed(body: bytes) -> etree._Element:
    prolog = _PROLOG.match(body)
    if prolog and body.startswith(b"<!", prolog.end()):
        _refuse(_NO_DTD, body.count(b"\n", 0, prolog.end()) + 1, 1)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        top = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        _refuse(_syntax(error), *error.position)
    if top.getroottree().docinfo.internalDTD is not None:  # found in UTF-16 too
        _refuse(_NO_DTD, 1, 1)
    return top


def _syntax(error: etree.XMLSyntaxError) -> str:
    """The parser's own text may quote the message, its type does not."""
    log: Any = error.error_log
    kinds = [entry.type_name for entry in log]
    name = kinds[-1].removeprefix("ERR_").replace("_", " ").lower() if kinds else "no element"
    return f"not well-formed ({name})"


def _refuse(reason: str, line: int, column: int) -> NoReturn:
    place = f"line {line}, column {column}"
    issue = Issue(severity="fatal", code="structure", text=f"not FHIR XML: {reason}", source=place)
    raise UnreadableMessage(f"{issue.text} ({place})", [issue]) from None


def _sources(top: etree._Element, body: bytes) -> dict[etree._Element, str]:
    """Return the source of every outermost div; {} where it cannot be told with certainty."""
    tree: list[etree._Element] = list(top.iter("{*}div"))
    outermost = [one for one in tree if next(one.iterancestors("{*}div"), None) is None]
    try:
        source = list(divs(body.decode(top.getroottree().docinfo.encoding or "utf-8")))
    except (LookupError, UnicodeDecodeError):
        return {}
    whole = len(source) == len(outermost) and not any(one.prefix for one in outermost)
    return dict(zip(outermost, source, strict=True)) if whole else {}


def _line(element: etree._Element) -> int:
    line: Any = element.sourceline  # the stubs do not know its type
    return line or 1


class _Reading:
    """One document on its way into JSON."""

    def __init__(self, sources: Mapping[etree._Element, str]) -> None:
        self.sources = sources
        self.issues: list[Issue] = []

    def resource(self, element: etree._Element, depth: int) -> dict[str, Any]:
        kind = etree.QName(element).localname
        return {"resourceType": kind, **self.object(element, kind, depth)}

    def object(self, element: etree._Element, kind: str, depth: int) -> dict[str, Any]:
        """Return an element with parts; `kind` is its R4 type, "" where R4 has none."""
        if depth > MAX_DEPTH:
            _refuse(f"elements are nested more than {MAX_DEPTH} levels deep", _line(element), 1)
        own = _ATTRIBUTES if kind == "Extension" else _ATTRIBUTES - {"url"}
        found: dict[str, Any] = self.attributes(element, own)
        known = r4.children(kind)
        for name, alike in self.groups(element).items():
            self.member(found, name, known_as(known, name), alike, depth + 1)
        return found

    def groups(self, element: etree._Element) -> dict[str, list[etree._Element]]:
        """Return the children by name, in the order in which the names first come."""
        groups: dict[str, list[etree._Element]] = {}
        self.text(element.text, element)
        for child in element:
            self.text(child.tail, element)
            space, _, name = child.tag.rpartition("}")
            if space + "}" == _FHIR or name == "div":
                groups.setdefault(name, []).append(child)
            else:
                self.unread(child, "an element of another namespace")
        return groups

    def member(
        self,
        found: dict[str, Any],
        name: str,
        known: r4.Element | None,
        alike: list[etree._Element],
        depth: int,
    ) -> None:
        """Put the elements of one name where JSON has them."""
        kind = known.type if known else ""
        values = [self.value(child, kind, depth) for child in alike]
        hidden = [self.hidden(child, kind, depth) for child in alike]
        many = len(alike) > 1 or (known is not None and known.many)
        if any(value is not None for value in values):
            found[name] = values if many else values[0]
        elif not any(hidden):
            self.unread(alike[0], "neither value nor content:")
        if any(hidden):
            found["_" + name] = hidden if many else hidden[0]

    def value(self, element: etree._Element, kind: str, depth: int) -> Any:
        if kind == "xhtml" or element.tag.startswith(_XHTML):
            return self.narrative(element)
        if kind == "Resource":
            return self.inner_resource(element, depth)
        if r4.is_primitive(kind) or (not kind and "value" in element.attrib):
            text = element.get("value")
            return None if text is None else typed(text, kind)
        return self.object(element, kind, depth)

    def hidden(self, element: etree._Element, kind: str, depth: int) -> dict[str, Any] | None:
        """Return id and extensions of a primitive, JSON's "_name"."""
        if not (r4.is_primitive(kind) or "value" in element.attrib) or kind == "xhtml":
            return None
        found: dict[str, Any] = self.attributes(element, frozenset({"id", "value"}))
        found.pop("value", None)
        known = r4.children("Element")
        for name, alike in self.groups(element).items():
            self.member(found, name, known.get(name), alike, depth + 1)
        return found or None

    def inner_resource(self, element: etree._Element, depth: int) -> dict[str, Any]:
        if len(element) != 1:
            name = etree.QName(element).localname
            _refuse(f"one resource is due in {name}, not {len(element)}", _line(element), 1)
        return self.resource(element[0], depth + 1)

    def narrative(self, element: etree._Element) -> str:
        source = self.sources.get(element)
        return source or etree.tostring(element, encoding="unicode", with_tail=False)

    def attributes(self, element: etree._Element, known: frozenset[str]) -> dict[str, Any]:
        """Return the known attributes, and tell of the others."""
        for name in element.attrib:
            if name not in known and not str(name).startswith(_SCHEMA):
                self.unread(element, "an attribute that R4 does not have, on")
        return {name: text for name, text in element.attrib.items() if name in known}

    def text(self, text: str | None, element: etree._Element) -> None:
        if text and not text.isspace():
            self.unread(element, "text between the elements of")

    def unread(self, element: etree._Element, what: str) -> None:
        place = f"line {_line(element)}"
        name = etree.QName(element).localname
        text = f"{what} {name} was not read"
        self.issues.append(Issue(severity="warning", code="structure", text=text, source=place))


def known_as(known: Mapping[str, r4.Element], name: str) -> r4.Element | None:
    """Return R4's element of that name, a capital at its beginning forgiven."""
    return known.get(name) or known.get(name[:1].lower() + name[1:])


def typed(text: str, kind: str) -> Any:
    """Return a primitive as JSON has it: true, 5, a Decimal, or its text when it is no such."""
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    if kind in _INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "decimal" and _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text

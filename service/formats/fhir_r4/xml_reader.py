"""Reading FHIR XML into the same objects as FHIR JSON (https://hl7.org/fhir/R4/json.html).

What the release does not know is kept under its own name, so that the check of the structure can
tell of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from service.errors import Issue
from service.formats.fhir_r4.narrative import divs
from service.formats.xml_tree import XmlTree, line_of, read_tree, refusal
from service.model.definitions import Definitions, Element

_FHIR: Final = "{http://hl7.org/fhir}"
_NOT_FHIR: Final = "not FHIR XML: the root element is not in the namespace http://hl7.org/fhir"
_XHTML: Final = "{http://www.w3.org/1999/xhtml}"
_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_ATTRIBUTES: Final = frozenset({"id", "url"})
_INTEGER: Final = re.compile(r"-?\d{1,18}")
_DECIMAL: Final = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?")
_INTEGERS: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
MOST_TAGS: Final = 200_000  # of "<", as in 10 MB of resources without attachments
MOST_CHILDREN: Final = 20_000  # of one element
MOST_TOLD: Final = 100  # of what is unknown, one by one
MOST_UNKNOWN: Final = 10_000  # elements, attributes and texts that are not the release's


def read_xml(body: bytes, definitions: Definitions) -> tuple[dict[str, Any], list[Issue]]:
    """Return the resource in `body` as this release's JSON object, and what was not read.

    Raises UnreadableMessage with line and column.
    """
    tree = read_tree(body)
    if not tree.root.tag.startswith(_FHIR):
        raise refusal(_NOT_FHIR, line_of(tree.root))
    if tree.content.count(b"<") > MOST_TAGS:
        raise refusal(f"not FHIR XML as it is read here: more than {MOST_TAGS} tags", 1)
    reading = _Reading(_sources(tree), tree.issues, definitions)
    return reading.resource(tree.root), reading.told()


def _sources(tree: XmlTree) -> dict[etree._Element, str]:
    """Return the source of every outermost div; {} where it cannot be told with certainty."""
    every: list[etree._Element] = list(tree.root.iter("{*}div"))
    outermost = [one for one in every if next(one.iterancestors("{*}div"), None) is None]
    source = list(divs(tree.content.decode()))
    whole = len(source) == len(outermost) and not any(one.prefix for one in outermost)
    return dict(zip(outermost, source, strict=True)) if whole else {}


class _Reading:
    """One document on its way into JSON."""

    def __init__(
        self,
        sources: Mapping[etree._Element, str],
        issues: Sequence[Issue],
        definitions: Definitions,
    ) -> None:
        self.sources = sources
        self.issues = list(issues)
        self.definitions = definitions
        self.unknown = 0
        self.untold = 0  # of them not told one by one

    def told(self) -> list[Issue]:
        """Return what was not read: the first parts one by one, how many more there are."""
        if not self.untold:
            return self.issues
        text = f"{self.untold} more parts were not read"
        return [*self.issues, Issue(severity="warning", code="structure", text=text)]

    def resource(self, element: etree._Element) -> dict[str, Any]:
        kind = etree.QName(element).localname
        return {"resourceType": kind, **self.object(element, kind)}

    def object(self, element: etree._Element, kind: str) -> dict[str, Any]:
        """Return an element with parts; `kind` is its type, "" where there is none."""
        own = _ATTRIBUTES if kind == "Extension" else _ATTRIBUTES - {"url"}
        found: dict[str, Any] = self.attributes(element, own)
        known = self.definitions.children(kind)
        for name, alike in self.groups(element).items():
            self.member(found, name, known_as(known, name), alike)
        return found

    def groups(self, element: etree._Element) -> dict[str, list[etree._Element]]:
        """Return the children by name, in the order in which the names first come."""
        groups: dict[str, list[etree._Element]] = {}
        if len(element) > MOST_CHILDREN:
            told = f"an element has more than {MOST_CHILDREN} children"
            raise refusal(f"not FHIR XML as it is read here: {told}", line_of(element))
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
        known: Element | None,
        alike: list[etree._Element],
    ) -> None:
        """Put the elements of one name where JSON has them."""
        kind = known.type if known else ""
        if known is None:
            self.count(len(alike), alike[-1])
        values = [self.value(child, kind) for child in alike]
        hidden = [self.hidden(child, kind) for child in alike]
        many = len(alike) > 1 or (known is not None and known.many)
        if any(value is not None for value in values):
            found[name] = values if many else values[0]
        elif not any(hidden):
            self.unread(alike[0], "neither value nor content:")
        if any(hidden):
            found["_" + name] = hidden if many else hidden[0]

    def value(self, element: etree._Element, kind: str) -> Any:
        if kind == "xhtml" or element.tag.startswith(_XHTML):
            return self.narrative(element)
        if kind == "Resource":
            return self.inner_resource(element)
        if self.definitions.is_primitive(kind) or (not kind and "value" in element.attrib):
            text = element.get("value")
            return None if text is None else typed(text, kind)
        return self.object(element, kind)

    def hidden(self, element: etree._Element, kind: str) -> dict[str, Any] | None:
        """Return id and extensions of a primitive, JSON's "_name"."""
        if (
            not (self.definitions.is_primitive(kind) or "value" in element.attrib)
            or kind == "xhtml"
        ):
            return None
        found: dict[str, Any] = self.attributes(element, frozenset({"id", "value"}))
        found.pop("value", None)
        known = self.definitions.children("Element")
        for name, alike in self.groups(element).items():
            self.member(found, name, known.get(name), alike)
        return found or None

    def inner_resource(self, element: etree._Element) -> dict[str, Any]:
        if len(element) != 1:
            name = etree.QName(element).localname
            reason = f"not FHIR XML: one resource is due in {name}, not {len(element)}"
            raise refusal(reason, line_of(element))
        return self.resource(element[0])

    def narrative(self, element: etree._Element) -> str:
        source = self.sources.get(element)
        return source or etree.tostring(element, encoding="unicode", with_tail=False)

    def attributes(self, element: etree._Element, known: frozenset[str]) -> dict[str, Any]:
        """Return the known attributes, and tell of the others."""
        for name in element.attrib:
            if name not in known and not str(name).startswith(_SCHEMA):
                self.unread(element, f"an attribute that {self.definitions.name} does not have, on")
        return {name: text for name, text in element.attrib.items() if name in known}

    def text(self, text: str | None, element: etree._Element) -> None:
        if text and not text.isspace():
            self.unread(element, "text between the elements of")

    def count(self, unknown: int, element: etree._Element) -> None:
        """Refuse a document that is mostly no FHIR: each of its parts would be told of."""
        self.unknown += unknown
        if self.unknown > MOST_UNKNOWN:
            told = f"more than {MOST_UNKNOWN} parts that {self.definitions.name} does not have"
            raise refusal(f"not FHIR XML: there are {told}", line_of(element))

    def unread(self, element: etree._Element, what: str) -> None:
        self.count(1, element)
        if len(self.issues) >= MOST_TOLD:
            self.untold += 1
            return
        place = f"line {line_of(element)}"
        name = etree.QName(element).localname
        text = f"{what} {name} was not read"
        self.issues.append(Issue(severity="warning", code="structure", text=text, source=place))


def known_as(known: Mapping[str, Element], name: str) -> Element | None:
    """Return the element of that name, a capital at its beginning forgiven."""
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

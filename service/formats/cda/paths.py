"""A compiled path of a CDA document: an XPath whose null values are absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from lxml import etree

from service.formats.cda.message import Place
from service.formats.cda.places import place
from service.formats.cda.xpath import Compiled, compile_xpath
from service.formats.source import Path

# What an element that is null cannot say; how it is to be used it may say all the same.
_VALUES: Final = frozenset(("code", "displayName", "extension", "root", "value", "unit"))
DOCUMENT: Final = "document()"  # the document itself as XML, out of its envelope
_Found = tuple[str, etree._Element | None, str]  # text, element, attribute


def compile_path(text: str) -> Path:
    """Compile an XPath 1.0 (see `xpath`). Raises ValueError."""
    if text == DOCUMENT:
        return _document_path()
    results = _results(compile_xpath(text))

    def told(node: Place) -> Iterator[_Found]:
        for result in results(node):
            said, element, attribute = _told(result, node)
            if said and not said.isspace():
                yield said, element, attribute

    def values(node: Place) -> Sequence[str]:
        return [said for said, _, _ in told(node)]

    def nodes(node: Place) -> Sequence[Place]:
        message = node[1]
        return [(one, message) for one in results(node) if isinstance(one, etree._Element)]

    def places(node: Place) -> Sequence[str]:
        return [
            text if element is None else place(element, attribute)
            for _, element, attribute in told(node)
        ]

    return Path(text=text, values=values, nodes=nodes, places=places)


def _results(compiled: Compiled) -> Callable[[Place], list[Any]]:
    find, start = compiled.find, compiled.start

    def results(node: Place) -> list[Any]:
        element: etree._Element | None = node[0]
        if start == "document":  # a place may be one of the envelope, which is a tree of its own
            element = node[1].document
        elif start == "envelope":
            envelope = node[1].envelope
            element = envelope.header if envelope else None
        found: Any = [] if element is None else find(element)
        return found if isinstance(found, list) else [found]

    return results


def _document_path() -> Path:
    def values(node: Place) -> Sequence[str]:
        return [etree.tostring(node[1].document, encoding="unicode")]

    return Path(
        text=DOCUMENT,
        values=values,
        nodes=lambda node: [node[1].root],
        places=lambda node: [place(node[1].document)],
        covers=lambda node: (),
    )


def _told(result: Any, node: Place) -> _Found:
    """Return what one result says, and where it stands (None for what XPath itself made)."""
    if isinstance(result, etree._Element):
        return node[1].text_of(result), result, ""
    if isinstance(result, bool):
        return str(result).lower(), None, ""
    if isinstance(result, float):
        return f"{result:g}", None, ""
    parent = result.getparent() if hasattr(result, "getparent") else None
    if parent is None:
        return str(result), None, ""
    name = result.attrname if result.is_attribute else ""
    is_null = parent.get("nullFlavor") is not None and (not name or name in _VALUES)
    return ("" if is_null else str(result)), parent, name or ""

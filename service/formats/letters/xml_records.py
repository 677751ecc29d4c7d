"""XML of any design: XPath 1.0 over the document without its namespaces.

Names are written without prefixes, whatever prefixes the sender uses; attributes likewise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from lxml import etree

from service.formats import xml_tree
from service.formats.letters.record import WHOLE, Record, whole
from service.formats.source import Path

_XML_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}"
_EMPTY: Final = etree.Element("message")


class XmlRecords:
    """See `service.formats.source.Format`."""

    name = "xml"

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether it begins as XML does. Readers of known XML are asked before."""
        return xml_tree.is_xml(body)

    def read(self, body: bytes, charset: str | None = None) -> tuple[Record, ...]:
        """Return the message. Raises UnreadableMessage with line and column; TooLarge."""
        tree = xml_tree.read_tree(body, charset)
        root = _without_namespaces(tree.root)
        return (
            Record(
                format="xml",
                root=(root, body),
                raw=body,
                all_leaves=_leaves,
                message_type=root.tag,
                issues=tree.issues,
                charset_guessed=tree.charset_guessed,
            ),
        )

    def compile_path(self, text: str) -> Path:
        """Compile an XPath; its context is the root element. Raises ValueError."""
        if text.strip() == WHOLE:
            return whole(text, lambda node: node[1])
        find = _compiled(text)

        def values(node: Any) -> Sequence[str]:
            return [told for one in find(node[0]) if (told := _text(one)).strip()]

        def nodes(node: Any) -> Sequence[Any]:
            return [(one, node[1]) for one in find(node[0]) if isinstance(one, etree._Element)]

        def places(node: Any) -> Sequence[str]:
            return [_place(one) or text for one in find(node[0]) if _text(one).strip()]

        return Path(text=text, values=values, nodes=nodes, places=places)


def _compiled(text: str) -> Any:
    """Return what finds the results of an XPath, as a list. Raises ValueError."""
    try:
        find = etree.XPath(text)
        find(_EMPTY)  # a prefix or function that nobody declared is only found when it is used
    except (etree.XPathError, etree.XPathSyntaxError) as error:
        raise ValueError(f"not an XPath (names are written without prefixes): {error}") from None

    def results(element: Any) -> list[Any]:
        found = find(element)
        return found if isinstance(found, list) else [found]

    return results


def _text(found: Any) -> str:
    if isinstance(found, etree._Element):
        return "".join(str(piece) for piece in found.itertext())
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float):
        return f"{found:g}"
    return str(found)


def _place(found: Any) -> str:
    """Return where a result stands; "" for what was computed."""
    if isinstance(found, etree._Element):
        return found.getroottree().getpath(found)
    parent = getattr(found, "getparent", lambda: None)()
    if parent is None:
        return ""
    place: str = parent.getroottree().getpath(parent)
    return f"{place}/@{found.attrname}" if found.is_attribute else place


def _without_namespaces(root: Any) -> Any:
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
        for name in [name for name in element.attrib if name.startswith("{")]:
            value = element.attrib.pop(name)
            local = etree.QName(name).localname
            if local not in element.attrib:
                element.set(local, value)
    etree.cleanup_namespaces(root)
    return root


def _leaves(node: Any) -> Iterator[str]:
    root = node[0]
    for element, place in _places(root, root.getroottree().getpath(root)):
        texts = (element.text, *(child.tail for child in element))
        if any(text and text.strip() for text in texts):
            yield place
        for name, value in element.attrib.items():
            if value.strip():
                yield f"{place}/@{name}"


def _places(root: Any, place: str) -> Iterator[tuple[Any, str]]:
    """Yield each element with its path, as `getpath` says it, which counts siblings each time."""
    waiting = [(root, place)]
    while waiting:
        element, place = waiting.pop()
        yield element, place
        children = list(element.iterchildren(etree.Element))
        times = Counter(child.tag for child in children)
        seen: Counter[str] = Counter()
        below = []
        for child in children:
            seen[child.tag] += 1
            number = f"[{seen[child.tag]}]" if times[child.tag] > 1 else ""
            below.append((child, f"{place}/{child.tag}{number}"))
        waiting += reversed(below)


FORMAT: Final = XmlRecords()

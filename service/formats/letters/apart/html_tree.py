"""A page as XML: elements and attributes with plain names, nothing that runs or leads away."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

MAX_DEPTH: Final = 99  # elements within each other
MAX_ATTRIBUTES: Final = 100  # of one element
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DROPPED: Final = ("script", "style", "head", "noscript", "template", "iframe", "object", "svg")
_too_deep: Final = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 2)})")


def read(body: bytes) -> bytes:
    """Return the page, which is in UTF-8, as XML. Raises ValueError that says why not."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(_CONTROLS.sub(b" ", body), parser)
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        raise ValueError("The page cannot be read.")
    if _too_deep(root):
        raise ValueError(f"Elements are nested more than {MAX_DEPTH} levels deep.")
    etree.strip_elements(root, *_DROPPED, with_tail=False)
    for element in root.iter(etree.Element):
        _make_plain(element)
    return etree.tostring(root, encoding="utf-8")


def _make_plain(element: Any) -> None:
    """Let an element have an XML name; what Word calls o:p is a span. Likewise its attributes."""
    if not _NAME.fullmatch(element.tag):
        element.tag = "span"
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise ValueError(f"An element has more than {MAX_ATTRIBUTES} attributes.")
    for name in [name for name in element.attrib if not _NAME.fullmatch(name)]:
        del element.attrib[name]

"""The words of an XHTML narrative, for targets that are plain text."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt"),
        *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol"),
        *("p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"),
    )
)
_CELLS = frozenset(("td", "th"))
_NO_WORDS = frozenset(("head", "script", "style", "title"))


def words(xhtml: str) -> str:
    """Return the text of an XHTML or HTML fragment, a line for every block, blank ones out.

    Raises ValueError if it is not to be read to its end: half a narrative is none.
    """
    root = _parsed(xhtml)
    if root is None:
        return ""
    lines = "".join(_pieces(root)).split("\n")
    return "\n".join(line for part in lines if (line := " ".join(part.split())))


def _parsed(xhtml: str) -> etree._Element | None:
    """Return the root; XML as XHTML should be, else as browsers read it."""
    raw = xhtml.encode("utf-8", "replace")
    strict = etree.XMLParser(encoding="utf-8", no_network=True, resolve_entities=False)
    try:
        return etree.fromstring(raw, strict)
    except etree.XMLSyntaxError:
        lenient = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True)
    try:
        root = etree.fromstring(raw, lenient)
    except etree.XMLSyntaxError:
        raise ValueError("not XHTML") from None
    if b"<![CDATA[" in raw or any(
        error.level == etree.ErrorLevels.FATAL for error in lenient.error_log
    ):
        raise ValueError("not XHTML that can be read to its end")
    return root


def _pieces(root: etree._Element) -> Iterator[str]:
    """Yield the texts in their order, with line breaks around blocks and blanks after cells."""
    silent = 0  # how many elements without words we are inside of
    for event, element in etree.iterwalk(root, events=("start", "end", "comment")):
        name = etree.QName(element).localname if isinstance(element.tag, str) else ""
        edge = "\n" if name in _BLOCKS else " " if name in _CELLS else ""
        silent += (event == "start" and name in _NO_WORDS) - (event == "end" and name in _NO_WORDS)
        yield edge
        said = element.text if event == "start" else element.tail
        if said and not silent:
            # a line break in the source of a narrative is a blank
            yield said if _is_preformatted(element, event) else said.replace("\n", " ")


def _is_preformatted(element: etree._Element, event: str) -> bool:
    holder = element if event == "start" else element.getparent()
    return holder is not None and holder.tag == "pre"

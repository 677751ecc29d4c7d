"""A section's narrative as XHTML that FHIR allows: every word, in the shape in which it was sent.

CDA R2 4.3.5 names the elements; senders use those of HTML beside them. Whatever an element is
called, its words are kept.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from html import escape
from typing import Final

from lxml import etree

from service.formats.cda.names import XHTML, split

_SAME: Final = frozenset(
    (
        *("br", "sub", "sup", "thead", "tbody", "tfoot", "tr", "th", "td", "col", "colgroup"),
        *("table", "p", "div", "span", "b", "i", "strong", "em", "ul", "ol", "li", "dl", "dt"),
        *("dd", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    )
)
_BLANKS: Final = re.compile("[ \\t\\r\\n]+")  # not the no-break space
_EMPTY: Final = frozenset(("br", "hr", "col"))
_ATTRIBUTES: Final = frozenset(
    (
        *("abbr", "align", "axis", "border", "cellpadding", "cellspacing", "char", "charoff"),
        *("colspan", "frame", "headers", "rowspan", "rules", "scope", "summary", "valign"),
    )
)
_STYLES: Final = {"bold": "b", "italics": "i", "emphasis": "em"}
_LINKS: Final = ("http://", "https://", "mailto:")


def narrative(text: etree._Element, attached: Callable[[str], str] = lambda reference: "") -> str:
    """Return the words of a section's `text` as a div of XHTML; "" where there are none.

    attached: what an ID of an attachment (renderMultiMedia) is called.
    """
    if (
        not "".join(map(str, text.itertext())).strip()
        and text.find(".//{*}renderMultiMedia") is None
    ):
        return ""
    inner = _plain(text.text or "") if len(text) == 0 else "".join(_content(text, attached))
    return f'<div xmlns="{XHTML}">{inner}</div>'


def _plain(text: str) -> str:
    """Text without markup: its lines are all the shape that it has."""
    stripped = textwrap.dedent(text.expandtabs()).strip()
    return f"<pre>{escape(stripped)}</pre>" if "\n" in stripped else f"<p>{escape(stripped)}</p>"


def _content(element: etree._Element, attached: Callable[[str], str]) -> Iterator[str]:
    as_sent = split(element.tag)[1] == "pre"
    if element.text:
        yield _words(element.text, as_sent)
    for child in element:
        yield from _element(child, attached)
        if child.tail:
            yield _words(child.tail, as_sent)


def _words(text: str, as_sent: bool) -> str:
    """Return a text escaped; where its line breaks and indents mean nothing, a blank for them."""
    return escape(text if as_sent else _BLANKS.sub(" ", text))


def _element(element: etree._Element, attached: Callable[[str], str]) -> Iterator[str]:
    name = split(element.tag)[1]
    if name in _EMPTY:
        yield f"<{name}{_attributes(element)}/>"
        yield from _content(element, attached)  # which it should not have
    elif name == "renderMultiMedia":
        called = attached(element.get("referencedObject", "")) or "attachment"
        yield f"<span>[{escape(called)}]</span>"
        yield from _content(element, attached)
    else:
        opening, closing = _around(name, element)
        yield opening
        yield from _content(element, attached)
        yield closing


def _around(name: str, element: etree._Element) -> tuple[str, str]:
    """Return what stands before and behind the content of an element."""
    if name in _SAME:
        return f"<{name}{_attributes(element)}>", f"</{name}>"
    if name == "content":
        return _styled(element)
    if name == "list":
        tag = "ol" if element.get("listType") == "ordered" else "ul"
        return f"<{tag}>", f"</{tag}>"
    if name == "linkHtml" and element.get("href", "").startswith(_LINKS):
        return f'<a href="{escape(element.get("href", ""))}">', "</a>"
    return _RENAMED.get(name, ("<span>", "</span>")) if name != "caption" else _caption(element)


_RENAMED: Final = {
    "paragraph": ("<p>", "</p>"),
    "item": ("<li>", "</li>"),
    "footnote": ("<span> [", "]</span>"),
}


def _caption(element: etree._Element) -> tuple[str, str]:
    """A table's caption is one in XHTML too; a list's is its first item, a paragraph's its head."""
    parent = element.getparent()
    holder = split(parent.tag)[1] if parent is not None else ""
    if holder == "table":
        return "<caption>", "</caption>"
    return ("<li><b>", "</b></li>") if holder == "list" else ("<b>", "</b> ")


def _styled(element: etree._Element) -> tuple[str, str]:
    if element.get("revised") == "delete":
        return '<span style="text-decoration: line-through">[deleted: ', "]</span>"
    asked = element.get("styleCode", "").lower().split()
    tags = [_STYLES[style] for style in asked if style in _STYLES]
    if "underline" in asked:
        tags.append('span style="text-decoration: underline"')
    tags = tags or ["span"]
    opening = "".join(f"<{tag}>" for tag in tags)
    return opening, "".join(f"</{tag.split()[0]}>" for tag in reversed(tags))


def _attributes(element: etree._Element) -> str:
    kept = [(n, v) for n, v in element.attrib.items() if n in _ATTRIBUTES]
    return "".join(f' {name}="{escape(str(value))}"' for name, value in kept)

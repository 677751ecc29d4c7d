"""FHIR's narrative: a div of XHTML with text in it and nothing that runs (txt-1, txt-2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPENING: Final = re.compile(r'<div\b[^>]*\bxmlns="http://www\.w3\.org/1999/xhtml"[^>]*>')
# The common case, told without parsing: text, with at most one p or pre around it.
_WORDS: Final = (
    r"\s*+(?:[^<&\s\x00-\x1f]|&(?:amp|lt|gt|quot|#x27);)"
    r"(?:[^<&\x00-\x08\x0b\x0c\x0e-\x1f]|&(?:amp|lt|gt|quot|#x27);)*+"
)
_PLAIN: Final = re.compile(
    r'<div xmlns="http://www\.w3\.org/1999/xhtml">'
    rf"(?:{_WORDS}|<p>{_WORDS}</p>|<pre>{_WORDS}</pre>)</div>"
)
_NAMESPACE: Final = "{http://www.w3.org/1999/xhtml}"
# https://hl7.org/fhir/R4/narrative.html#Narrative: chapters 7-11 (not 9.5) and 15 of HTML 4
_ELEMENTS: Final = _words(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2"
    " h3 h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th"
    " thead tr tt ul var"
)
_ATTRIBUTES: Final = _words(
    "abbr accesskey align alt axis border cellhalign cellpadding cellspacing cellvalign char"
    " charoff charset cite class colspan compact coords dir frame headers height href hreflang"
    " hspace id lang longdesc name nowrap rel rev rowspan rules scope shape span src start"
    " style summary tabindex title type valign value vspace width xml:lang"
)
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def faults(div: str) -> Iterator[str]:
    """Yield what FHIR does not allow in this narrative."""
    if not _OPENING.match(div):
        yield 'must begin with <div xmlns="http://www.w3.org/1999/xhtml">'
        return
    root = _parsed(div)
    if root is None:
        yield "must be well-formed XHTML without a DTD"
        return
    elements = list(root.iter())
    if any(not _is_allowed(element) for element in elements):
        yield "txt-1: has an element or attribute that narrative must not have"
    has_image = any(element.tag == f"{_NAMESPACE}img" for element in elements)
    if not has_image and not "".join(map(str, root.itertext())).strip():
        yield "txt-2: must have some content"


def is_narrative(div: str) -> bool:
    """Whether `faults` finds none; quick for plain text in a div."""
    return _PLAIN.fullmatch(div) is not None or not any(faults(div))


def _parsed(div: str) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(div.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _is_allowed(element: etree._Element) -> bool:
    if isinstance(element, etree._Comment):
        return True
    if isinstance(element, etree._ProcessingInstruction | etree._Entity):
        return False
    names = {"xml:lang" if name == _XML_LANG else str(name) for name in element.attrib}
    return element.tag.removeprefix(_NAMESPACE) in _ELEMENTS and names <= _ATTRIBUTES

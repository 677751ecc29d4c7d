"""Where something stands in a document: names that are paths themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lxml import etree

from service.formats.cda.names import HL7, split, written

# What every document of a kind has alike, or what only says how the rest is to be read.
_FORMAL: Final = frozenset(
    (
        *("typeId", "templateId", "realmCode", "contentId", "messageType"),
        *("signatureCode", "standardIndustryClassCode"),
    )
)
_FORMAL_ATTRIBUTES: Final = frozenset(
    (
        *("classCode", "moodCode", "determinerCode", "contextControlCode", "inversionInd"),
        *("contextConductionInd", "codeSystem", "codeSystemName", "codeSystemVersion"),
        *("nullFlavor", "ID", "independentInd", "representation", "mediaType", "typeCode"),
        *("assigningAuthorityName", "displayable", "type", "schemaLocation", "valueSet", "unit"),
    )
)


def place(element: etree._Element, attribute: str = "") -> str:
    """Return e.g. "/ClinicalDocument/recordTarget[1]/patientRole[1]/id[2]/@extension"."""
    steps: list[str] = []
    at: etree._Element | None = element
    while at is not None:
        parent = at.getparent()
        steps.append(written(at.tag) if parent is None else f"{written(at.tag)}[{_ordinal(at)}]")
        at = parent
    path = "/" + "/".join(reversed(steps))
    return f"{path}/@{written(attribute)}" if attribute else path


def leaves(element: etree._Element, path: str = "") -> Iterator[str]:
    """Yield the place of every value at and below an element; a narrative is one value."""
    path = path or "/" + written(element.tag)
    if element.get("nullFlavor") is None:
        yield from _own(element, path)
    if is_narrative(element):
        return
    counts: Counter[str] = Counter()
    for child in element:
        counts[child.tag] += 1
        if split(child.tag)[1] not in _FORMAL:
            yield from leaves(child, f"{path}/{written(child.tag)}[{counts[child.tag]}]")


def _own(element: etree._Element, path: str) -> Iterator[str]:
    """Yield the places of an element's attributes and of its own text."""
    for name in element.attrib:
        if split(str(name))[1] not in _FORMAL_ATTRIBUTES:
            yield f"{path}/@{written(str(name))}"
    if is_narrative(element) or (element.text and not element.text.isspace()):
        yield path


def is_narrative(element: etree._Element) -> bool:
    """Whether this is what a section says to people."""
    parent = element.getparent()
    named = element.tag == f"{{{HL7}}}text"
    return named and parent is not None and parent.tag == f"{{{HL7}}}section"


def _ordinal(element: etree._Element) -> int:
    return 1 + sum(1 for _ in element.itersiblings(element.tag, preceding=True))

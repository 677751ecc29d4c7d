"""The namespaces of a CDA document and its envelope, and the prefixes that paths have for them."""

from __future__ import annotations

from typing import Final

HL7: Final = "urn:hl7-org:v3"
ITK: Final = "urn:nhs-itk:ns:201005"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XHTML: Final = "http://www.w3.org/1999/xhtml"

# What a path may write before a colon. An element name without one is HL7's.
PREFIXES: Final[dict[str, str]] = {
    "hl7": HL7,
    "itk": ITK,
    "sdtc": "urn:hl7-org:sdtc",  # HL7's own extensions, C-CDA
    "npfitlc": "NPFIT:HL7:Localisation",  # the NHS's extensions
    "xsi": XSI,
    "xhtml": XHTML,
}
_BY_NAMESPACE: Final = {uri: prefix for prefix, uri in PREFIXES.items() if prefix != "hl7"}


def split(tag: str) -> tuple[str, str]:
    """Return the namespace and the name of an element or attribute as lxml writes it."""
    space, _, name = tag.rpartition("}")
    return space[1:], name


def written(tag: str) -> str:
    """Return an element's or attribute's name as a path writes it, e.g. "itk:header"."""
    space, name = split(tag)
    prefix = _BY_NAMESPACE.get(space)
    return f"{prefix}:{name}" if prefix else name

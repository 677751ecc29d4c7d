"""`CdaMessage`: one clinical document, the envelope it came in, and what both say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Final

from lxml import etree

from service.errors import Issue
from service.formats.cda.envelope import Envelope
from service.formats.cda.names import HL7
from service.formats.cda.narrative import narrative
from service.formats.cda.places import is_narrative, leaves

Place = tuple[etree._Element, "CdaMessage"]

# Organisations and sites by ODS code: the ITK's two roots, and the older ones of the Spine.
ODS_ROOTS: Final = (
    "2.16.840.1.113883.2.1.3.2.4.19.1",
    "2.16.840.1.113883.2.1.3.2.4.19.2",
    "1.2.826.0.1285.0.1.10",
    "2.16.840.1.113883.2.1.4.3",
)
_SENDERS: Final = (
    "h:custodian/h:assignedCustodian/h:representedCustodianOrganization/h:id",
    "h:author/h:assignedAuthor/h:representedOrganization/h:id",
)
_H: Final = {"h": HL7}
_with_id: Final = etree.XPath("//*[@ID]")


@dataclass(frozen=True, kw_only=True, slots=True)
class CdaMessage:
    """A CDA document as a `SourceMessage`; its places are pairs of an element and itself."""

    format: ClassVar[str] = "cda"
    namespace: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[frozenset[str]] = frozenset()

    document: etree._Element = field(repr=False)  # ClinicalDocument, the root of its own tree
    envelope: Envelope | None = None
    raw: bytes = field(repr=False, default=b"")
    charset_guessed: bool = False
    issues: tuple[Issue, ...] = ()
    part: int = 1  # of an envelope with several documents
    parts: int = 1
    _named: dict[str, etree._Element] = field(repr=False, default_factory=dict)

    @property
    def root(self) -> Place:
        """The document, where paths start."""
        return (self.document, self)

    @property
    def message_id(self) -> str:
        """The tracking id of the envelope, else the document's own id (root and extension)."""
        own = self.envelope.tracking_id if self.envelope else ""
        own = own or self.document_id
        return f"{own}#{self.part}" if own and self.parts > 1 else own

    @property
    def document_id(self) -> str:
        """ClinicalDocument.id: "root" or "root|extension"; "" if it is null."""
        found = self.document.find("h:id", _H)
        if found is None or found.get("nullFlavor"):
            return ""
        return "|".join(filter(None, (found.get("root"), found.get("extension"))))

    @property
    def message_type(self) -> str:
        """E.g. "ClinicalDocument 18842-5": the document's code."""
        code = self.document.find("h:code", _H)
        told = code.get("code", "") if code is not None else ""
        return f"ClinicalDocument {told}".strip()

    @property
    def claimed_sender(self) -> str:
        """The ODS code of the envelope's sender, else of the custodian or the author."""
        if self.envelope and self.envelope.sender:
            return self.envelope.sender
        for path in _SENDERS:
            for one in self.document.iterfind(path, _H):
                if one.get("root") in ODS_ROOTS and one.get("extension"):
                    return one.get("extension", "").upper()
        return ""

    def leaves(self) -> Iterator[str]:
        """Yield the place of every value of the document and its envelope."""
        if self.envelope and self.envelope.header is not None:
            yield from leaves(self.envelope.header)
        yield from leaves(self.document)

    def text_of(self, element: etree._Element) -> str:
        """Return what an element says; "" for one that is null or says nothing.

        A section's text is XHTML; a reference into a narrative is the words that it refers to;
        an element with parts is their words.
        """
        if element.get("nullFlavor"):
            return ""
        if is_narrative(element):
            return narrative(element, self._attached)
        if len(element) == 0:
            return element.text or ""
        reference = element.find("h:reference", _H)
        told = self._by_reference(reference.get("value", "")) if reference is not None else ""
        return told or _words(element)

    def _by_reference(self, reference: str) -> str:
        """Return the words of what "#ID" refers to; a reference to elsewhere has none."""
        named = self._index().get(reference.removeprefix("#")) if reference[:1] == "#" else None
        return _words(named) if named is not None else ""

    def _attached(self, reference: str) -> str:
        """Return what an attachment that a narrative shows is called."""
        named = self._index().get(reference)
        value = named.find(".//h:value", _H) if named is not None else None
        return f"attachment {value.get('mediaType', '')}".strip() if value is not None else ""

    def _index(self) -> dict[str, etree._Element]:
        if not self._named:
            for element in _with_id(self.document):  # type: ignore[union-attr]
                self._named.setdefault(element.get("ID"), element)  # type: ignore[union-attr,arg-type]
        return self._named


def _words(element: etree._Element) -> str:
    return " ".join(said for text in element.itertext() if (said := str(text).strip()))

"""The reader of FHIR R4, JSON and XML: messages, documents, transactions, single resources."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.errors import Issue, TooLarge
from service.formats import xml_tree
from service.formats.fhir_r4.compiler import compile_expression
from service.formats.fhir_r4.index import Index, resources
from service.formats.fhir_r4.json_reader import as_written, read_json
from service.formats.fhir_r4.message import R4, FhirMessage, Release, messages
from service.formats.fhir_r4.node import Node, place, text
from service.formats.fhir_r4.node import root as root_of
from service.formats.fhir_r4.steps import merged, present
from service.formats.fhir_r4.stu3 import stu3_evidence as _stu3_evidence
from service.formats.fhir_r4.xml_reader import read_xml
from service.formats.source import Path
from service.model import r4
from service.model.definitions import Definitions

MAX_BYTES: Final = xml_tree.MAX_BYTES  # of one message, JSON or XML
_BOM: Final = b"\xef\xbb\xbf"
_XML_ROOT: Final = re.compile(
    rb"""<(?:\w+:)?[A-Z]\w*\s[^>]*?xmlns(?::\w+)?\s*=\s*["']http://hl7\.org/fhir["']"""
)
_OTHER_VERSION: Final = re.compile(r"fhirversion\s*=\s*\"?(?!4\.0)", re.IGNORECASE)
_Place = tuple[Node, Index]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A resource as R4 JSON has it, whether it came as JSON or XML; decimals are `Decimal`."""

    resource: dict[str, Any]
    issues: tuple[Issue, ...] = ()  # what could not be read into it


def parse(body: bytes, definitions: Definitions = r4.DEFINITIONS) -> Parsed:
    """Return the resource in `body`, nothing judged yet but the syntax.

    Raises UnreadableMessage with line and column; TooLarge.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"a message has at most {MAX_BYTES // 1024 // 1024} MB")
    if xml_tree.is_xml(body):
        resource, issues = read_xml(body, definitions)
        return Parsed(resource=resource, issues=tuple(issues))
    bom = (_byte_order_mark(),) if body.startswith(_BOM) else ()
    return Parsed(resource=read_json(body), issues=bom)


def stu3_evidence(resource: dict[str, Any]) -> str:
    """Return the place of the first thing that only STU3 has; "" where there is none."""
    return _stu3_evidence(resources(root_of(resource)))


def looks_like_fhir(body: bytes) -> bool:
    """Whether the bytes look like FHIR of some release, in JSON or XML."""
    beginning = xml_tree.beginning(body)
    if beginning.startswith(b"{"):
        return b'"resourceType"' in body
    return beginning.startswith(b"<") and _XML_ROOT.search(beginning) is not None


class FhirFormat:
    """See `service.formats.source.Format`; one for each release of FHIR that is read."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self.name = release.format_name

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether it looks like FHIR. STU3 looks the same; `read` refuses it by name."""
        return not _OTHER_VERSION.search(media_type) and looks_like_fhir(body)

    def read(self, body: bytes, charset: str | None = None) -> tuple[FhirMessage, ...]:
        """Return the messages in `body`; FHIR is UTF-8 or says what it is, so charset is not used.

        One without an id of its own is known by its content. Raises UnreadableMessage,
        UnknownFormat for STU3, TooLarge.
        """
        parsed = parse(body, self._release.definitions)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        read = messages(parsed.resource, parsed.issues, self._release)
        return tuple(one.named(digest) for one in read)

    def compile_path(self, text: str) -> Path:
        """Compile a path of the FHIRPath subset. Raises ValueError."""
        compiled = compile_expression(text, self._release.definitions)
        steps = merged(compiled.steps)

        def find(place: _Place) -> Sequence[Node]:
            node, index = place
            found: Sequence[Node] = (node,)
            for step in steps:
                found = step(found, index)
                if not found:
                    break
            return found

        def values(place: _Place) -> Sequence[str]:
            node, index = place
            found: Sequence[Node] = (node,)
            for step in steps:
                found = step(found, index)
                if not found:
                    return ()
            return [told for one in found if (told := _text(one[0]))]

        def nodes(place: _Place) -> Sequence[_Place]:
            found = find(place)
            return [(one, place[1]) for one in present(found)] if found else ()

        def places(node: _Place) -> Sequence[str]:
            return [place(one) or text for one in find(node) if _text(one[0])]

        return Path(
            text=text, values=values, nodes=nodes, places=places, structured=compiled.structured
        )


def _byte_order_mark() -> Issue:
    told = "the message begins with a byte order mark"
    return Issue(severity="information", code="structure", text=told, source="line 1, column 1")


_text = text
FORMAT: Final = FhirFormat(R4)

__all__ = [
    "FORMAT",
    "FhirFormat",
    "FhirMessage",
    "Parsed",
    "Release",
    "as_written",
    "looks_like_fhir",
    "messages",
    "parse",
    "stu3_evidence",
]

"""`FhirMessage`: one patient's share of a bundle, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import Any, ClassVar, Final

from service.errors import Issue, TooLarge, UnknownFormat, UnreadableMessage
from service.formats.fhir_r4 import node as nodes
from service.formats.fhir_r4.compiler import compile_expression
from service.formats.fhir_r4.index import UUID, Index, resources, type_of
from service.formats.fhir_r4.node import Node
from service.formats.fhir_r4.split import part_by_patient
from service.formats.fhir_r4.steps import Step
from service.formats.fhir_r4.structure import MAX_ISSUES, Structure
from service.formats.fhir_r4.stu3 import stu3_evidence
from service.model import r4
from service.model.definitions import Definitions

MAX_ENTRIES: Final = 5000  # of one bundle
_MESSAGES: Final = frozenset({"message", "document", "transaction", "batch", "collection"})
_ENTRY: Final = re.compile(r"entry\[(\d+)\]")
_SEVERAL_PATIENTS: Final = frozenset({"transaction", "batch", "collection"})
_ODS_SYSTEM = "where(system.matches('/ods-(organi[sz]ation|site)-code$')).value"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What differs between the releases of FHIR that are read; `senders`: who may have sent."""

    format_name: str  # as mapping files call it
    definitions: Definitions
    senders: tuple[str, ...]  # paths, the most telling first


R4: Final = Release(
    format_name="fhir-r4",
    definitions=r4.DEFINITIONS,
    senders=(
        "MessageHeader.sender",
        "MessageHeader.responsible",
        "Composition.custodian",
        "Composition.author",
        "Communication.sender",
        "ServiceRequest.requester",
    ),
)


_TOLD_ELSEWHERE: Final = (
    "a Subscriptions notification or a history says what can be read elsewhere; what it is about "
    "is not in it to be sent on"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirMessage:
    """A message, document, transaction, batch, collection or single resource.

    message_id: MessageHeader.id, else the bundle's identifier, else the MessageHeader's UUID;
    "" where there is none of them (Bundle.id is reused by real senders and identifies nothing).
    namespace: a UUID that is only the address of an entry names a message together with
    Bundle.id and timestamp: BaRS keeps both addresses in the update and cancellation of a referral.
    """

    raw: ClassVar[bytes] = b""  # every message of a bundle has all of its bytes
    charset_guessed: ClassVar[bool] = False  # FHIR is UTF-8, or its XML says what it is

    release: Release = field(default=R4, repr=False)
    index: Index = field(repr=False)
    message_id: str
    message_type: str
    bundle_id: str
    namespace: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()
    part: int = 1  # of a bundle that was parted by patient, from 1
    parts: int = 1

    @property
    def format(self) -> str:
        """The format's name in mapping files."""
        return self.release.format_name

    @property
    def root(self) -> tuple[Node, Index]:
        """The Bundle or resource, where paths start."""
        return (self.index.root, self.index)

    @property
    def resource(self) -> dict[str, Any]:
        """The Bundle or resource as JSON; entries of other patients are None."""
        resource: dict[str, Any] = self.index.root[0]
        return resource

    @property
    def claimed_sender(self) -> str:
        """The ODS code of the MessageHeader's sender, the custodian, author or requester."""
        index = self.index
        for sender in _senders(self.release):
            named = sender((index.root,), index)
            for via in _ways_to_a_code(self.release.definitions) if named else ():
                for one in via(named, index):
                    if code := nodes.text(one[0]):
                        return code
        return ""

    def named(self, name: str) -> FhirMessage:
        """Return it under this name (and its part) if it has no id of its own."""
        if self.message_id:
            return self
        return replace(self, message_id=f"{name}#{self.part}" if self.parts > 1 else name)

    def leaves(self) -> Iterator[str]:
        """Yield the place of every value, e.g. "entry[3].resource.name[0].family"."""
        return nodes.leaves(self.index.root)


def messages(
    resource: dict[str, Any], issues: Sequence[Issue] = (), release: Release = R4
) -> tuple[FhirMessage, ...]:
    """Return the messages in a parsed bundle or resource: one, or one a patient.

    An element whose name begins with a wrong capital is put right in `resource`. Raises
    UnknownFormat for STU3 where R4 is due, UnreadableMessage for what is no message.
    """
    _refuse_many(resource.get("entry"))
    if release is R4:
        _refuse_stu3(resource)
    kind = _bundle_type(resource, release.definitions)
    structure = Structure(resource, release.definitions)
    index = Index(resource)
    doubtful = islice(_doubtful(index, structure.references), MAX_ISSUES)
    found = (*issues, *structure.issues, *doubtful)
    several = kind in _SEVERAL_PATIENTS
    bundles = part_by_patient(index, structure.references) if several else [resource]
    if len(bundles) == 1:
        return (_message(release, index, kind, found, (1, 1)),)
    return tuple(
        _message(release, Index(bundle), kind, _of_part(found, bundle), (part, len(bundles)))
        for part, bundle in enumerate(bundles, 1)
    )


def _message(
    release: Release, index: Index, kind: str, issues: tuple[Issue, ...], part: tuple[int, int]
) -> FhirMessage:
    part_number, parts = part
    own = _message_id(index)
    url = "" if own else _header_uuid(index)
    own = own or url
    bundle_id = index.root[0].get("id") if kind else ""
    return FhirMessage(
        release=release,
        index=index,
        message_id=f"{own}#{part_number}" if own and parts > 1 else own,
        message_type=_message_type(index, kind),
        bundle_id=bundle_id if type(bundle_id) is str else "",
        namespace=_sending(index) if url else (),
        issues=issues,
        part=part_number,
        parts=parts,
    )


def _of_part(issues: tuple[Issue, ...], bundle: dict[str, Any]) -> tuple[Issue, ...]:
    """Leave out what was found in another patient's entries."""
    entries = bundle["entry"]
    places = ((issue, _ENTRY.match(issue.source)) for issue in issues)
    return tuple(issue for issue, at in places if not at or entries[int(at[1])] is not None)


def _doubtful(index: Index, references: Sequence[Node]) -> Iterator[Issue]:
    """Yield what is wrong with the message's references."""
    for node in index.ambiguous:
        yield _doubt("duplicate", "another resource has the same fullUrl or id", node)
    for node in references:
        told = node[0].get("reference")
        if type(told) is not str or told.startswith("#"):
            continue
        if UUID.fullmatch(told):
            yield _doubt("value", "a UUID without urn:uuid: is read as with it", node)
        elif told.startswith("urn:") and index.resolve(node) is None:
            yield _doubt("not-found", "the resource referred to is not in the message", node)


def _doubt(code: str, text: str, node: Node) -> Issue:
    return Issue(severity="warning", code=code, text=text, source=nodes.place(node))


def _bundle_type(resource: dict[str, Any], definitions: Definitions) -> str:
    """Return Bundle.type, "" for a single resource."""
    kind = type_of(resource)
    if not definitions.is_resource(kind):
        text = f"resourceType names no resource of FHIR {definitions.name}"
        raise _no_message(text, "resourceType")
    if kind != "Bundle":
        return ""
    bundle_type = nodes.text(resource.get("type"))
    if bundle_type == "history":
        raise _no_message(_TOLD_ELSEWHERE, "type")
    if bundle_type not in _MESSAGES:
        listed = ", ".join(sorted(_MESSAGES))
        raise _no_message(f"a bundle sent here has one of the types {listed}", "type")
    return bundle_type


def _no_message(text: str, place: str) -> UnreadableMessage:
    issue = Issue(severity="fatal", code="structure", text=text, target=place, source=place)
    return UnreadableMessage(text, [issue])


def _refuse_many(entries: Any) -> None:
    if type(entries) is list and len(entries) > MAX_ENTRIES:
        raise TooLarge(f"a bundle has at most {MAX_ENTRIES} entries")


def _refuse_stu3(resource: dict[str, Any]) -> None:
    evidence = stu3_evidence(resources(nodes.root(resource)))
    if evidence:
        text = "this is FHIR STU3; FHIR R4 is read here"
        issue = Issue(severity="fatal", code="not-supported", text=text, source=evidence)
        raise UnknownFormat(f"{text} ({evidence})", [issue])


def _message_id(index: Index) -> str:
    for header in index.by_type.get("MessageHeader", ()):
        own = header[0].get("id")
        if type(own) is str and own:
            return own
    if index.root[0].get("resourceType") != "Bundle":
        return ""
    return _identifier(index.root[0].get("identifier"))


def _sending(index: Index) -> tuple[str, ...]:
    """Return what tells one sending of a Bundle from another."""
    told = (index.root[0].get("id"), index.root[0].get("timestamp"))
    return tuple(one for one in told if type(one) is str and one)


def _identifier(identifier: Any) -> str:
    if type(identifier) is not dict or type(identifier.get("value")) is not str:
        return ""
    system = identifier.get("system")
    return f"{system}|{identifier['value']}" if system else identifier["value"]


def _header_uuid(index: Index) -> str:
    for header in index.by_type.get("MessageHeader", ()):
        url = header[1][0].get("fullUrl") if header[1] is not None else None
        match = UUID.search(url) if type(url) is str else None
        if match:
            return match[0]
    return ""


def _message_type(index: Index, kind: str) -> str:
    if not kind:
        return str(index.root[0]["resourceType"])
    event = _event(index) if kind == "message" else ""
    return f"{kind}:{event}" if event else kind


def _event(index: Index) -> str:
    """Return the event's code, or the last part of its URI; STU3 calls the coding `event`."""
    for header in index.by_type.get("MessageHeader", ()):
        coding = header[0].get("eventCoding") or header[0].get("event")
        uri = header[0].get("eventUri")
        if type(coding) is dict and type(coding.get("code")) is str:
            return str(coding["code"])
        if type(uri) is str:
            return uri.rpartition("/")[2]
    return ""


@cache
def _senders(release: Release) -> tuple[Step, ...]:
    return tuple(compile_expression(one, release.definitions).find for one in release.senders)


@cache
def _ways_to_a_code(definitions: Definitions) -> tuple[Step, ...]:
    """The organisation itself, the organisation of a role, or a logical reference."""
    ways = (
        "resolve().identifier",
        "resolve().organization.resolve().identifier",
        "identifier",
        "resolve().organization.identifier",
        "resolve().roles().organization.resolve().identifier",
    )
    return tuple(compile_expression(f"{way}.{_ODS_SYSTEM}", definitions).find for way in ways)

"""From bytes to what the service would make of them, with no store: for `convert`."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from service import formats
from service.delivery.posting import require_conformance
from service.delivery.routing import Routing
from service.errors import Issue
from service.fhir.build import LAST_UPDATED, Built, Known, Origin, binary, build
from service.fhir.outcome import operation_outcome
from service.fhir.systems import CANONICAL
from service.formats import SourceMessage
from service.formats.fhir_r4 import FhirMessage
from service.mapping import Mapping, Mappings, Trace
from service.model import Instant, OdsCode, TransferOfCare

UNKNOWN: Final = OdsCode("UNKNOWN")  # stands for a sender that nobody named
_SENDER_UNKNOWN: Final = Issue(
    severity="warning",
    code="incomplete",
    text="Who sends this is not known; name the organisation with --sender.",
    target="message.sender",
)
Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Converter:
    """The way of a message without the store: every message is the first of its patient."""

    mappings: Mappings
    routing: Routing
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def convert(
        self,
        body: bytes,
        *,
        media_type: str = "",
        mapping_id: str = "",
        sender: OdsCode | None = None,
        traces: list[Trace] | None = None,
    ) -> list[Resource]:
        """Return a Bundle for each message in `body`: mostly one. Raises ServiceError.

        `traces` gets what made each message's values, of a refused message too.
        """
        return [
            self._one(source, body, mapping_id, sender, traces)
            for source in self._read(media_type, body, mapping_id)
        ]

    def _read(self, media_type: str, body: bytes, mapping_id: str) -> Sequence[SourceMessage]:
        if not mapping_id:
            return formats.detect(media_type, body).read(body)
        mapping = self.mappings.by_id(mapping_id)
        return formats.FORMATS[mapping.format].read(body, mapping.charset)

    def _one(
        self,
        source: SourceMessage,
        body: bytes,
        mapping_id: str,
        sender: OdsCode | None,
        traces: list[Trace] | None,
    ) -> Resource:
        sender = sender or self._sender(source, mapping_id)
        mapping = self.mappings.choose(sender, source, mapping_id)
        source = _as_mapped(source, mapping)
        trace = None if traces is None else Trace()
        if traces is not None and trace is not None:
            traces.append(trace)
        transfer = mapping.apply(source, sender, trace)
        if sender == UNKNOWN:
            transfer = replace(transfer, issues=(*transfer.issues, _SENDER_UNKNOWN))
        return self._bundle(transfer, _origin(mapping, body, self.new_id()))

    def _sender(self, source: SourceMessage, mapping_id: str) -> OdsCode:
        """Return who sends: of the mapping's senders the one claimed, else whoever is claimed."""
        mapped = self.mappings.by_id(mapping_id).senders if mapping_id else ()
        try:
            claimed = OdsCode.parse(source.claimed_sender)
        except ValueError:
            return mapped[0] if mapped else UNKNOWN
        return mapped[0] if mapped and claimed not in mapped else claimed

    def _bundle(self, transfer: TransferOfCare, origin: Origin) -> Resource:
        routed = self.routing.recipients(transfer)
        issues = (*transfer.issues, *routed.issues)
        built = build(
            replace(transfer, issues=issues, requests=routed.requests),
            routed.recipients,
            known=Known(),  # nothing was sent before: nothing is stored here
            origin=origin,
            now=self.clock(),
            new_id=self.new_id,
            organisation_name=self.routing.directory.name_of,
        )
        require_conformance(built)
        return self._collection(_resources(built), (*issues, *built.issues))

    def _collection(self, resources: Iterable[Resource], issues: Sequence[Issue]) -> Resource:
        """https://hl7.org/fhir/R4/bundle.html of type collection, the issues as its last entry."""
        now = Instant.of(self.clock()).isoformat()
        entries = [_entry(_stamped(resource, now)) for resource in resources]
        if issues:
            entries.append(_entry({**operation_outcome(issues), "id": self.new_id()}))
        return {
            "resourceType": "Bundle",
            "id": self.new_id(),
            "type": "collection",
            "timestamp": now,
            "entry": entries,
        }


def _as_mapped(source: SourceMessage, mapping: Mapping) -> SourceMessage:
    """Return the message in its mapping's character set, and with an id."""
    if mapping.charset and source.charset_guessed:
        [source] = formats.FORMATS[mapping.format].read(source.raw, mapping.charset)
    if isinstance(source, FhirMessage):
        return source.named(f"sha256:{hashlib.sha256(source.raw).hexdigest()}")
    return source


def _resources(built: Built) -> Iterator[Resource]:
    """Yield every resource that the service would store."""
    yield from built.resources
    for _, communication, task in built.communications:
        yield communication
        yield task
    for content in built.contents:
        yield binary(content)


def _entry(resource: Resource) -> Resource:
    """Return a Bundle's entry, named so that relative references lead to it."""
    address = f"{CANONICAL}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": address, "resource": resource}


def _stamped(resource: Resource, now: str) -> Resource:
    """Return the resource with the time where the store would put that of its commit."""
    meta = resource.get("meta", {})
    if meta.get("lastUpdated") != LAST_UPDATED:
        return resource
    return {**resource, "meta": {**meta, "lastUpdated": now}}


def _origin(mapping: Mapping, body: bytes, message_id: str) -> Origin:
    return Origin(
        message_id=message_id,
        media_type="",
        size=len(body),
        sha1=b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode(),
        mapping=mapping.id,
        mapping_version=mapping.version,
    )

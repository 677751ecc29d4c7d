"""From bytes to what would be made of them, with nothing stored: for `convert`, `$try`, explain."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from service import formats
from service.delivery.draft import Draft, Drafting, drafting
from service.delivery.routing import Routing
from service.errors import Issue, ServiceError
from service.fhir.build import LAST_UPDATED, Built, Origin, binary
from service.fhir.outcome import operation_outcome
from service.fhir.systems import CANONICAL
from service.formats import SourceMessage
from service.mapping import Mapping, Mappings, Trace
from service.mapping.enclosed import with_enclosed
from service.model import Instant, OdsCode, Recipient, TransferOfCare
from service.trials import require_live

UNKNOWN: Final = OdsCode("UNKNOWN")  # stands for a sender that nobody named
_SENDER_UNKNOWN: Final = Issue(
    severity="warning",
    code="incomplete",
    text="Who sends this is not known; name the organisation with --sender.",
    target="message.sender",
)
_SENDER_PRESUMED: Final = Issue(
    severity="warning",
    code="incomplete",
    text="Who sends this was not said: it looks like one of the sender's whose mapping was used."
    " Name the organisation with --sender.",
    target="message.sender",
)
# Letters and data of a trust's own design do not say whose they are.
_UNSIGNED: Final = frozenset({"xml", "json", "csv", "html", "pdf", "docx"})
Resource = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class Attempt:
    """One message of a body on its way, as far as it came."""

    source: SourceMessage
    sender: OdsCode
    presumed: bool = False  # nobody named the sender: its mapping fits, and no other's does
    trace: Trace | None = None  # what made each value, of a refused message too
    mapping: Mapping | None = None
    transfer: TransferOfCare | None = None
    draft: Draft | None = None
    refusal: ServiceError | None = None

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Who is told, if the message is taken in."""
        return self.draft.recipients if self.draft else ()

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What it was refused for, if it was, and everything doubtful."""
        refused = self.refusal.issues if self.refusal else ()
        return (*refused, *(self.draft.doubts if self.draft else ()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Converter:
    """The way of a message up to its resources; `draft` knows what was sent before, or nothing."""

    mappings: Mappings
    draft: Drafting
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    takes_trials: bool = True

    @classmethod
    def without_store(
        cls,
        *,
        mappings: Mappings,
        routing: Routing,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> Converter:
        """Return one to which every message is the first of its patient."""
        draft = drafting(routing, clock, new_id)
        return cls(mappings=mappings, draft=draft, clock=clock, new_id=new_id)

    def convert(
        self,
        body: bytes,
        *,
        media_type: str = "",
        mapping_id: str = "",
        sender: OdsCode | None = None,
    ) -> list[Resource]:
        """Return a Bundle for each message in `body`: mostly one. Raises ServiceError."""
        attempts = self.attempts(body, media_type=media_type, mapping_id=mapping_id, sender=sender)
        return [self.bundle(attempt) for attempt in attempts]

    def attempts(
        self,
        body: bytes,
        *,
        media_type: str = "",
        mapping_id: str = "",
        sender: OdsCode | None = None,
        tracing: bool = False,
        most: int | None = None,
    ) -> list[Attempt]:
        """Take every message of `body` as far as it comes. Raises ServiceError if none is read.

        `sender`: None stands for the mapping's, or whom the message claims; `most`: of a batch
        only the first so many.
        """
        sources = self._read(media_type, body, mapping_id)[:most]
        attempts = [
            Attempt(
                source=source,
                sender=sender or self._sender(source, mapping_id) or self._recognised(source),
                presumed=not sender and not self._sender(source, mapping_id),
                trace=Trace() if tracing else None,
            )
            for source in sources
        ]
        for attempt in attempts:
            self._try(attempt, media_type, body, mapping_id)
        return attempts

    def _read(self, media_type: str, body: bytes, mapping_id: str) -> Sequence[SourceMessage]:
        if not mapping_id:
            return formats.detect(media_type, body).read(body)
        mapping = self.mappings.by_id(mapping_id)
        return formats.reader(mapping.format, body).read(body, mapping.charset)

    def _try(self, attempt: Attempt, media_type: str, body: bytes, mapping_id: str) -> None:
        """Take a message as far as it comes, and keep why it comes no further."""
        try:
            mapping = self.mappings.choose(attempt.sender, attempt.source, mapping_id)
            attempt.mapping = mapping
            attempt.source = source = _in_its_charset(attempt.source, mapping)
            attempt.transfer = transfer = self._mapped(attempt, mapping)
            origin = _origin(mapping, media_type, source.raw or body, self.new_id())
            attempt.draft = self.draft(transfer, origin)
            require_live(transfer, takes_trials=self.takes_trials)
        except ServiceError as refusal:
            attempt.refusal = refusal

    def _mapped(self, attempt: Attempt, mapping: Mapping) -> TransferOfCare:
        told = mapping.apply(attempt.source, attempt.sender, attempt.trace)
        transfer = with_enclosed(told, self.mappings, attempt.source)
        if attempt.sender != UNKNOWN and not attempt.presumed:
            return transfer
        doubt = _SENDER_UNKNOWN if attempt.sender == UNKNOWN else _SENDER_PRESUMED
        return replace(transfer, issues=(*transfer.issues, doubt))

    def _recognised(self, source: SourceMessage) -> OdsCode:
        """Return the only sender that has a mapping which takes this; UNKNOWN if not just one."""
        if source.format not in _UNSIGNED:
            return UNKNOWN
        senders = {
            sender
            for mapping in self.mappings
            if mapping.format == source.format and mapping.condition and mapping.holds(source)
            for sender in mapping.senders
        }
        return senders.pop() if len(senders) == 1 else UNKNOWN

    def _sender(self, source: SourceMessage, mapping_id: str) -> OdsCode | None:
        """Return who sends: of the mapping's senders the one claimed, else whoever is claimed."""
        mapped = self.mappings.by_id(mapping_id).senders if mapping_id else ()
        try:
            claimed = OdsCode.parse(source.claimed_sender)
        except ValueError:
            return mapped[0] if mapped else None
        return mapped[0] if mapped and claimed not in mapped else claimed

    def bundle(self, attempt: Attempt) -> Resource:
        """https://hl7.org/fhir/R4/bundle.html of type collection, the issues as its last entry.

        Raises the attempt's refusal.
        """
        if attempt.refusal:
            raise attempt.refusal
        now = Instant.of(self.clock()).isoformat()
        made = resources_of(attempt.draft.built, now) if attempt.draft else ()
        entries = [_entry(resource) for resource in made]
        if attempt.issues:
            entries.append(_entry({**operation_outcome(attempt.issues), "id": self.new_id()}))
        return {
            "resourceType": "Bundle",
            "id": self.new_id(),
            "type": "collection",
            "timestamp": now,
            "entry": entries,
        }


def resources_of(built: Built, now: str) -> Iterator[Resource]:
    """Yield every resource that the service would store, stamped with an instant."""
    return (_stamped(resource, now) for resource in _resources(built))


def _in_its_charset(source: SourceMessage, mapping: Mapping) -> SourceMessage:
    """Return the message in its mapping's character set, where it does not say its own."""
    if mapping.charset and source.charset_guessed:
        [source] = formats.FORMATS[mapping.format].read(source.raw, mapping.charset)
    return source


def _resources(built: Built) -> Iterable[Resource]:
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


def _origin(mapping: Mapping, media_type: str, body: bytes, message_id: str) -> Origin:
    return Origin(
        message_id=message_id,
        media_type=media_type,
        size=len(body),
        sha1=b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode(),
        mapping=mapping.id,
        mapping_version=mapping.version,
    )

"""The way of a message: read, map, route, build, validate, commit; what is refused is kept."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from service import formats, log
from service.answers import Answers, Taken
from service.delivery.posting import Poster, Posting
from service.errors import (
    Failed,
    NotFound,
    ServiceError,
    Unavailable,
    UnmappedMessage,
    UnreadableMessage,
)
from service.fhir.build import Origin
from service.formats import SourceMessage, hl7v2
from service.formats.hl7v2 import Hl7Message
from service.itk import require_recipient
from service.mapping import Mapping, Mappings
from service.mapping.enclosed import with_enclosed
from service.model import Instant, OdsCode, TransferOfCare
from service.rows import are_rows, take_rows
from service.store import Answer, Commit, DeadLetter, RawMessage, Receipt, Stale, Store
from service.trials import require_live

_log = structlog.get_logger()
PART: Final = "application/hl7-v2; part=true"  # the media type of what is no whole message
TRIES: Final = 5  # commits that others may overtake before the sender is asked to try again


class Pipeline:
    """Every wire brings its messages here; nothing else turns a message into deliveries."""

    def __init__(
        self,
        *,
        store: Store,
        mappings: Mappings,
        poster: Poster,
        answers: Answers,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        takes_trials: bool = False,
    ) -> None:
        self._store = store
        self._mappings = mappings
        self._poster = poster
        self._answers = answers
        self._clock = clock
        self._new_id = new_id
        self._takes_trials = takes_trials

    def receive(
        self, sender: OdsCode, media_type: str, body: bytes, mapping_id: str = ""
    ) -> Receipt:
        """Read, map, route, build, validate and store one message, or every row of a file.

        On return everything is durable and may be acknowledged; a message that came before gets
        its first answer again. Raises ServiceError if a step refuses it; the bytes are kept even
        then, as a dead letter.
        """
        raw = self._raw(sender, media_type, body, mapping_id)
        with self._keeping(raw):
            sources = self._read(media_type, body, mapping_id)
        if are_rows(sources):
            return take_rows(
                sources,
                lambda row: self._take(
                    self._raw(sender, media_type, row.raw, mapping_id), [row], mapping_id
                ),
            )
        return self._take(raw, sources, mapping_id)

    def receive_hl7v2(
        self, sender: OdsCode, media_type: str, body: bytes, mapping_id: str = ""
    ) -> tuple[Answer, ...]:
        """Take in every HL7 v2 message of a body, each by itself; return an ACK for each.

        A message that is refused is answered AE or AR, and kept as a dead letter. Raises
        Unavailable if the store cannot be written: then nothing of the rest was taken.
        """
        raw = self._raw(sender, media_type, body, mapping_id)
        try:
            with self._keeping(raw):
                sources = self._read_together(media_type, body, mapping_id)
        except ServiceError as refusal:
            return (self._answers.negative(body, refusal),)
        if not sources:  # one that cannot be read refuses no other
            parts = hl7v2.apart(body)
            each = (self.receive_hl7v2(sender, media_type, p, mapping_id) for p in parts)
            return tuple(answer for answers in each for answer in answers)
        if len(sources) == 1:
            return (self._acknowledged(raw, sources[0], mapping_id),)
        return tuple(
            self._acknowledged(
                self._raw(sender, media_type, source.raw, mapping_id), source, mapping_id
            )
            for source in sources
        )

    def keep_part(self, sender: OdsCode, body: bytes, refusal: ServiceError) -> Answer:
        """Keep what a wire could not make a whole message of; return the ACK that says so.

        It can be looked at, and is never replayed: the half of a message would read as all of it.
        """
        self._store.refuse(self._raw(sender, PART, body, ""), refusal.issues)
        return self._answers.negative(body, refusal)

    def _acknowledged(self, raw: RawMessage, source: SourceMessage, mapping_id: str) -> Answer:
        try:
            return self._take(raw, [source], mapping_id).answer
        except Unavailable:
            raise
        except ServiceError as refusal:
            received = source if isinstance(source, Hl7Message) else raw.body
            return self._answers.negative(received, refusal)

    def format_of(self, mapping_id: str) -> str:
        """Return the format that a mapping reads. Raises NotFound."""
        try:
            return self._mappings.by_id(mapping_id).format
        except UnmappedMessage as fault:
            raise NotFound("There is no mapping of this name.") from fault

    def replay(self, letter: DeadLetter) -> Receipt:
        """Take in a kept message again, now that its mapping is mended. Raises ServiceError."""
        if letter.media_type == PART:
            raise UnreadableMessage(
                "Only a part of this message came; its sender must send it again."
            )
        raw = RawMessage(
            id=letter.id,
            sender=letter.sender,
            control_id=letter.control_id,
            digest=hashlib.sha256(letter.body).digest(),
            media_type=letter.media_type,
            body=letter.body,
            received_at=letter.received_at,
            mapping=letter.mapping,
        )
        with self._keeping(raw):
            sources = self._read(letter.media_type, letter.body, letter.mapping)
        return self._take(raw, sources, letter.mapping, replay=True)

    def _take(
        self,
        raw: RawMessage,
        sources: Sequence[SourceMessage],
        mapping_id: str,
        *,
        replay: bool = False,
    ) -> Receipt:
        raw = replace(raw, control_id=control_id(sources))
        with self._keeping(raw):
            if repeated := self._store.repeat(raw.sender, raw.control_id, raw.digest):
                return repeated
            mapped = [self._mapped(OdsCode(raw.sender), s, mapping_id) for s in sources]
            return self._commit(raw, sources, mapped, replay=replay)

    def _commit(
        self,
        raw: RawMessage,
        sources: Sequence[SourceMessage],
        mapped: Sequence[tuple[Mapping, TransferOfCare]],
        *,
        replay: bool,
    ) -> Receipt:
        """Look up, build and commit, again whenever another message was faster."""
        mapping = mapped[0][0]
        raw = replace(raw, mapping=mapping.id, mapping_version=mapping.version)
        for _ in range(TRIES):
            postings = tuple(self._poster.post(t, origin_of(raw, m)) for m, t in mapped)
            transfers = tuple(transfer for _, transfer in mapped)
            taken = Taken(
                message=raw, sources=tuple(sources), transfers=transfers, postings=postings
            )
            try:
                return self._store.commit(self._as_commit(taken, replay=replay))
            except Stale:
                continue
        raise Unavailable("Others changed the same records at the same time; send it again.")

    def _as_commit(self, taken: Taken, *, replay: bool) -> Commit:
        every = Posting.joined(taken.postings)
        require_recipient(taken.sources[0], taken.transfers[0], every.openly)
        return Commit(
            message=replace(taken.message, issues=every.issues),
            answer=self._answers.positive(taken),
            writes=every.writes,
            deliveries=every.deliveries,
            checks=every.checks,
            shared=every.shared,
            concerned=every.concerned,
            replay=replay,
        )

    def _mapped(
        self, sender: OdsCode, source: SourceMessage, mapping_id: str
    ) -> tuple[Mapping, TransferOfCare]:
        mapping = self._mappings.choose(sender, source, mapping_id)
        if mapping.charset and source.charset_guessed:
            (source,) = formats.FORMATS[mapping.format].read(source.raw, mapping.charset)
        transfer = with_enclosed(mapping.apply(source, sender), self._mappings, source)
        require_live(transfer, takes_trials=self._takes_trials)
        return mapping, transfer

    def _read(
        self, media_type: str, body: bytes, mapping_id: str = ""
    ) -> tuple[SourceMessage, ...]:
        if mapping_id:
            mapping = self._mappings.by_id(mapping_id)
            return formats.reader(mapping.format, body).read(body, mapping.charset)
        return formats.detect(media_type, body).read(body)

    def _read_together(
        self, media_type: str, body: bytes, mapping_id: str
    ) -> tuple[SourceMessage, ...]:
        """Read the HL7 v2 messages of a body; none where it has several and one is unreadable."""
        try:
            return self._read(media_type, body, mapping_id)
        except ServiceError:
            if _are_several(body):
                return ()
            raise

    def _raw(self, sender: OdsCode, media_type: str, body: bytes, mapping_id: str) -> RawMessage:
        return RawMessage(
            id=self._new_id(),
            sender=sender,
            control_id="",
            digest=hashlib.sha256(body).digest(),
            media_type=media_type or "application/octet-stream",
            body=body,
            received_at=Instant.of(self._clock()),
            mapping=mapping_id,
        )

    @contextmanager
    def _keeping(self, raw: RawMessage) -> Iterator[None]:
        """Keep the bytes of a message that a step refuses, or that breaks us: then raise Failed."""
        try:
            yield
        except Unavailable:
            raise
        except ServiceError as refusal:
            self._refuse(raw, refusal)
            raise
        except Exception as fault:
            _log.error("message failed", message_id=raw.id, exception=log.without_values(fault))
            failed = Failed()
            self._refuse(raw, failed)
            raise failed from fault

    def _refuse(self, raw: RawMessage, refusal: ServiceError) -> None:
        """Keep the bytes; tell their sender in the words of its own standard, if it has some."""
        kept = self._store.refuse(raw, refusal.issues)
        _log.info("message refused", message_id=kept, organisation=raw.sender)
        told = self._answers.itk3.refused(raw.media_type, raw.body, refusal)
        told = told or self._answers.itk2_refused(raw.body, refusal)
        refusal.answer = (told.media_type, told.body) if told else None


def _are_several(body: bytes) -> bool:
    with suppress(ServiceError):
        return len(hl7v2.apart(body)) > 1
    return False


def control_id(sources: Sequence[SourceMessage]) -> str:
    """Return what a repeat is known by: the sender's own id of the message.

    In HL7 v2 an id is unique within the sending application and facility (MSH-3, MSH-4). A
    bundle of several patients is one message; its parts have its id and their number.
    """
    own = sources[0].message_id
    whole = own.removesuffix("#1") if len(sources) > 1 else own
    return "|".join(filter(None, (*sources[0].namespace, whole)))


def origin_of(raw: RawMessage, mapping: Mapping) -> Origin:
    """Return what the resources say of the message that they were made of."""
    return Origin(
        message_id=raw.id,
        media_type=raw.media_type,
        size=len(raw.body),
        sha1=b64encode(hashlib.sha1(raw.body, usedforsecurity=False).digest()).decode(),
        mapping=mapping.id,
        mapping_version=mapping.version,
    )

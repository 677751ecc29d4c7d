"""To a MESH mailbox: each event is one FHIR message, confirmed when its owner has collected it.

MESH keeps the order in which it accepted messages, so the next one follows when the one before
is accepted. Whoever collects late is found out by tracking, and by MESH's report after five days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import orjson

from service.delivery.channels import Fate, Handed, Means, NotSent, Parcel, Refused
from service.delivery.directory import DirectoryEntry, MeshAddress
from service.fhir.digest import Digest
from service.fhir.notice import Envelope, notice
from service.formats.fhir_r4.json_reader import as_written
from service.mailbox import MeshFailure, MeshMailbox, MeshRefusal
from service.model import Instant
from service.store import Dispatch

MEDIA_TYPE: Final = "application/fhir+json"
_STATES: Final[Mapping[str, Literal["confirmed", "undelivered"]]] = {
    "acknowledged": "confirmed",
    "undeliverable": "undelivered",
    "error": "undelivered",
}


class MeshChannel:
    """One team's mailbox."""

    name = "mesh"
    batch = 1  # a message is about one patient

    def __init__(self, address: MeshAddress, mailbox: MeshMailbox, means: Means) -> None:
        self._address, self._mailbox, self._means = address, mailbox, means
        self.follow_every = means.follow_every

    def due(self, now: int, sent_at: int) -> int:
        return now

    def keep_up(self, n: int) -> float:
        return self.follow_every

    def send(self, parcel: Parcel) -> Handed:
        subject = f"Event {parcel.n} for {parcel.recipient}"
        return self._hand(self._message(parcel), parcel.key, subject)

    def carry(self, digest: Digest, key: str) -> Handed:
        """Send a digest, once however often it is asked for: `known` says whether it went."""
        body = orjson.dumps(digest.message(), default=as_written)
        return self._hand(body, key, f"Digest of {digest.day} for {digest.recipient}")

    def _hand(self, body: bytes, key: str, subject: str) -> Handed:
        try:
            handle = self._mailbox.send(
                self._address.mailbox,
                body,
                workflow=self._address.workflow,
                local_id=key,
                media_type=MEDIA_TYPE,
                subject=subject,
            )
        except MeshFailure as failure:
            raise not_sent(failure) from failure
        return Handed(handle=handle)

    def _message(self, parcel: Parcel) -> bytes:
        [event] = parcel.events
        communication, others = self._means.contents.of(parcel.recipient, event)
        envelope = Envelope(
            message_id=parcel.message_id,
            recipient=parcel.recipient,
            event=event.n,
            timestamp=Instant(event.updated).isoformat(),
            base=self._means.base,
        )
        return orjson.dumps(notice(envelope, communication, others), default=as_written)

    def already(self, parcel: Parcel) -> Handed | None:
        return self.known(parcel.key)

    def known(self, key: str) -> Handed | None:
        """Return what MESH has under our own id of a sending; None: nothing."""
        try:
            handle = self._mailbox.sent_as(key)
        except MeshFailure as failure:
            raise not_sent(failure) from failure
        return Handed(handle=handle) if handle else None

    def follow(self, dispatch: Dispatch) -> Fate:
        try:
            tracked = self._mailbox.track(dispatch.handle)
        except MeshFailure as failure:
            raise not_sent(failure) from failure
        return Fate(state=_STATES.get(tracked.status, "open"), reason=tracked.description)

    def close(self) -> None:
        self._mailbox.close()


def not_sent(failure: MeshFailure) -> NotSent:
    """Return what the worker makes of a failure of MESH."""
    kind = Refused if isinstance(failure, MeshRefusal) else NotSent
    return kind(str(failure), failure.wait)


def open_channel(entry: DirectoryEntry, means: Means) -> MeshChannel:
    """Return the channel to an organisation's mailbox."""
    if entry.mesh is None or means.mesh is None:
        raise ValueError("no mailbox to send from or to")
    return MeshChannel(entry.mesh, MeshMailbox(means.mesh), means)

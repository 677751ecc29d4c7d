"""One MESH mailbox: list, fetch, acknowledge, send, track."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from service.mailbox.client import Client
from service.mailbox.failures import GONE, MeshRefusal, told
from service.mailbox.incoming import Incoming

_PAGE: Final = 100  # message ids asked for at a time
_SEVERAL: Final = 300  # there is more than one message of this local id


@dataclass(frozen=True, kw_only=True, slots=True)
class MeshAccess:
    """Where a mailbox is and how to get in; the secrets are in no repr and no log."""

    url: str
    mailbox: str
    password: str = field(repr=False)
    shared_key: bytes = field(repr=False)
    ca: str = ""  # file; "": the one that belongs to a known NHS address, else the system's
    certificate: str = ""  # file of the client certificate
    key: str = ""  # and of its key
    timeout: float = 60  # seconds to connect, and between two reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracking:
    """What MESH says of a message that was sent."""

    message_id: str
    status: str  # uploading | accepted | acknowledged | undeliverable | error
    description: str = ""


class MeshMailbox:
    """A mailbox; for one thread. Every method raises MeshFailure."""

    def __init__(self, access: MeshAccess) -> None:
        self.id = access.mailbox
        cert = (access.certificate, access.key) if access.certificate else None
        self._client = Client(
            access.url,
            access.mailbox,
            access.password,
            shared_key=access.shared_key,
            cert=cert,
            verify=access.ca or None,
            max_retries=0,
            timeout=access.timeout,
            application_name="discharge-relay",
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # it is typed, by half

    def handshake(self) -> None:
        """Show MESH that the mailbox is in use; due once in 24 hours."""
        with told("the handshake"):
            self._client.handshake()  # type: ignore[no-untyped-call]

    def waiting(self) -> Iterator[str]:
        """Yield the ids of the messages that wait, oldest first."""
        with told("listing the inbox"):
            yield from self._client.iterate_message_ids(batch_size=_PAGE)

    @contextmanager
    def incoming(self, message_id: str) -> Iterator[Incoming]:
        """Begin to fetch a message. Raises MessageGone if it is not there any more."""
        with told("fetching"):
            first = self._client.retrieve_message_chunk(message_id, 1)
        message = Incoming(self._client, message_id, first)
        try:
            yield message
        finally:
            message.close()

    def acknowledge(self, message_id: str) -> None:
        """Take a message out of the mailbox."""
        with told("acknowledging"):
            self._client.acknowledge_message(message_id)

    def send(
        self, to: str, body: bytes, *, workflow: str, local_id: str, media_type: str, subject: str
    ) -> str:
        """Send a message, compressed; return MESH's id of it.

        A failure leaves open whether MESH has it: ask `sent_as` before sending again. Raises
        MeshRefusal where sending again is of no use.
        """
        with told("sending"):
            return self._client.upload(
                to,
                body,
                workflow_id=workflow,
                local_id=local_id,
                content_type=media_type,
                subject=subject,
            )

    def track(self, message_id: str) -> Tracking:
        """Return what became of a message that was sent."""
        with told("tracking"):
            found: Mapping[str, Any] = self._client.track_message(message_id)
        return Tracking(
            message_id=message_id,
            status=str(found.get("status") or "").lower(),
            description=str(found.get("status_description") or ""),
        )

    def sent_as(self, local_id: str) -> str | None:
        """Return MESH's id of the message of this local id; None if MESH has none.

        A local id is made of letters, digits, hyphens and full stops: it is part of an address.
        Several, which only an interrupted resending can leave, raise MeshRefusal.
        """
        with told("tracking"):
            response = self._client.track_local(local_id)
            if response.status_code == _SEVERAL:
                raise MeshRefusal("MESH has several messages of one local id")
            if response.status_code in GONE:
                return None
            response.raise_for_status()
            found: Mapping[str, Any] = response.json()
        if str(found.get("status") or "").lower() == "uploading":
            return None
        return str(found.get("messageId") or found.get("message_id") or "") or None

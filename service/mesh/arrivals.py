"""One message from the mailbox: taken in, recorded or kept, whatever it is, before it is gone.

Each way ends in the store, and each may be gone again: after a crash the message comes again, the
store knows it, and what was sent back is not sent twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from service.delivery.channels import Parcel
from service.errors import Issue, ServiceError, TooLarge, Unavailable
from service.fhir.acknowledgement import NOT_IN_BULK
from service.fhir.task import Acknowledgement
from service.mailbox import Damaged, Incoming, MeshMailbox, MeshRefusal
from service.mesh.answers import Answered, is_answer, read_answer
from service.mesh.configuration import MeshConfiguration
from service.model import Instant, OdsCode
from service.store import Answer, Dispatch, RawMessage, Store

TakeIn = Callable[[OdsCode, str, bytes], tuple[Answer, ...]]
Acknowledge = Callable[[OdsCode, str, Acknowledgement], None]
CHANNEL: Final = "mesh"
_REFUSED: Final = 400  # HTTP status from which an answer is a refusal


class NotStored(Exception):
    """The message stays in the mailbox; the reason is for an operator."""


class NotYet(NotStored):
    """The message stays until a later look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrivals:
    """What is done with each kind of message."""

    store: Store
    configuration: MeshConfiguration
    take_in: TakeIn
    acknowledge: Acknowledge  # records a team's answer to its Communication
    now: Callable[[], Instant]
    new_id: Callable[[], str]
    max_body: int  # bytes

    def deal_with(self, message: Incoming, mailbox: MeshMailbox) -> str:
        """Store what is due and answer what asks for it; return in a word what was done.

        On return the message may be acknowledged to MESH. Raises NotStored for one that must
        stay, Unavailable, MeshFailure.
        """
        if message.is_report:
            return self._report(message)
        if self.configuration.is_answer(message.workflow):
            return self._answer(message)
        if not self.configuration.is_message(message.workflow):
            raise NotStored(f"the workflow {message.workflow or '(none)'} is not taken in here")
        return self._message(message, mailbox)

    # --- messages ----------------------------------------------------------------------------

    def _message(self, message: Incoming, mailbox: MeshMailbox) -> str:
        body = self._body(message)
        if body is None:
            return "kept"
        sender = self.configuration.senders.get(message.sender)
        if sender is None:
            self._keep(message, body, f"the mailbox {message.sender} is not registered here")
            return "kept"
        answers = self.take_in(sender, message.media_type, body)
        self._send_back(message, answers, mailbox)
        return "refused" if any(one.status >= _REFUSED for one in answers) else "taken in"

    def _send_back(
        self, message: Incoming, answers: tuple[Answer, ...], mailbox: MeshMailbox
    ) -> None:
        """Answer into the sender's mailbox, where the answer is itself a message."""
        for number, answer in enumerate(answers):
            local_id = f"answer.{message.message_id}.{number}".replace("_", "-")
            if not is_answer(answer.body) or mailbox.sent_as(local_id):
                continue
            try:
                mailbox.send(
                    message.sender,
                    answer.body,
                    workflow=f"{message.workflow}_ACK",
                    local_id=local_id,
                    media_type=answer.media_type.partition(";")[0],
                    subject=f"Answer to {message.local_id or message.message_id}",
                )
            except MeshRefusal as refusal:  # nobody can be told; what came is stored all the same
                structlog.get_logger().error(
                    "answer not sent", mailbox=message.sender, reason=str(refusal)
                )

    def _body(self, message: Incoming) -> bytes | None:
        """Return the content; None if it is damaged, and then it is kept as it came."""
        try:
            return message.read(self.max_body)
        except TooLarge:
            raise NotStored(f"it is larger than {self.max_body} bytes") from None
        except Damaged as damaged:
            self._keep(message, damaged.raw, str(damaged))
            return None

    # --- answers and reports -----------------------------------------------------------------

    def _answer(self, message: Incoming) -> str:
        body = self._body(message)
        if body is None:
            return "kept"
        sender = self.configuration.senders.get(message.sender)
        try:
            answered = read_answer(body)
            dispatches = self._answered(answered, sender)
            for dispatch in dispatches:
                self._record(answered, dispatch)
        except Unavailable:
            raise
        except ServiceError as refusal:
            self._keep(message, body, refusal.text, sender or "")
            return "kept"
        return "recorded"

    def _answered(self, answered: Answered, sender: OdsCode | None) -> list[Dispatch]:
        """Return what an organisation answers. Raises ServiceError if it is not its to answer."""
        trying = self.store.channels.place(sender, CHANNEL).trying if sender else 0
        found = self.store.channels.by_message(answered.message_id)  # after what is being tried
        own = [one for one in found if one.recipient == sender]
        if sender and trying and not own:
            own = list(self._unheard_of(answered, sender, trying))
        if not own:
            raise ServiceError("It answers nothing that was sent to this mailbox's organisation.")
        if len(own) > 1 and answered.said and answered.said.status != "received":
            raise ServiceError(f"It answers a digest of several notices. {NOT_IN_BULK}")
        return own

    def _unheard_of(self, answered: Answered, sender: OdsCode, n: int) -> Iterator[Dispatch]:
        """Yield what MESH has though we do not know yet, where that is what is answered."""
        epoch = self.store.settings.epoch()
        for event in self.store.feed(sender, n - 1, 1).events:
            parcel = Parcel(
                recipient=sender, channel=CHANNEL, events=(event,), round=0, epoch=epoch
            )
            if parcel.message_id == answered.message_id:
                yield Dispatch(
                    recipient=sender,
                    channel=CHANNEL,
                    n=event.n,
                    round=parcel.round,
                    communication_id=event.id,
                    message_id=parcel.message_id,
                    handle="",
                    sent_at=0,
                )

    def _record(self, answered: Answered, dispatch: Dispatch) -> None:
        said = answered.said
        if said is None and not dispatch.handle:
            raise NotYet("what it refuses is not known to be sent yet")
        if said is None:
            self.store.channels.settle(dispatch, "refused", answered.reason)
            structlog.get_logger().error(
                "refused by its receiver",
                organisation=dispatch.recipient,
                event_number=dispatch.n,
                reason=answered.reason,
            )
            return
        self.acknowledge(OdsCode(dispatch.recipient), dispatch.communication_id, said)
        self.store.channels.settle(dispatch, "confirmed", answered.reason)

    def _report(self, message: Incoming) -> str:
        """MESH says what it could not deliver: its channel stops until somebody has looked."""
        reason = f"{message.code} {message.description}".strip()
        found = self.store.channels.by_handle(message.linked_id) if message.linked_id else []
        for dispatch in found:
            if dispatch.state == "sent":
                self.store.channels.settle(dispatch, "undelivered", reason)
                text = f"event {dispatch.n} was not delivered: {reason}"
                self.store.channels.park(dispatch.recipient, dispatch.channel, text)
        if not found:
            envelope = {"linked": message.linked_id, "local_id": message.local_id, "said": reason}
            text = f"MESH could not deliver a message of ours: {reason}"
            self._keep(message, orjson.dumps(envelope), text)
        return "recorded" if found else "kept"

    # --- dead letters ------------------------------------------------------------------------

    def _keep(self, message: Incoming, body: bytes, text: str, sender: str = "") -> None:
        """Keep a message that cannot be attributed or read; MESH's id tells it from others."""
        raw = RawMessage(
            id=self.new_id(),
            sender=sender,
            control_id=f"MESH {message.message_id}",
            digest=hashlib.sha256(body).digest(),
            media_type=message.media_type,
            body=body,
            received_at=self.now(),
        )
        place = f"MESH {message.sender} {message.workflow} {message.message_id}"
        self.store.refuse(
            raw, [Issue(severity="error", code="processing", text=text, source=place)]
        )


def envelope(message: Incoming) -> dict[str, Any]:
    """Return what a log may say of a message."""
    return {
        "mesh_id": message.message_id,
        "mailbox": message.sender,
        "workflow": message.workflow,
    }

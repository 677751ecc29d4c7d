"""Why a stored message became what it did: made again from its bytes, with its mapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from service.conversion import Attempt, Converter
from service.errors import Gone, ServiceError, UnmappedMessage
from service.explaining.message import explained, reasons, told_issue
from service.explaining.trial import MOST_MESSAGES
from service.fhir.systems import TASK_ID
from service.mapping import Mapping
from service.model import Instant, OdsCode
from service.store import RELAY, DeadLetter, Store

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explaining:
    """Explains messages of one store; `converter` needs none, the past is in the store."""

    store: Store
    converter: Converter

    def visible(self, organisation: str, message_id: str) -> DeadLetter | None:
        """Return a message that was taken in and that an organisation may see, else None."""
        if self.store.read(organisation, "Binary", message_id) is None:
            return None
        kept = self.store.dead_letters.get(message_id)  # None: it is a document's bytes
        return kept if kept and kept.state == "committed" else None

    def explain(self, kept: DeadLetter, reader: str = "") -> Json:
        """Return the explanation; a `reader` who is not the sender hears of no other recipient.

        The shape is described in docs/explaining.md. Raises Gone.
        """
        if not kept.size:
            raise Gone("The message's bytes are no longer kept: it cannot be explained any more.")
        try:
            attempts = self._attempts(kept)
        except ServiceError as refusal:
            return {**_told(kept, ()), "messages": [], "issues": _issues(refusal)}
        told = self._told_to(kept, attempts, reader)
        if reader not in ("", kept.sender):
            told = [each for each in told if each["ods"] == reader]
        messages = [explained(attempt) for attempt in attempts]
        return {**_told(kept, attempts), "recipients": told, "messages": messages}

    def _attempts(self, kept: DeadLetter) -> list[Attempt]:
        """Read the message again; if its mapping is gone, with the one that serves it now."""
        named = kept.mapping if self._in_force(kept.mapping) else ""
        attempts = self._again(kept, named)
        if named and any(isinstance(each.refusal, UnmappedMessage) for each in attempts):
            return self._again(kept, "")  # a bundle of several, each with a mapping of its own
        return attempts

    def _again(self, kept: DeadLetter, mapping_id: str) -> list[Attempt]:
        return self.converter.attempts(
            kept.body,
            media_type=kept.media_type,
            mapping_id=mapping_id,
            sender=OdsCode(kept.sender),
            tracing=True,
            most=MOST_MESSAGES,
        )

    def _in_force(self, mapping_id: str) -> Mapping | None:
        try:
            return self.converter.mappings.by_id(mapping_id)
        except UnmappedMessage:
            return None

    def _told_to(self, kept: DeadLetter, attempts: Sequence[Attempt], reader: str) -> list[Json]:
        """Return who got the message, and why: as it was then.

        The sender is not told of those whose notices it may not see.
        """
        events = [f"{kept.id}-{each.transfer.message.id}" for each in attempts if each.transfer]
        told: list[Json] = []
        for ods in self.store.audience("Binary", kept.id):
            openly = list(dict.fromkeys(self._reasons(kept.sender, ods, events)))
            hidden = list(dict.fromkeys(self._reasons(RELAY, ods, events)))
            if openly or not hidden or reader != kept.sender:
                told.append({"ods": ods, "because": openly or hidden})
        return told

    def _reasons(self, owner: str, ods: str, events: Sequence[str]) -> Iterator[str]:
        """Yield why an organisation was told: its Task to acknowledge says so."""
        for event in events:
            key = ("identifier", f"{TASK_ID}|{event}-{ods}")
            for id_, _ in self.store.find(owner, "Task", key):
                task = self.store.read(owner, "Task", id_)
                if task and not task.deleted:
                    yield from reasons(orjson.loads(task.body)["reasonCode"]["text"])


def _told(kept: DeadLetter, attempts: Sequence[Attempt]) -> Json:
    received = Instant(kept.received_at).isoformat()
    return {
        "id": kept.id,
        "sender": kept.sender,
        "received": received,
        "media_type": kept.media_type,
        "size": kept.size,
        "state": kept.state,
        "read_with": _read_with(kept, [each.mapping for each in attempts if each.mapping]),
    }


def _read_with(kept: DeadLetter, mappings: Sequence[Mapping]) -> Json:
    """Say which mapping read the message then, and which one explains it now."""
    now = next((each for each in mappings if each.id == kept.mapping), next(iter(mappings), None))
    same = now is not None and (now.id, now.version) == (kept.mapping, kept.mapping_version)
    told: Json = {"mapping": kept.mapping, "version": kept.mapping_version}
    explains = {"mapping": now.id, "version": now.version} if now else None
    return {**told, "explained_with": explains, "same_version": same, "note": _note(kept, now)}


def _note(kept: DeadLetter, now: Mapping | None) -> str:
    then = f"version {kept.mapping_version} of {kept.mapping}"
    explains = f"version {now.version} of {now.id}" if now else ""
    if not kept.mapping_version and not now:
        return "No mapping has read the message."
    if not now:
        return f"The message was read with {then}; no mapping reads it now."
    if not kept.mapping_version:
        return f"No mapping had read the message; this is how {explains} reads it now."
    if explains == then:
        return f"The message was read with {then}, which is in force now."
    return (
        f"The message was read with {then}, which is not in force any more. This explanation is "
        f"made with {explains}: what was delivered then may differ from it."
    )


def _issues(refusal: ServiceError) -> list[Json]:
    return [told_issue(issue) for issue in refusal.issues]

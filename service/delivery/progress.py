"""How far a message has come with each of its recipients: who has it, who answered, who is late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from service.delivery.directory import Directory
from service.fhir.search_parameters import Resource
from service.model import Instant, OdsCode
from service.store import DeadLetter, Place, Store, Waiting

Json = dict[str, Any]
# Nobody tells the relay that somebody read something; that a page was fetched says nothing.
NOT_KNOWN: Final = "not known"
_EVERY: Final = 1 << 30
_OPEN: Final = frozenset({"requested", "received"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Answers for one store, as of `now`."""

    store: Store
    directory: Directory

    def of(self, kept: DeadLetter, now: datetime, reader: str = "") -> Json:
        """Return the progress of a message that was taken in.

        A reader who is not its sender sees its own alone; a sender does not see whom the relay
        told on its own account (discreet caseloads); without a reader all is told. The shape is
        described in docs/closed-loop.md.
        """
        rows = self.store.deadlines.of_message(kept.id)
        seen = [row for row in rows if _may_see(row, reader, kept.sender)]
        places = self.store.channels.places()
        return {
            "id": kept.id,
            "sender": kept.sender,
            "received": Instant(kept.received_at).isoformat(),
            "state": kept.state,
            "recipients": [self._recipient(row, rows, places, now) for row in seen],
        }

    def late(
        self, now: datetime, *, informed: bool = False, after: str = "", count: int = _EVERY
    ) -> list[Json]:
        """Return who should have answered by now, the longest late first.

        With those who are only told, if asked for; `after` is the `place` of the last one seen.
        """
        found = self.store.deadlines.late(Instant.of(now))
        wanted = [row for row in found if informed or row.role == "action"]
        rest = [row for row in wanted if _place(row) > after]
        return [
            {
                "place": _place(row),
                "message": row.message_id,
                "task": row.task_id,
                "sender": row.sender,
                **self._recipient(row, [], [], now),
            }
            for row in rest[:count]
        ]

    def _recipient(
        self, row: Waiting, others: list[Waiting], places: list[Place], now: datetime
    ) -> Json:
        task = self._read("Task", row.task_id, row.recipient)
        communication = self._read("Communication", row.communication_id, row.recipient)
        state = task.get("status", NOT_KNOWN)
        named = {"ods": row.recipient, "name": self.directory.name_of(OdsCode(row.recipient)) or ""}
        return {
            **named,
            "role": row.role,
            "because": task.get("reasonCode", {}).get("text", ""),
            "in_place_of": next((o.recipient for o in others if o.task_id == row.instead_of), ""),
            "event": row.n,
            "delivered": self._delivered(row),
            "sent": list(self._sent(row, places)),
            "read": NOT_KNOWN,
            "received": communication.get("received", ""),
            "state": state,
            "answered": "" if state in _OPEN else task.get("lastModified", ""),
            "by": [said.get("valueString", "") for said in task.get("output", ())],
            "reason": task.get("statusReason", {}).get("text", ""),
            "due": Instant(row.due).isoformat(),
            "late": not row.is_answered and row.due <= Instant.of(now),
            "done": [{"at": note.get("time", ""), "what": note["text"]} for note in _notes(task)],
        }

    def _delivered(self, row: Waiting) -> str:
        first = self.store.vread(row.recipient, "Communication", row.communication_id, 1)
        return Instant(first.updated).isoformat() if first else ""

    def _sent(self, row: Waiting, places: list[Place]) -> Iterator[Json]:
        """Yield what channels have made of it; a team that polls has none."""
        for place in places:
            if place.recipient == row.recipient:
                sent = self.store.channels.dispatch(row.recipient, place.channel, row.n)
                state = sent.state if sent else "waiting"
                at = Instant(sent.changed_at).isoformat() if sent else ""
                yield {"channel": place.channel, "state": state, "at": at}

    def _read(self, kind: str, id_: str, reader: str) -> Resource:
        stored = self.store.read(reader, kind, id_)
        return orjson.loads(stored.body) if stored and not stored.deleted else {}


def _place(row: Waiting) -> str:
    """Return what orders those who are late: by deadline, then by Task."""
    return f"{row.due:017d}.{row.task_id}"


def _may_see(row: Waiting, reader: str, sender: str) -> bool:
    return reader in ("", row.recipient) or (reader == sender and row.sender == sender)


def _notes(task: Resource) -> list[Json]:
    return [note for note in task.get("note", ()) if note.get("text")]

"""A day's digest as FHIR: what is new and what is unanswered, as two Lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from service.fhir.build.wording import div
from service.fhir.chase import first_line
from service.fhir.notice import ADDRESS, MESSAGE_EVENT
from service.fhir.search_parameters import Resource
from service.fhir.systems import CANONICAL, ODS

DIGEST: Final = f"{CANONICAL}/Id/digest"
_LONDON: Final = ZoneInfo("Europe/London")
_NOTHING: Final = {"text": "Nothing."}


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One notice."""

    n: int  # its number in the feed
    communication: Resource
    task: Resource | None  # None: it asks for no answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What one digest lists."""

    recipient: str  # ODS code
    day: str  # YYYY-MM-DD, in London
    n: int  # the last event that it, or one before it, lists
    at: str  # instant: when it was due
    base: str  # our FHIR endpoint
    new: Sequence[Item]
    unanswered: Sequence[Item]
    message_id: str = ""  # UUID that an answer names; "": nothing is to be answered

    @property
    def number(self) -> str:
        """The same however often it is sent: receivers drop repeats by it."""
        return f"{self.recipient}/{self.day}/{self.n}"

    def id_of(self, part: str) -> str:
        """Return the id of a part of it; the same however often it is made."""
        return str(uuid5(NAMESPACE_URL, f"{DIGEST}|{self.number}|{part}"))

    @property
    def notices(self) -> list[Resource]:
        """The Communications and Tasks that it lists, each once."""
        listed = [one for item in (*self.new, *self.unanswered) for one in _parts(item)]
        return list({(one["resourceType"], one["id"]): one for one in listed}.values())

    @property
    def lists(self) -> list[Resource]:
        """https://hl7.org/fhir/R4/list.html: what is new, and what waits for an answer."""
        return [
            self._list("new", "New since the digest before", self.new),
            self._list("unanswered", "Waiting for your answer", self.unanswered),
        ]

    def message(self) -> Resource:
        """https://hl7.org/fhir/R4/messaging.html: a header, the lists, and what they list."""
        id_ = self.message_id or self.id_of("message")
        others = [
            {"fullUrl": f"{self.base}/{one['resourceType']}/{one['id']}", "resource": one}
            for one in (*self.lists, *self.notices)
        ]
        return {
            "resourceType": "Bundle",
            "id": id_,
            "identifier": {"system": DIGEST, "value": self.number},
            "type": "message",
            "timestamp": self.at,
            "entry": [{"fullUrl": f"urn:uuid:{id_}", "resource": self._header(id_)}, *others],
        }

    def _header(self, id_: str) -> Resource:
        receiver = {"identifier": {"system": ODS, "value": self.recipient}}
        return {
            "resourceType": "MessageHeader",
            "id": id_,
            "eventCoding": {"system": MESSAGE_EVENT, "code": "notification"},
            "destination": [
                {"endpoint": f"{ADDRESS}{self.recipient}", "receiver": receiver},
            ],
            "source": {"name": "Discharge Relay", "endpoint": self.base},
            "reason": {"text": "Daily digest"},
            "focus": [{"reference": f"{self.base}/List/{one['id']}"} for one in self.lists],
        }

    def _list(self, part: str, title: str, items: Sequence[Item]) -> Resource:
        entries = list(map(_entry, items))
        return {
            "resourceType": "List",
            "id": self.id_of(part),
            "text": {"status": "generated", "div": div(_lines(title, entries))},
            "identifier": [{"system": DIGEST, "value": f"{self.number}/{part}"}],
            "status": "current",
            "mode": "snapshot",
            "title": f"{title}, {self.day}",
            "date": self.at,
            **({"entry": entries} if entries else {"emptyReason": _NOTHING}),
        }


def _parts(item: Item) -> Iterator[Resource]:
    yield item.communication
    if item.task:
        yield item.task


def _entry(item: Item) -> dict[str, Any]:
    """Name a notice by its number, what the team is told of it, and until when it is to answer."""
    told = item.communication
    display = f"{item.n}: {first_line(told)}{_until(item.task)}"
    reference = f"Communication/{told['id']}"
    return {"item": {"reference": reference, "type": "Communication", "display": display}}


def _until(task: Resource | None) -> str:
    if task is None or task["status"] not in ("requested", "received"):
        return ""
    due = datetime.fromisoformat(task["restriction"]["period"]["end"]).astimezone(_LONDON)
    return f" Answer by {due:%a %-d %b %Y, %H:%M}."


def _lines(title: str, entries: Sequence[dict[str, Any]]) -> str:
    lines = "".join(f"<li>{escape(one['item']['display'])}</li>" for one in entries)
    return f"<p>{title}</p>{f'<ul>{lines}</ul>' if lines else '<p>Nothing.</p>'}"

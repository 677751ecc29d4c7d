"""When the sender said what a resource holds: so that a message that comes late overwrites nothing.

Messages overtake each other on their way. What a sender says is ordered by when it said it, not by
when that came, and each resource keeps in its meta when its facts were sent: as a whole, and for
each element that an older message gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from service.fhir.build.context import Json, Resource
from service.fhir.systems import CHRONOLOGY_EXTENSION
from service.model import Message

_HOUR: Final = timedelta(hours=1)
_AHEAD: Final = timedelta(minutes=10)  # how far a sender's clock may be ahead of ours
_DAY: Final = len("2026-11-24")


def said_at(message: Message, now: datetime) -> str:
    """Return when a message was sent, as FHIR writes it; without a time of its own, now.

    The time of sending comes before that of the entry: an entry may be dated back to what it tells
    of, and is then no older than what was said before it. A time to come is no order: it would
    make everything that follows late.
    """
    times = (message.sent_at, message.recorded_at, message.occurred_at)
    told = next((str(moment) for moment in times if moment), "")
    latest = (now + _AHEAD).isoformat(timespec="seconds")
    return now.isoformat(timespec="seconds") if not told or is_before(latest, told) else told


def is_before(one: str, other: str) -> bool:
    """Whether one FHIR dateTime is before another for certain; "" is neither before nor after.

    Dates without a time are compared as far as both go. In the hour that autumn repeats, a time
    may be either of two: what is less than an hour earlier is not earlier for certain.
    """
    if not one or not other or one == other:
        return False
    if len(one) <= _DAY or len(other) <= _DAY:
        width = min(len(one), len(other), _DAY)
        return one[:width] < other[:width]
    gap = datetime.fromisoformat(other) - datetime.fromisoformat(one)
    if gap <= timedelta(0):
        return False
    return gap > _HOUR or not (_is_repeated(one) or _is_repeated(other))


def _is_repeated(moment: str) -> bool:
    there = datetime.fromisoformat(moment).astimezone(_london())
    return there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()


@cache
def _london() -> ZoneInfo:
    return ZoneInfo("Europe/London")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chronology:
    """When the facts of one resource were sent; every time as FHIR writes it."""

    at: str = ""  # by the newest message that said anything of it; "": not known
    event: str = ""  # of a stay: the kind of the event that holds
    event_at: str = ""
    end: str = ""  # of a stay: when it ended, where that does not hold now
    elements: Mapping[str, str] = field(default_factory=dict)  # those that were sent at other times

    @classmethod
    def of(cls, resource: Resource) -> Chronology:
        """Read what a stored resource says of itself."""
        for extension in resource.get("meta", {}).get("extension", ()):
            if extension.get("url") == CHRONOLOGY_EXTENSION:
                return cls._read(extension.get("extension", ()))
        return cls()

    @classmethod
    def _read(cls, parts: list[Json]) -> Chronology:
        found: dict[str, str] = {
            part["url"]: part.get("valueDateTime") or part.get("valueCode", "") for part in parts
        }
        elements = dict(_element(part) for part in parts if part["url"] == "element")
        return cls(
            at=found.get("at", ""),
            event=found.get("event", ""),
            event_at=found.get("event-at", ""),
            end=found.get("end", ""),
            elements=elements,
        )

    def time_of(self, element: str) -> str:
        """Return when an element that is there was sent."""
        return self.elements.get(element, self.at)

    def on(self, resource: Resource) -> Resource:
        """Return a resource that says this of itself."""
        meta = resource["meta"]
        others = [e for e in meta.get("extension", ()) if e.get("url") != CHRONOLOGY_EXTENSION]
        mine = {"url": CHRONOLOGY_EXTENSION, "extension": [*self._parts()]}
        return {**resource, "meta": {**meta, "extension": [*others, mine]}}

    def _parts(self) -> Iterator[Json]:
        yield {"url": "at", "valueDateTime": self.at}
        if self.event:
            yield {"url": "event", "valueCode": self.event}
            yield {"url": "event-at", "valueDateTime": self.event_at}
        if self.end:
            yield {"url": "end", "valueDateTime": self.end}
        for name, at in self.elements.items():
            named = {"url": "name", "valueString": name}
            yield {"url": "element", "extension": [named, {"url": "at", "valueDateTime": at}]}


def undated(meta: Json) -> Json:
    """Return Resource.meta without the chronology: two versions may differ in that alone."""
    if "extension" not in meta:
        return meta
    others = [e for e in meta["extension"] if e.get("url") != CHRONOLOGY_EXTENSION]
    rest = {name: value for name, value in meta.items() if name != "extension"}
    return {**rest, "extension": others} if others else rest


def _element(part: Json) -> tuple[str, str]:
    name, at = part["extension"]
    return name["valueString"], at["valueDateTime"]


def says_the_same(stored: Resource, built: Resource) -> bool:
    """Whether two versions say the same, their number, instant, message and its time aside."""
    return _content(stored) == _content(built)


def is_as_stored(stored: Resource, built: Resource, *, is_late: bool) -> bool:
    """Whether there is nothing to write.

    What a late message leaves as it is becomes a version too: so the store notices if another
    message changes what its recipients are told.
    """
    if built is stored or is_late:
        return built is stored
    return says_the_same(stored, built) and Chronology.of(stored) == Chronology.of(built)


def _content(resource: Resource) -> Resource:
    versionless = {
        name: value
        for name, value in undated(resource["meta"]).items()
        if name not in ("versionId", "lastUpdated", "source")
    }
    return {**resource, "meta": versionless}

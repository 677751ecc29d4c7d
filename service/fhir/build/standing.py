"""What stands of a resource after a message: each element as it was said last, whatever came last.

A message says something of some elements, at the time when it was sent. An element that was said
later stays as it is; what a message leaves out stays as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from service.fhir.build.chronology import Chronology, is_before
from service.fhir.build.context import Resource
from service.fhir.build.parts import ABSENT
from service.fhir.validate.order import in_order

ENDED: Final = frozenset({"discharge", "death"})
EVENTS: Final = ENDED | {"admission", "admission-cancelled", "discharge-cancelled"}
_ITS_OWN: Final = frozenset({"resourceType", "id", "meta", "text"})
_START, _END, _STATUS = "period.start", "period.end", "status"
# What an event tells of a stay as a whole: where it says nothing, there is nothing any more.
_OF_THE_EVENT: Final = frozenset({"extension", "hospitalization"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a message says, beside the resources that were built of it."""

    at: str  # when, as FHIR writes it
    kind: str = ""
    deleted: frozenset[str] = frozenset()  # elements that it takes away
    ages: Mapping[str, str] = field(
        default_factory=dict
    )  # of elements that were said at another time
    deceased: bool | None = None  # what it says itself of the patient's death
    stay: str = ""  # reference of the stay whose event holds now; "": it tells none that does

    def time_of(self, element: str) -> str:
        """Return when an element was said."""
        return self.ages.get(element, self.at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened to a stay, as one message tells it; times as FHIR writes them."""

    kind: str = ""  # "": it tells of none
    at: str = ""  # when it was said
    start: str = ""
    end: str = ""

    def outweighs(self, other: Event) -> bool:
        """Whether this holds, and not the other: it was said later.

        A stay that has ended is not begun again by an admission that is told once more, but by
        one that took place after the end.
        """
        if not other.kind:
            return True
        older = is_before(self.at, other.at)
        first, last = (self, other) if older else (other, self)
        repeats = last.kind == "admission" and first.kind in ENDED
        repeats = repeats and not is_before(first.end, last.start)
        return older is repeats


@dataclass(slots=True)
class Merge:
    """Two states of one resource, element by element; whatever was said last is taken."""

    stored: Resource
    built: Resource
    said: Said
    before: Chronology
    always: Collection[str] = ()  # elements of which the message says by silence that none is
    elements: dict[str, Any] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)

    def run(self, left: Collection[str] = ()) -> None:
        """Choose every element but those `left` to the caller."""
        groups: dict[str, list[str]] = {}
        for name in dict.fromkeys((*self.built, *self.stored)):
            groups.setdefault(group_of(name), []).append(name)
        for group in dict.fromkeys((*groups, *self.said.deleted)):
            if group not in _ITS_OWN and group not in left:
                self._choose(group, groups.get(group, []))

    def _choose(self, group: str, names: list[str]) -> None:
        was_said = any(_is_there(self.stored, name) for name in names)
        told = self.before.time_of(group) if was_said else self.before.elements.get(group, "")
        is_newest = self._is_said(group, names) and not is_before(self.said.time_of(group), told)
        source = self.built if is_newest or not (was_said or told) else self.stored
        self.elements |= {name: source[name] for name in names if name in source}
        if is_newest or was_said or told:
            self.times[group] = self.said.time_of(group) if is_newest else told

    def _is_said(self, group: str, names: list[str]) -> bool:
        is_there = any(_is_there(self.built, name) for name in names)
        return is_there or group in self.said.deleted or group in self.always

    @property
    def is_late(self) -> bool:
        """Whether the message was sent before the newest that is known."""
        return is_before(self.said.at, self.before.at)

    @property
    def at(self) -> str:
        """When the newest of the two was said."""
        return self.before.at if self.is_late else self.said.at

    def result(self, chronology: Chronology) -> Resource:
        """Return the next version, with the age of everything in it."""
        present = {group_of(name) for name in self.elements}
        ages = {
            name: at
            for name, at in self.times.items()
            if at and (at != chronology.at or name not in present)
        }
        meta = self.built["meta"]
        if self.is_late and "security" in self.stored["meta"]:
            meta = {**meta, "security": self.stored["meta"]["security"]}
        whole = {**self.built, "meta": meta}
        kept = {name: whole[name] for name in whole if name in _ITS_OWN}
        order = {name: n for n, name in enumerate((*self.built, *self.stored))}
        listed = sorted(self.elements, key=lambda name: order.get(name, len(order)))
        made = {**kept, **{name: self.elements[name] for name in listed}}
        return replace(chronology, elements={**ages, **chronology.elements}).on(made)


def paper_standing(stored: Resource | None, built: Resource, said: Said) -> Resource:
    """Return a request or a document as it stands after a message."""
    before = Chronology.of(stored or {})
    if stored is None or not before.at:
        return Chronology(at=said.at).on(built)
    merge = Merge(stored=stored, built=built, said=said, before=before)
    merge.run()
    return merge.result(Chronology(at=merge.at))


def stay_standing(stored: Resource | None, built: Resource, said: Said) -> Resource:
    """Return a stay as it stands after a message: its event, and its details each by its age."""
    event, before = event_of(said.kind, said.at, built), Chronology.of(stored or {})
    if stored is None or not before.at:
        return Chronology(at=said.at, event=event.kind, event_at=event.at).on(built)
    kept, held = _flat(stored), holding(stored)
    if before.end:
        kept.setdefault(_END, before.end)
    always = _OF_THE_EVENT if event.kind else ()
    merge = Merge(stored=kept, built=_flat(built), said=said, before=before, always=always)
    merge.run(left=(_STATUS,))
    holds = bool(event.kind) and event.outweighs(held)
    merge.elements[_STATUS] = _status(merge, holds, held)
    return _stay(merge, event if holds else held)


def event_of(kind: str, at: str, stay: Resource) -> Event:
    """Return what a message tells of a stay; one of no kind tells details alone."""
    if kind not in EVENTS:
        return Event()
    period = stay.get("period", {})
    return Event(kind=kind, at=at, start=period.get("start", ""), end=period.get("end", ""))


def holding(stay: Resource) -> Event:
    """Return the event that holds of a stored stay; of no kind where its status denies it."""
    told = Chronology.of(stay)
    if not told.event or (told.event in ENDED) != (stay.get("status") == "finished"):
        return Event()
    period = stay.get("period", {})
    end = period.get("end") or told.end
    return Event(kind=told.event, at=told.event_at, start=period.get("start", ""), end=end)


def _status(merge: Merge, is_new: bool, held: Event) -> str:
    built, stored = str(merge.built[_STATUS]), str(merge.stored[_STATUS])
    if is_new or held.kind:
        return built if is_new else stored
    return stored if merge.is_late or built == "unknown" else built


def _stay(merge: Merge, event: Event) -> Resource:
    """Return the stay; an end shows where it has ended, and a start that is before that."""
    start, end = str(merge.elements.pop(_START, "")), str(merge.elements.pop(_END, ""))
    is_over = merge.elements[_STATUS] == "finished"
    shown = {"start": start, "end": end if is_over else ""}
    if start and shown["end"] and not in_order(start, end):
        shown["start"] = ""
    if any(shown.values()):
        merge.elements["period"] = {name: at for name, at in shown.items() if at}
    hidden = "" if is_over else end
    return merge.result(
        Chronology(at=merge.at, event=event.kind, event_at=event.at, end=hidden),
    )


def _flat(stay: Resource) -> Resource:
    flat = {name: value for name, value in stay.items() if name != "period"}
    return flat | {f"period.{name}": at for name, at in stay.get("period", {}).items()}


def group_of(name: str) -> str:
    """Return what an element belongs to: value and extension of a primitive, choices of a type."""
    plain = name.removeprefix("_")
    return "deceased" if plain.startswith("deceased") else plain


def _is_there(resource: Resource, name: str) -> bool:
    value = resource.get(name)
    return value is not None and value not in (ABSENT, [ABSENT])


def ages_of(chronology: Chronology, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield what is named with this prefix, without it, and when that was said."""
    for name, at in chronology.elements.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), at

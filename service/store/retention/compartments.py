"""What belongs together: resources that refer to one another, as far as they are about patients.

A compartment goes as a whole or not at all: while any part of it is young, held, or told of by
an event that a feed still has, a reader of that part finds what it refers to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from service.store.commit import RELAY, Reference
from service.store.database import Transaction
from service.store.keys import search_key
from service.store.retention.events import asking, drop, is_held
from service.store.retention.holds import LOCK, Ask, InForce
from service.store.retention.removal import KeptEvent, Member, remove_resource
from service.store.rows import SELDOM

MOST: Final = 2_000  # resources that are looked at together; more than that stay
BATCH: Final = 40  # resources of one transaction
# What is about nobody: many patients' resources refer to it, and it is kept.
HUBS: Final = SELDOM | {
    *("ActivityDefinition", "CodeSystem", "ConceptMap", "InsurancePlan", "Library", "Medication"),
    *("OrganizationAffiliation", "PlanDefinition", "Questionnaire", "StructureDefinition"),
    *("Substance", "ValueSet"),
}
# Goes with what refers to it alone: no index says what that is.
ENCLOSED: Final = "Binary"
_REFERENCE: Final = re.compile(
    rb'"(?:reference|url)"\s*:\s*"(?:[^"]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/\d+)?"'
)
OLD: Final = """
    SELECT updated, id, type FROM resource
    WHERE (updated, id, type) > (:since, :after, :type) AND updated < :limit
    ORDER BY updated, id, type LIMIT :count"""
OF_ID: Final = """
    SELECT type, id, version, updated, owner, message_id, media_type, keys, body
    FROM resource WHERE id = :id"""
EVENT: Final = """
    SELECT recipient, n, ts, updated, communication_id, version, sender, message_id, nhs_number,
        keys
    FROM delivery WHERE communication_id = :id"""
EARLIER: Final = "SELECT body FROM resource_history WHERE id = :id AND type = :type"
REFERRING: Final = "SELECT DISTINCT id FROM search_index WHERE place = :place"
SEEN_BY: Final = "SELECT organisation FROM visible WHERE id = :id AND type = :type"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What may go: what was not changed since `limit`, and is behind these floors."""

    limit: int  # microseconds
    holds: InForce
    floors: Mapping[str, int] = field(default_factory=dict)  # where feeds would come to stand


@dataclass(frozen=True, kw_only=True, slots=True)
class Compartment:
    """What was found around one resource."""

    members: tuple[Member, ...]
    events: tuple[KeptEvent, ...] = ()  # behind their feeds' floors, which go with it
    stays: str = ""  # why nothing of it goes
    seen: frozenset[str] = frozenset()  # every id that was looked at


def around(ask: Ask, id_: str, bounds: Bounds) -> Compartment:
    """Follow references, both ways, until everything is found or something must stay."""
    members: dict[Reference, Member] = {}
    waiting, seen = [id_], {id_}
    behind: list[KeptEvent] = []
    stays = ""
    while waiting and not stays:
        one = waiting.pop()
        found: set[str] = set()
        for event in map(KeptEvent._make, ask(EVENT, {"id": one})):
            behind.append(event)
            stays = stays or _why_event(event, bounds)
            found |= {*_referring(ask, one), *_named(event.named())}
        for member in map(Member._make, ask(OF_ID, {"id": one})):
            if member.type not in HUBS:
                members[member.place] = member
                stays = stays or _why(ask, member, bounds)
                found |= {*_referring(ask, one), *_referred_to(ask, member)}
        waiting += sorted(found - seen)
        seen |= found
        stays = stays or ("part of too much" if len(members) > MOST else "")
    return _compartment(members.values(), behind, stays, seen)


def _compartment(
    members: Iterable[Member], behind: Sequence[KeptEvent], stays: str, seen: set[str]
) -> Compartment:
    """Events that a sender is not told of go with it; of others there is nothing left to do."""
    gone = {event.communication_id for event in behind if event.sender != RELAY}
    hidden = tuple(event for event in behind if event.sender == RELAY)
    parts = members if stays else _with_its_event(members, gone)
    return Compartment(
        members=tuple(parts),
        events=() if stays else hidden,
        stays=stays,
        seen=frozenset(seen),
    )


def _why_event(event: KeptEvent, bounds: Bounds) -> str:
    """Return why an event keeps what it tells of."""
    if event.n > bounds.floors.get(event.recipient, 0):
        return "told of by an event"
    if is_held(event, bounds.holds):
        return "held"
    return "young" if event.updated >= bounds.limit else ""


def _with_its_event(members: Iterable[Member], gone: set[str]) -> Iterator[Member]:
    """Leave out Tasks that go with the event that they are about."""
    for member in members:
        about = {value.rpartition("/")[2] for name, value in member.named() if name == "focus"}
        if member.type != "Task" or about.isdisjoint(gone):
            yield member


def _why(ask: Ask, member: Member, bounds: Bounds) -> str:
    """Return why a resource must stay."""
    if member.updated >= bounds.limit:
        return "young"
    holds = bounds.holds
    if not holds.any:
        return ""
    named = member.message_id in holds.messages or member.owner in holds.teams
    if named or holds.names(member.body):
        return "held"
    key = {"id": member.id, "type": member.type}
    seen = ask(SEEN_BY, key) if holds.teams else []
    return "held" if any(ods in holds.teams for (ods,) in seen) else ""


def _referring(ask: Ask, id_: str) -> Iterator[str]:
    place = search_key("", "", id_).place
    yield from (found for (found,) in ask(REFERRING, {"place": place}))


def _referred_to(ask: Ask, member: Member) -> Iterator[str]:
    """Yield the ids that it names, now or in earlier versions, of types that are about patients."""
    yield from _named(member.named())
    earlier = ask(EARLIER, {"id": member.id, "type": member.type})
    bodies = [] if member.media_type else [member.body, *(bytes(body) for (body,) in earlier)]
    for kind, id_ in (found for body in bodies for found in _REFERENCE.findall(body)):
        if kind.decode() not in HUBS:
            yield id_.decode()


def _named(keys: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the ids in search keys, of types that are about patients."""
    for _, value in keys:
        kind, _, id_ = value.rpartition("/")
        if kind.isalpha() and kind not in HUBS:
            yield id_


def carry_out(tx: Transaction, planned: Compartment, bounds: Bounds, at: int) -> Compartment:
    """Remove a compartment, or the first part of a large one, unless it has changed.

    A message that looks one of these up locks the same names, so that it finds all or nothing.
    """
    names = {f"{m.owner}\n{m.type}\n{k}\n{v}" for m in planned.members for k, v in m.named()}
    tx.lock_names([LOCK, *sorted(names)])
    ask = asking(tx)
    now = replace(bounds, holds=InForce.at(ask))
    found = around(ask, planned.members[0].id, now)
    known = {member.place for member in planned.members}
    if found.stays or any(member.place not in known for member in found.members):
        return Compartment(members=found.members, stays=found.stays or "young")
    patients_last = sorted(found.members, key=lambda one: (one.type == "Patient", one.id))
    for member in patients_last[:BATCH]:
        remove_resource(tx, member, at)
    told = found.events if len(patients_last) <= BATCH else ()
    for event in told:
        drop(tx, event, (), at)
    return Compartment(members=tuple(patients_last[:BATCH]), events=told)

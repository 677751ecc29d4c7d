"""Caseloads as records: entries, what was told lately, near matches; and where each is found.

A place is the digest under which an index finds a person: of the NHS number, or of name, birth
date and postcode where there is no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from service.model import Instant
from service.store.commit import NEVER, AuditEntry, Delivery, Reference

Decision = Literal["", "open", "accepted", "rejected"]
Why = Literal["birth-date-differs", "no-nhs-number"]
NOWHERE = b""


def number_place(nhs_number: str) -> bytes:
    """Return where a person with this NHS number is found."""
    return _place("number", nhs_number)


def likeness_place(family: str, given: str, birth_date: str, postcode: str) -> bytes:
    """Return where a person of this name, birth date and home is found; NOWHERE if one is not said.

    Letter case, marks and blanks do not matter, nor does a second given name.
    """
    parts = (
        _letters(family),
        _letters(given.split(maxsplit=1)[0] if given.strip() else ""),
        birth_date if len(birth_date) == len("YYYY-MM-DD") else "",
        _letters(postcode),
    )
    return _place("likeness", *parts) if all(parts) else NOWHERE


def _place(*parts: str) -> bytes:
    return blake2b("\n".join(parts).encode(), digest_size=16).digest()


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


@dataclass(frozen=True, kw_only=True, slots=True)
class Basis:
    """Why a team may hear of a patient: a legal or clinical basis, by code, in words, or both."""

    system: str = ""
    code: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One patient in a team's care."""

    id: str  # UUIDv7
    team: str  # ODS code
    nhs_number: str
    birth_date: str  # YYYY-MM-DD
    family: str = ""
    given: str = ""
    postcode: str = ""
    kinds: tuple[str, ...]  # of events that the team wants to hear of
    basis: Basis
    starts: str  # YYYY-MM-DD, the first day
    ends: str = ""  # the last day; "": no end is set
    revision: int = 1
    added: Instant = NEVER
    added_by: str = ""
    changed: Instant = NEVER
    changed_by: str = ""
    ended: Instant = NEVER  # when it was taken off the list
    ended_by: str = ""

    @property
    def number(self) -> bytes:
        """Where it is found by NHS number."""
        return number_place(self.nhs_number)

    @property
    def likeness(self) -> bytes:
        """Where it is found by name, birth date and postcode."""
        return likeness_place(self.family, self.given, self.birth_date, self.postcode)

    @property
    def places(self) -> tuple[bytes, ...]:
        """Everywhere that it is found."""
        return tuple(place for place in (self.number, self.likeness) if place)

    def holds_on(self, day: str) -> bool:
        """Whether the patient is in the team's care on a day."""
        return not self.ended and self.starts <= day and (not self.ends or day <= self.ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An entry at the place of a message's patient, and what a person decided of the two."""

    entry: Entry
    decision: Decision = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """What was found at a place, to be found again under lock."""

    place: bytes
    by_likeness: bool = False
    patient_id: str = ""  # of the record whose decisions count; "" for one that is new
    expected: tuple[tuple[str, int, str], ...] = ()  # entry, revision, decision


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """An entry and a record that nearly agree: a person is to look."""

    id: str  # UUIDv7
    entry: str
    team: str
    patient_id: str
    why: Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Review(Asking):
    """A near match, and what was decided."""

    state: Decision
    asked: Instant
    decided: Instant = NEVER
    decided_by: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """What a message told of a patient, for those who will have the patient later."""

    id: str  # UUIDv7
    kind: str
    patient_id: str
    place: bytes
    nhs_number: str
    birth_date: str
    body: bytes  # a Communication and a Task that are nobody's yet: see delivery/recall.py
    told: tuple[str, ...] = ()  # who was told, at once or later


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptOccurrence(Occurrence):
    """An occurrence as it is found again."""

    at: Instant
    sender: str
    message_id: str
    seen: tuple[Reference, ...]  # what its recipients may see


@dataclass(frozen=True, kw_only=True, slots=True)
class Concerned:
    """What one message has to do with caseloads: part of a Commit."""

    lookup: Lookup
    occurrence: Occurrence | None = None
    asked: tuple[Asking, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recall:
    """An occurrence that a team is told later."""

    occurrence: KeptOccurrence
    delivery: Delivery


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The occurrences that were found at a place, to be found again under lock."""

    place: bytes
    expected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListChange:
    """What changes on one team's list, all of it or nothing."""

    team: str
    by: str  # client or operator
    version: int | None = None  # the list's version that this change was made of, if it matters
    added: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()  # as they will be; revision is raised by the store
    ended: tuple[Entry, ...] = ()
    held: tuple[bytes, ...] = ()  # further places that must stand still meanwhile
    since: Instant = NEVER  # from when on occurrences count
    known: tuple[Known, ...] = ()
    recalls: tuple[Recall, ...] = ()
    asked: tuple[Asking, ...] = ()
    decided: Review | None = None  # a near match, as it was decided
    audit: tuple[AuditEntry, ...] = ()

    @property
    def places(self) -> tuple[bytes, ...]:
        """What must stand still meanwhile."""
        entries = (*self.added, *self.changed, *self.ended)
        every = [place for entry in entries for place in entry.places]
        return tuple(dict.fromkeys([*every, *self.held, *(one.place for one in self.known)]))


@dataclass(frozen=True, kw_only=True, slots=True)
class ListState:
    """How a team's list stands."""

    version: int = 0
    updated: Instant = NEVER

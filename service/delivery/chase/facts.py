"""What must be known before somebody is chased: the Task, the patient, who was asked already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from service.fhir.build.continuity import is_restricted
from service.fhir.notice import Reference, mentioned
from service.fhir.search_parameters import Resource
from service.fhir.systems import EVENT_KIND
from service.fhir.task import is_awaited
from service.store import Store, Waiting

_TAKEN_ON = frozenset({"accepted", "completed"})
_STEPS = 3  # Communication → Encounter → Condition → …
_NOT_SHARED = frozenset({"Communication", "Task", "Organization"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One Task that waits for an answer, as it is now."""

    waiting: Waiting
    task: Resource
    communication: Resource
    related: tuple[Waiting, ...]  # everybody who was told of the same message

    @property
    def is_restricted(self) -> bool:
        """Whether the record may not be passed on by itself."""
        return is_restricted(self.communication)

    @property
    def is_awaited(self) -> bool:
        """Whether the answer is still waited for."""
        return is_awaited(self.task["status"], self.waiting.role)

    @property
    def kind(self) -> str:
        """What happened to the patient."""
        return kind_of(self.communication)


def look(store: Store, waiting: Waiting) -> Facts | None:
    """Return what is known of a Task; None if it or its Communication is gone."""
    reader = waiting.recipient
    task = store.read(reader, "Task", waiting.task_id)
    communication = store.read(reader, "Communication", waiting.communication_id)
    if not task or not communication or task.deleted or communication.deleted:
        return None
    return Facts(
        waiting=waiting,
        task=orjson.loads(task.body),
        communication=orjson.loads(communication.body),
        related=tuple(store.deadlines.of_message(waiting.message_id)),
    )


def is_dead(store: Store, facts: Facts) -> bool:
    """Whether the patient is known to have died."""
    kind, _, id_ = facts.communication["subject"].get("reference", "").partition("/")
    stored = store.read(facts.waiting.recipient, kind, id_) if id_ else None
    patient = orjson.loads(stored.body) if stored and not stored.deleted else {}
    return bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime"))


def is_overtaken(store: Store, facts: Facts) -> bool:
    """Whether the recipient took on a later notice of the same kind about the same stay."""
    stay = facts.communication.get("encounter", {}).get("reference")
    if not stay:
        return False
    reader = facts.waiting.recipient
    for stored in store.stream(reader, "Task", key=("encounter", stay)):
        task = orjson.loads(stored.body)
        if task["id"] > facts.task["id"] and task["status"] in _TAKEN_ON:
            focus = task.get("focus", {}).get("reference", "").removeprefix("Communication/")
            told = store.read(reader, "Communication", focus)
            if told and kind_of(orjson.loads(told.body)) == facts.kind:
                return True
    return False


def who_took_it_on(store: Store, facts: Facts) -> Waiting | None:
    """Return whoever of the same chase has accepted."""
    mine = facts.waiting
    for other in facts.related:
        if other.task_id == mine.task_id or not _is_of_one_chase(other, mine):
            continue
        stored = store.read(other.recipient, "Task", other.task_id)
        if stored and orjson.loads(stored.body)["status"] in _TAKEN_ON:
            return other
    return None


def what_it_shows(store: Store, facts: Facts) -> tuple[Reference, ...]:
    """Return what a recipient needs to read a Communication: all that this one may see of it."""
    found: set[Reference] = set()
    wanted = set(_shared(mentioned(facts.communication)))
    for _ in range(_STEPS):
        rows = store.read_many(facts.waiting.recipient, list(wanted - found))
        found |= {place for place, row in rows.items() if not row.deleted}
        bodies = [
            orjson.loads(row.body) for row in rows.values() if not row.media_type and row.body
        ]
        wanted = set(_shared(mentioned(bodies)))
        if not wanted - found:
            break
    return tuple(sorted(found))


def kind_of(communication: Resource) -> str:
    """Return the kind of event that a Communication tells of."""
    codings: Sequence[Resource] = communication.get("topic", {}).get("coding", ())
    kinds = (str(one.get("code")) for one in codings if one.get("system") == EVENT_KIND)
    return next(kinds, "")


def _is_of_one_chase(other: Waiting, mine: Waiting) -> bool:
    return other.chase == mine.chase or mine.instead_of == other.task_id


def _shared(references: Iterator[Reference]) -> Iterator[Reference]:
    return (one for one in references if one[0] not in _NOT_SHARED)

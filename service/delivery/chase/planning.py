"""What is done next for a Task that nobody has answered: who is told, in which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from service.delivery.chase import facts as facts_of
from service.delivery.chase.facts import Facts
from service.delivery.chase.wording import (
    after_a_rejection,
    asked_instead,
    nobody_instead,
    on_duty,
    reminder,
    report,
    taken_from,
    taken_on,
)
from service.delivery.directory import Directory
from service.delivery.terms import LATE, ON_DUTY, REMINDER, WAITING, Terms, first_deadline
from service.delivery.writes import as_write
from service.fhir import chase
from service.fhir.chase import Said
from service.fhir.search_parameters import Resource
from service.model import Instant, OdsCode
from service.store import LATER, TAKEN, Delivery, Reference, Step, Store, Write

REJECTED: Final = "rejected"
_ENDED: Final = Step(name="ended", at=0)  # others are not told


@dataclass(kw_only=True, slots=True)
class Plan:
    """What one step says to whom, and what comes next."""

    task: Resource  # its next version
    step: Step
    escalated: bool = False  # nobody answered in time, or who was asked refused
    deliveries: list[Delivery] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    shared: tuple[Reference, ...] = ()


class Planner:
    """Plans the steps of one store's Tasks; writes nothing."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store, self._directory = store, directory
        self._clock, self._new_id = clock, new_id

    def plan(self, facts: Facts) -> Plan | None:
        """Return what is to be done now; None: nothing any more."""
        if facts.waiting.step == TAKEN:
            return self._taken(facts)
        if facts.waiting.step == REJECTED:
            return self._rejected(facts) if facts.task["status"] == REJECTED else None
        if not facts.is_awaited:
            return None
        if facts.kind != "death" and facts_of.is_dead(self._store, facts):
            return self._quiet(facts, "Nobody is reminded: the patient has died.")
        if facts_of.is_overtaken(self._store, facts):
            return self._quiet(facts, "A later notice of the same was acknowledged.")
        steps = {ON_DUTY: self._on_duty, REMINDER: self._reminder, LATE: self._late}
        return steps[facts.waiting.step](facts)

    # --- the steps ---------------------------------------------------------------------------

    def _reminder(self, facts: Facts) -> Plan:
        line = reminder(facts)
        said = self._said(facts, "reminder", facts.waiting.recipient, line, chase.REMINDER)
        plan = self._next(facts, "Reminded.", Step(name=LATE, at=facts.waiting.due))
        plan.deliveries.append(self._delivery(facts, chase.reminded(facts.communication, said)))
        return plan

    def _on_duty(self, facts: Facts) -> Plan:
        """Ask whoever is on duty while the team is closed; its own time runs as it did."""
        terms = self._terms(facts)
        released = datetime.fromisoformat(facts.task["authoredOn"])
        due = datetime.fromisoformat(facts.task["restriction"]["period"]["end"])
        step = Step(name=REMINDER, at=Instant.of(terms.reminder(released, due)))
        other = self._unasked(facts, terms.on_duty)
        if other is None:
            return self._next(facts, nobody_instead(facts), step)
        line = on_duty(self._name(facts), terms.hours.opening(self._clock()))
        plan = self._next(facts, asked_instead(self._directory.name_of(other) or other), step)
        self._ask_instead(facts, plan, other, line, ON_DUTY)
        return plan

    def _late(self, facts: Facts) -> Plan:
        return self._escalated(facts, report(self._name(facts), facts), LATE)

    def _rejected(self, facts: Facts) -> Plan:
        return self._escalated(facts, after_a_rejection(self._name(facts), facts.task), REJECTED)

    def _escalated(self, facts: Facts, line: str, purpose: str) -> Plan:
        """Ask the next one in its place, and tell the sender."""
        step = Step(name=WAITING, at=LATER) if purpose == LATE else _ENDED
        other = None if facts.is_restricted else self._unasked(facts, self._fallback(facts))
        name = other and (self._directory.name_of(other) or other)
        what = asked_instead(name) if name else nobody_instead(facts)
        plan = self._next(facts, f"{line} {what}", step)
        plan.escalated = True
        if other:
            self._ask_instead(facts, plan, other, line, "fallback")
        if facts.waiting.sender:
            said = self._said(
                facts,
                f"{purpose}-{facts.waiting.recipient}",
                facts.waiting.sender,
                f"{line} {what}",
                chase.ALERT,
                role="information",
            )
            told = chase.told(facts.communication, said)
            plan.deliveries.append(self._delivery(facts, told, to=facts.waiting.sender))
        return plan

    def _taken(self, facts: Facts) -> Plan | None:
        """Tell who need not act, or not alone, that another does."""
        other = facts_of.who_took_it_on(self._store, facts)
        if other is None or not facts.is_awaited:
            return None
        name = self._directory.name_of(OdsCode(other.recipient)) or other.recipient
        stands_in = bool(facts.waiting.instead_of)
        line = taken_from(name) if stands_in else taken_on(name)
        plan = self._next(facts, line, _ENDED)
        said = self._said(
            facts, "taken", facts.waiting.recipient, line, chase.NOTIFICATION, role="information"
        )
        plan.deliveries.append(self._delivery(facts, chase.told(facts.communication, said)))
        if stands_in:
            plan.task = chase.cancelled(facts.task, line, self._instant())
            plan.writes.append(self._stopped(facts, line))
        return plan

    def _quiet(self, facts: Facts, text: str) -> Plan:
        return self._next(facts, text, _ENDED)

    # --- what they are made of ---------------------------------------------------------------

    def _next(self, facts: Facts, text: str, step: Step) -> Plan:
        return Plan(task=chase.noted(facts.task, text, self._instant()), step=step)

    def _ask_instead(self, facts: Facts, plan: Plan, other: OdsCode, line: str, basis: str) -> None:
        """Add the request to another team, with a Task and a deadline of its own."""
        said = self._said(facts, f"instead-{basis}", other, line, chase.ALERT)
        told = chase.told(facts.communication, said)
        because = f"{basis}:{facts.waiting.recipient}"
        task = chase.task_instead(facts.task, told, said, because, self._new_id())
        terms, now = self._directory.terms_of(other), self._clock()
        due = terms.due(facts.task.get("priority", "routine"), now)
        task["restriction"] = {"period": {"end": due.isoformat(timespec="seconds")}}
        plan.deliveries.append(self._delivery(facts, told, task, to=other, terms=terms))
        plan.shared = facts_of.what_it_shows(self._store, facts)

    def _said(
        self,
        facts: Facts,
        purpose: str,
        to: str,
        line: str,
        category: list[Any],
        *,
        role: str = "action",
    ) -> Said:
        return Said(
            id=self._new_id(),
            purpose=purpose,
            to=to,
            name=self._directory.name_of(OdsCode(to)),
            role=role,
            line=line,
            category=category,
            source=facts.communication["meta"]["source"],
            now=self._instant(),
        )

    def _delivery(
        self,
        facts: Facts,
        communication: Resource,
        task: Resource | None = None,
        *,
        to: str = "",
        terms: Terms | None = None,
    ) -> Delivery:
        waiting, owner = facts.waiting, OdsCode(facts.waiting.sender)
        deadline = None
        if task and terms:
            on_duty = task["reasonCode"]["text"].startswith(ON_DUTY)
            deadline = first_deadline(
                terms,
                "action",
                task,
                self._clock(),
                message_id=waiting.message_id,
                instead_of=waiting.task_id,
                chase="" if on_duty else waiting.chase,
            )
        return Delivery(
            recipient=to or waiting.recipient,
            kind=waiting.step,
            communication=as_write(communication, owner),
            task=as_write(task, owner) if task else None,
            patient_id=communication["subject"].get("reference", "").removeprefix("Patient/"),
            nhs_number=communication["subject"].get("identifier", {}).get("value", ""),
            discreet=not waiting.sender,
            deadline=deadline,
        )

    def _stopped(self, facts: Facts, text: str) -> Write:
        prior = int(facts.communication["meta"]["versionId"])
        after = chase.stopped(facts.communication, text)
        owner = OdsCode(facts.waiting.sender)
        return as_write(after, owner, prior=prior, keeps_audience=True)

    def _fallback(self, facts: Facts) -> Sequence[OdsCode]:
        """Return who may be asked next: those of the team that was asked first, then its own."""
        first = self._store.deadlines.get(facts.waiting.chase)
        asked = OdsCode(first.recipient) if first else OdsCode(facts.waiting.recipient)
        return (*self._directory.terms_of(asked).fallback, *self._terms(facts).fallback)

    def _unasked(self, facts: Facts, candidates: Sequence[OdsCode]) -> OdsCode | None:
        """Return the first who was not asked to act on this message before."""
        asked = {one.recipient for one in facts.related if one.role == "action"}
        others = (ods for ods in candidates if ods not in {*asked, facts.waiting.sender})
        return None if facts.is_restricted else next(others, None)

    def _terms(self, facts: Facts) -> Terms:
        return self._directory.terms_of(OdsCode(facts.waiting.recipient))

    def _name(self, facts: Facts) -> str:
        ods = facts.waiting.recipient
        return self._directory.name_of(OdsCode(ods)) or ods

    def _instant(self) -> str:
        return Instant.of(self._clock()).isoformat()

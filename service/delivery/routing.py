"""Who must know of a transfer: those it names, the GP practice, and those whom rules add."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from service.delivery import rules, watches
from service.delivery.directory import Directory, require
from service.delivery.hours import LONDON
from service.delivery.route import HOUSEKEEPING, Route, Routed
from service.delivery.rule_examples import as_transfer, wrong_examples
from service.delivery.rules import Facts, Rule
from service.delivery.watches import Watch
from service.errors import Severity
from service.model import OdsCode, Recipient, TransferOfCare

_SOMEBODY_MISSED: Final = (
    "no usable postcode: the team of the place where the patient lives would be told, and is not"
)

OPEN: Final = "the record is not restricted"  # the first condition of every rule
_RESTRICTED: Final = frozenset({"R", "V"})  # v3-Confidentiality
_FELL_BACK: Final = "nobody else was found: those are told who are told when nobody is"


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why one rule held, or did not."""

    rule: str
    held: bool
    conditions: tuple[tuple[str, bool], ...]  # in the rule's own words, never the patient's
    to: tuple[OdsCode, ...] = ()


class Routing:
    """The directory and the rules, compiled once."""

    def __init__(
        self,
        directory: Directory,
        every: tuple[Rule, ...],
        watched: tuple[Watch, ...] = (),
        *,
        fallback: tuple[Rule, ...] = (),
        version: str = "",
        examples: Sequence[TransferOfCare] = (),
    ) -> None:
        self.directory = directory
        self.rules, self.fallback, self.version = every, fallback, version
        self._watched, self._examples = watched, examples
        self._by_kind = _by_kind(every)
        self._fallback_by_kind = _by_kind(fallback)
        self._clock: Callable[[], datetime] = _now

    @classmethod
    def load(cls, folder: Path) -> Routing:
        """Read directory.yaml and routing.yaml, and try the examples of the rules.

        Raises RoutingFaults with every fault.
        """
        directory = Directory.load(folder)
        read = rules.load(folder, directory)
        watched = watches.load(folder, read.every)
        made = cls(
            directory,
            read.every,
            watched,
            fallback=read.fallback,
            version=read.version,
            examples=[as_transfer(one) for one in read.document.value.get("examples", ())],
        )
        require(wrong_examples(read.document, lambda t, on: made.recipients(t, on).recipients))
        return made

    @property
    def untried(self) -> tuple[str, ...]:
        """The rules that none of the file's own examples tries, whatever the day."""
        held = {
            one.rule
            for example in self._examples
            for one in self.explain(example)
            if all(holds for words, holds in one.conditions if not words.startswith("in force"))
        }
        return tuple(rule.id for rule in (*self.rules, *self.fallback) if rule.id not in held)

    def going_by(self, clock: Callable[[], datetime]) -> Routing:
        """Return the same with another clock: it says which rules are in force."""
        made = copy.copy(self)
        made._clock = clock
        return made

    def recipients(self, transfer: TransferOfCare, on: date | None = None) -> Routed:
        """Return who must know, each organisation once, and what was doubtful about them.

        Named ones come first, then who takes the patient over, the GP practice, and those of
        rules. The stronger role
        (action) wins and `because` keeps every reason; a death is for information only. The
        sender is a recipient only where the message names it. `on`: the day whose rules count,
        today if it is not said.
        """
        route = Route(self.directory, transfer)
        route.add_named()
        if transfer.kind not in HOUSEKEEPING:
            route.add_practice()
        candidates = self._in_force(self._by_kind, transfer, on)
        if candidates:
            self._add_by_rule(route, candidates)
        if spare := self._in_force(self._fallback_by_kind, transfer, on):
            _add_fallback(route, spare)
        return route.end()

    def explain(self, transfer: TransferOfCare, on: date | None = None) -> tuple[Explanation, ...]:
        """Return for every rule whether it held, and each of its conditions."""
        route = Route(self.directory, transfer)
        route.add_named()
        facts = rules.facts_of(transfer, addressed=route.is_addressed)
        day = on or self._today()
        found = [_explained(rule, transfer, facts, day) for rule in self.rules]
        if not self.fallback:
            return tuple(found)
        route.add_practice()
        for rule in self._in_force(self._by_kind, transfer, on) if not _hidden(transfer) else ():
            _add(route, rule, facts)
        lonely = ("nobody else is found to act", route.lacks_somebody)
        spare = [_explained(rule, transfer, facts, day, lonely) for rule in self.fallback]
        return (*found, *spare)

    def _in_force(
        self, rules_by_kind: dict[str, list[Rule]], transfer: TransferOfCare, on: date | None
    ) -> Sequence[Rule]:
        candidates = rules_by_kind.get(transfer.kind, [])
        if all(rule.is_always_in_force for rule in candidates):
            return candidates
        day = on or self._today()
        return [rule for rule in candidates if rule.is_in_force(day)]

    def _today(self) -> date:
        return self._clock().astimezone(LONDON).date()

    def _add_by_rule(self, route: Route, candidates: Sequence[Rule]) -> None:
        if _hidden(route.transfer):
            route.note("information", "suppressed", "the record is restricted: no rule holds")
            return
        facts = rules.facts_of(route.transfer, addressed=route.is_addressed)
        held = [rule for rule in candidates if _add(route, rule, facts)]
        for watch in self._watched:
            if issue := watch.issue(route.transfer, facts):
                route.note(issue.severity, issue.code, issue.text, issue.target)
        acting = {ods for rule in held for ods, role in rule.to if role == "action"}
        if len(acting) > 1 and facts.has_several_homes:
            text = "the patient has more than one address, and teams of several are asked to act"
            route.note("warning", "multiple-matches", text, "patient.addresses")
        if not facts.places:
            missed = any(rule.may_hold(facts) for rule in candidates)
            text = _SOMEBODY_MISSED if missed else "no usable postcode, so no rule by place holds"
            severity: Severity = "warning" if missed else "information"
            route.note(severity, "incomplete", text, "patient.addresses")


def _now() -> datetime:
    return datetime.now(UTC)


def _by_kind(every: Sequence[Rule]) -> dict[str, list[Rule]]:
    kinds = {kind for rule in every for kind in rule.kinds}
    return {kind: [rule for rule in every if kind in rule.kinds] for kind in kinds}


def _hidden(transfer: TransferOfCare) -> bool:
    """Whether the record may be told to nobody whom its message does not name."""
    marked = {document.confidentiality for document in transfer.documents}
    return transfer.patient.restricted or not _RESTRICTED.isdisjoint(marked)


def _add(route: Route, rule: Rule, facts: Facts) -> bool:
    """Add those of a rule if it holds."""
    if not rule.holds(facts):
        return False
    for ods, role in rule.to:
        route.add(Recipient(ods=ods, role=role, because=f"rule:{rule.id}"))
    return True


def _add_fallback(route: Route, spare: Sequence[Rule]) -> None:
    """Add those who are told where nobody else was found: the first rule that holds."""
    if _hidden(route.transfer) or not route.lacks_somebody:
        return
    facts = rules.facts_of(route.transfer, addressed=route.is_addressed)
    if any(_add(route, rule, facts) for rule in spare):
        route.note("warning", "not-found", _FELL_BACK, "recipients")


def _explained(
    rule: Rule, transfer: TransferOfCare, facts: Facts, day: date, *more: tuple[str, bool]
) -> Explanation:
    dated = ((rule.words_of_days, rule.is_in_force(day)),)
    conditions = (
        (OPEN, not _hidden(transfer)),
        (f"kind {', '.join(sorted(rule.kinds))}", transfer.kind in rule.kinds),
        *(() if rule.is_always_in_force else dated),
        *more,
        *((words, test(facts)) for words, test in rule.tests),
    )
    held = all(holds for _, holds in conditions)
    to = tuple(ods for ods, _ in rule.to)
    return Explanation(rule=rule.id, held=held, conditions=conditions, to=to)

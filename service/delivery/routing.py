"""Who must know of a transfer: those it names, the GP practice, and those whom rules add."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from service.delivery import rules, watches
from service.delivery.directory import NO_PRACTICE, Directory
from service.delivery.rules import Facts, Rule
from service.delivery.watches import Watch
from service.errors import Issue, Severity
from service.model import OdsCode, Organisation, Recipient, Request, TransferOfCare

# Practices are reached by their code alone: a letter and five digits.
_PRACTICE: Final = re.compile(r"[A-Z][0-9]{5}")

# Changes of a patient's details, and where in hospital a patient is, are for those who already
# have the patient, whom the store knows; they are not news for the practice, and nobody is missed
# when nobody is found.
_HOUSEKEEPING: Final = frozenset(
    {"admission", "admission-cancelled", "transfer", "patient-update", "patient-merge"}
)

_SOMEBODY_MISSED: Final = (
    "no usable postcode: the team of the place where the patient lives would be told, and is not"
)

_ASKING: Final = frozenset({"referral", "referral-update"})
_WITH_A_PLAN: Final = frozenset({"discharge", "document"})
NOBODY_ACTS: Final = Issue(
    severity="warning",
    code="not-found",
    text="nobody is asked to act on this referral: it names no receiver that is known, "
    "and no rule finds one",
    target="requests",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """The recipients of one transfer, one an organisation, and what was doubtful."""

    recipients: tuple[Recipient, ...]
    issues: tuple[Issue, ...] = ()
    discreet: frozenset[OdsCode] = frozenset()  # those of whom the sender is not told
    requests: tuple[Request, ...] = ()  # the transfer's, with the codes of performers found by name


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why one rule held, or did not."""

    rule: str
    held: bool
    conditions: tuple[tuple[str, bool], ...]  # in the rule's own words, never the patient's


class Routing:
    """The directory and the rules, compiled once."""

    def __init__(
        self, directory: Directory, every: tuple[Rule, ...], watched: tuple[Watch, ...] = ()
    ) -> None:
        self.directory = directory
        self.rules = every
        self._watched = watched
        kinds = {kind for rule in every for kind in rule.kinds}
        self._by_kind = {kind: [rule for rule in every if kind in rule.kinds] for kind in kinds}

    @classmethod
    def load(cls, folder: Path) -> Routing:
        """Read directory.yaml and routing.yaml. Raises RoutingFaults with every fault."""
        directory = Directory.load(folder)
        every = rules.load(folder, directory)
        return cls(directory, every, watches.load(folder, every))

    def recipients(self, transfer: TransferOfCare) -> Routed:
        """Return who must know, each organisation once, and what was doubtful about them.

        Named ones come first, then who takes the patient over, the GP practice, and those of
        rules. The stronger role
        (action) wins and `because` keeps every reason; a death is for information only. The
        sender is a recipient only where the message names it.
        """
        route = _Route(self.directory, transfer)
        route.add_named()
        if transfer.kind not in _HOUSEKEEPING:
            route.add_practice()
        self._add_by_rule(route)
        return route.end()

    def explain(self, transfer: TransferOfCare) -> tuple[Explanation, ...]:
        """Return for every rule whether it held, and each of its conditions."""
        route = _Route(self.directory, transfer)
        route.add_named()
        facts = rules.facts_of(transfer, addressed=route.is_addressed)
        return tuple(_explained(rule, transfer, facts) for rule in self.rules)

    def _add_by_rule(self, route: _Route) -> None:
        candidates = self._by_kind.get(route.transfer.kind)
        if not candidates:
            return
        if route.transfer.patient.restricted:
            route.note("information", "suppressed", "the record is restricted: no rule holds")
            return
        facts = rules.facts_of(route.transfer, addressed=route.is_addressed)
        held = [rule for rule in candidates if rule.holds(facts)]
        for rule in held:
            for ods, role in rule.to:
                route.add(Recipient(ods=ods, role=role, because=f"rule:{rule.id}"))
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


def _explained(rule: Rule, transfer: TransferOfCare, facts: Facts) -> Explanation:
    allowed = not transfer.patient.restricted
    conditions = (
        ("the record is not restricted", allowed),
        (f"kind {', '.join(sorted(rule.kinds))}", transfer.kind in rule.kinds),
        *((words, test(facts)) for words, test in rule.tests),
    )
    held = all(holds for _, holds in conditions)
    return Explanation(rule=rule.id, held=held, conditions=conditions)


class _Route:
    """The recipients of one transfer while they are gathered."""

    def __init__(self, directory: Directory, transfer: TransferOfCare) -> None:
        self.transfer = transfer
        self._directory = directory
        self._sender = transfer.message.sender
        self._requests = transfer.requests
        self._found: dict[OdsCode, Recipient] = {}
        self._issues: list[Issue] = []

    @property
    def is_addressed(self) -> bool:
        """Whether somebody was found who is to act."""
        return any(recipient.role == "action" for recipient in self._found.values())

    def add_named(self) -> None:
        """Add those whom the message names: as recipients, or to do what it asks for."""
        for i, recipient in enumerate(self.transfer.recipients):
            self._add_resolved(recipient, f"recipients[{i}]")
        self._requests = tuple(
            replace(request, performers=tuple(self._add_performers(request, f"requests[{i}]")))
            for i, request in enumerate(self.transfer.requests)
        )
        self._add_where_the_patient_went()

    def add_practice(self) -> None:
        """Add the patient's GP practice, unless its code says that there is none."""
        practice = self.transfer.patient.gp_practice
        if practice is None or practice.ods in NO_PRACTICE:
            text = "the patient's GP practice is not known, so it is not told"
            severity: Severity = "information" if practice else "warning"  # said, or not sent
            self.note(severity, "incomplete", text, "patient.gp_practice")
            return
        wanted = Recipient(ods=practice.ods, name=practice.name, because="gp-practice")
        resolved = self._resolved(wanted, "patient.gp_practice")
        if resolved is not None:
            self.add(resolved)

    def add(self, recipient: Recipient, *, named: bool = False) -> None:
        """Add one, or add its reasons to what is known of the same organisation."""
        ods = recipient.ods
        if ods is None or (ods == self._sender and not named):
            return
        known = self._found.get(ods)
        if known is not None:
            self._found[ods] = _both(known, recipient)
            return
        entry = None if recipient.name else self._directory.by_code(ods)
        self._found[ods] = replace(recipient, name=entry.name) if entry else recipient

    def note(self, severity: Severity, code: str, text: str, target: str = "") -> None:
        """Keep something doubtful."""
        self._issues.append(Issue(severity=severity, code=code, text=text, target=target))

    def end(self) -> Routed:
        """Return what was gathered; a death asks nobody to act."""
        found = tuple(self._found.values())
        if self.transfer.kind == "death":
            found = tuple(replace(each, role="information") for each in found)
        if not found and self.transfer.kind not in _HOUSEKEEPING:
            self.note(
                "warning", "not-found", "no recipient was found: nobody is told", "recipients"
            )
        elif not self.is_addressed:
            self._note_that_nobody_acts()
        return Routed(recipients=found, issues=tuple(self._issues), requests=self._requests)

    def _note_that_nobody_acts(self) -> None:
        kind, requests = self.transfer.kind, self.transfer.requests
        if kind in _ASKING:
            self._issues.append(NOBODY_ACTS)
        elif kind in _WITH_A_PLAN and any(each.status == "active" for each in requests):
            text = "nobody is asked to act on the plan: no recipient of it is known"
            self.note("warning", "not-found", text, "requests")

    def _add_performers(self, request: Request, target: str) -> Iterator[Organisation]:
        """Add those whom a request names, and yield each with the code it was found by."""
        for j, performer in enumerate(request.performers):
            asked = self._add_resolved(_asked(performer), f"{target}.performers[{j}]")
            yield replace(performer, ods=asked.ods) if asked else performer

    def _add_resolved(self, recipient: Recipient, target: str) -> Recipient | None:
        resolved = self._resolved(recipient, target)
        if resolved is not None:
            self.add(resolved, named=True)
        return resolved

    def _add_where_the_patient_went(self) -> None:
        """Whoever takes the patient over must know, where the directory knows who that is."""
        stay = self.transfer.encounter
        place = stay.discharged_to if stay else None
        if place is None:
            return
        known = self._directory.by_code(place.ods) if place.ods else None
        entry = known or self._directory.by_name(place.name or "")
        if entry:
            self.add(Recipient(ods=entry.ods, name=entry.name, because="discharged-to"))

    def _resolved(self, recipient: Recipient, target: str) -> Recipient | None:
        if recipient.party == "patient":
            self.note("information", "not-supported", "the relay sends no copy to patients", target)
            return None
        if recipient.ods in NO_PRACTICE:
            self.note("warning", "not-found", "this code names no practice", f"{target}.ods")
            return None
        if recipient.ods is not None:
            if not (self._directory.by_code(recipient.ods) or _PRACTICE.fullmatch(recipient.ods)):
                text = "this code is not in the directory: nobody there is known to listen"
                self.note("warning", "not-found", text, f"{target}.ods")
            return recipient
        entry = self._directory.by_name(recipient.name or "")
        if entry is None:
            text = "named without an ODS code, and the directory has nobody of this name"
            self.note("warning", "not-found", text, f"{target}.name")
            return None
        return replace(recipient, ods=entry.ods)


def _asked(performer: Organisation) -> Recipient:
    return Recipient(ods=performer.ods, name=performer.name, role="action", because="performer")


def _both(first: Recipient, second: Recipient) -> Recipient:
    reasons = dict.fromkeys((*first.because.split(", "), *second.because.split(", ")))
    return replace(
        first,
        name=first.name or second.name,
        role="action" if "action" in {first.role, second.role} else "information",
        because=", ".join(reasons),
        reference=first.reference or second.reference,
    )

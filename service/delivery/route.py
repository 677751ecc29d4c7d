"""The recipients of one transfer while they are gathered: each organisation once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from service.delivery.directory import NO_PRACTICE, Directory
from service.errors import Issue, Severity
from service.model import OdsCode, Organisation, Recipient, Request, TransferOfCare

# Practices are reached by their code alone: a letter and five digits.
_PRACTICE: Final = re.compile(r"[A-Z][0-9]{5}")

# Changes of a patient's details, and where in hospital a patient is, are for those who already
# have the patient, whom the store knows; they are not news for the practice, and nobody is missed
# when nobody is found.
HOUSEKEEPING: Final = frozenset(
    {"admission", "admission-cancelled", "transfer", "patient-update", "patient-merge"}
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


class Route:
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

    @property
    def lacks_somebody(self) -> bool:
        """Whether nobody is told, or nobody is asked to act on what asks for it."""
        return not (self.is_addressed if self.transfer.kind in _ASKING else self._found)

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
        if not found and self.transfer.kind not in HOUSEKEEPING:
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

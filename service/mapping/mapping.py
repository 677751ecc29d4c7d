"""`Mapping`: one mapping file at work, from a source message to a `TransferOfCare`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from service.errors import Issue, UnmappableMessage, UnmappedMessage
from service.formats.source import SourceMessage
from service.mapping.condition import Condition
from service.mapping.coverage import Ignored, Scope, unread_leaves
from service.mapping.run import Run, Step, Where
from service.mapping.spec import IssueSpec
from service.mapping.steps import values_of
from service.mapping.trace import Trace
from service.model import Identifier, Message, OdsCode, Patient, TransferOfCare

REFUSING = ("error", "fatal")  # severities of issues that refuse a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """The compiled rules of one mapping."""

    message: tuple[tuple[str, Step], ...]
    patient: Step
    rest: tuple[tuple[str, Step], ...]  # the other fields of TransferOfCare
    issues: tuple[tuple[Condition, IssueSpec, Where], ...]
    scope: Scope  # every path that is read
    ignored: Ignored = field(default_factory=Ignored)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapping:
    """One mapping file, compiled. Safe to use from several threads."""

    id: str
    version: str
    description: str  # for people; "" where the file has none
    format: str
    senders: tuple[OdsCode, ...]  # () for a base mapping
    when: str  # its condition as written; "" for any message
    condition: Condition | None
    charset: str | None  # where the message does not say
    program: Program
    traced: Callable[[], Program]  # the same rules, tracing; compiled when first asked for
    rules: int  # how many
    notices: tuple[Issue, ...] = ()  # put on every record

    @property
    def is_base(self) -> bool:
        """Whether it serves senders that have no mapping of their own."""
        return not self.senders

    def holds(self, source: SourceMessage) -> bool:
        """Whether the mapping's `when` holds for the message."""
        return self.condition is None or self.condition(source.root)

    def apply(
        self, source: SourceMessage, sender: OdsCode, trace: Trace | None = None
    ) -> TransferOfCare:
        """Return what the message says, with every doubt as an issue.

        Raises UnmappableMessage with all issues if what is required is missing or refused,
        UnmappedMessage if the message is of another format.
        """
        if source.format != self.format:
            raise UnmappedMessage(f"the mapping {self.id} is for {self.format}")
        program = self.program if trace is None else self.traced()
        run, root = Run(trace), source.root
        message = self._message(program, source, sender, run)
        given = values_of(program.rest, root, run)
        patient = _with_kept(program.patient(root, run), run.kept)
        for condition, issue, where in program.issues:
            if condition(root):
                run.add(issue.severity, issue.code, issue.text, issue.target, where(root))
        if "kind" not in given:
            run.add("error", "required", "what kind of message this is was not found", "kind", "")
        issues = (*self.notices, *source.issues, *run.issues)
        if message is None or any(issue.severity in REFUSING for issue in run.issues):
            raise UnmappableMessage(issues=issues)
        return TransferOfCare(message=message, patient=patient, issues=issues, **given)

    def unread(self, source: SourceMessage) -> list[str]:
        """Return the places of the message that no rule reads and the file does not ignore."""
        return self.left_out(source)[0]

    def left_out(self, source: SourceMessage) -> tuple[list[str], list[str]]:
        """Return the places that nobody reads: by mistake perhaps, and on purpose."""
        leaves = unread_leaves(source, self.program.scope)
        ignored = self.program.ignored.picks(source, leaves)
        on_purpose = set(ignored)
        return [leaf for leaf in leaves if leaf not in on_purpose], ignored

    def _message(
        self, program: Program, source: SourceMessage, sender: OdsCode, run: Run
    ) -> Message | None:
        """Return the message with what its reader knows, and who really sent it."""
        given = values_of(program.message, source.root, run)
        _default(given, "id", source.message_id)
        _default(given, "event", source.message_type)
        _default(given, "claimed_sender", source.claimed_sender)
        claimed = given.get("claimed_sender", "")
        if claimed and claimed.strip().upper() != sender:
            run.add("warning", "security", _OTHER_SENDER, "message.claimed_sender", "")
        if "id" not in given:
            run.add("error", "required", "the message has no id", "message.id", "")
            return None
        return Message(sender=sender, **given)


_OTHER_SENDER = "the message names another sender than the one that was authenticated"


def _default(given: dict[str, Any], name: str, value: str) -> None:
    if value:
        given.setdefault(name, value)


def _with_kept(patient: Patient, kept: list[str]) -> Patient:
    """Return the patient with texts that are no NHS numbers among the local identifiers."""
    present = {identifier.value for identifier in patient.identifiers} | {patient.nhs_number}
    wrong = [text for text in dict.fromkeys(kept) if text not in present]
    if not wrong:
        return patient
    more = tuple(Identifier(value=text, type="NH") for text in wrong)
    return replace(patient, identifiers=patient.identifiers + more)

"""What a transfer would become, before it is rows: for the posting, and for trying out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from service.delivery.recall import Notice
from service.delivery.routing import Routing
from service.errors import Issue, NonconformantResource
from service.fhir.build import Built, Known, Origin, build
from service.fhir.validate import check
from service.model import OdsCode, Recipient, TransferOfCare


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """The resources of one transfer, who gets them, and everything that was doubtful."""

    recipients: tuple[Recipient, ...]
    built: Built
    issues: tuple[Issue, ...]  # of the message and of its routing; building adds its own
    notice: Notice | None = None  # nobody's yet: for those who have the patient on a caseload
    discreet: frozenset[OdsCode] = frozenset()  # recipients whom the sender is not told of

    def seen_by_sender(self) -> Draft:
        """Return it without those whom the sender is not told of."""
        told = tuple(one for one in self.built.communications if one[0].ods not in self.discreet)
        return replace(
            self,
            recipients=tuple(one for one in self.recipients if one.ods not in self.discreet),
            built=replace(self.built, communications=told),
        )

    @property
    def doubts(self) -> tuple[Issue, ...]:
        """Every issue of the message, of its routing and of what was built, each once."""
        return tuple(dict.fromkeys((*self.issues, *self.built.issues)))


Drafting = Callable[[TransferOfCare, Origin], Draft]


def drafting(
    routing: Routing, clock: Callable[[], datetime], new_id: Callable[[], str]
) -> Drafting:
    """Return what drafts a transfer as the first one of its patient: without a store."""

    def draft(transfer: TransferOfCare, origin: Origin) -> Draft:
        routed = routing.recipients(transfer)
        issues = (*transfer.issues, *routed.issues)
        built = build(
            replace(transfer, issues=issues, requests=routed.requests),
            routed.recipients,
            known=Known(),
            origin=origin,
            now=clock(),
            new_id=new_id,
            organisation_name=routing.directory.name_of,
            due=routing.directory.due,
        )
        require_conformance(built)
        return Draft(recipients=routed.recipients, built=built, issues=issues)

    return draft


def require_conformance(built: Built) -> None:
    """Raise NonconformantResource if a resource that was built breaks its profile."""
    faults: list[Issue] = []
    for resource in built.resources:
        faults += check(resource)
    for _, communication, task in built.communications:
        faults += check(communication)
        faults += check(task)
    errors = [fault for fault in faults if fault.severity in ("error", "fatal")]
    if errors:
        raise NonconformantResource(issues=errors)

"""Builds FHIR from a `TransferOfCare`: plain dicts that conform to our profiles.

One function a resource, whose docstring is the specification's address. What stands in the
transfer stands in some resource; what was doubtful stands in every Communication as a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.errors import Issue
from service.fhir.build.adoption import adopted, completed
from service.fhir.build.assembly import Assembly
from service.fhir.build.communication import DEADLINES, Due, elapsed
from service.fhir.build.context import Content, Context, Origin, Resource
from service.fhir.build.documents import binary
from service.fhir.build.identity import Held, Identity, Known, identity_keys
from service.fhir.build.legible import legible
from service.fhir.build.parts import organisation
from service.fhir.build.succession import Succession, succeeded
from service.fhir.validate.primitives import LAST_UPDATED
from service.model import OdsCode, Recipient, TransferOfCare

__all__ = [
    "DEADLINES",
    "LAST_UPDATED",
    "Built",
    "Content",
    "Held",
    "Identity",
    "Known",
    "Origin",
    "Succession",
    "adopted",
    "binary",
    "build",
    "completed",
    "identity_keys",
    "organisation",
    "succeeded",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What was made of one transfer. Every meta.lastUpdated is LAST_UPDATED, for the store."""

    resources: tuple[Resource, ...]  # all but Communications and Tasks
    communications: tuple[tuple[Recipient, Resource, Resource], ...]  # with its Task
    contents: tuple[Content, ...]  # the Binaries
    successions: tuple[Succession, ...]  # earlier resources that these replace: see `succeeded`
    issues: tuple[Issue, ...]  # what building found doubtful, beside the transfer's own


def build(
    transfer: TransferOfCare,
    recipients: Sequence[Recipient],
    *,
    known: Known,
    origin: Origin,
    now: datetime,
    new_id: Callable[[], str],
    organisation_name: Callable[[OdsCode], str | None],
    due: Due = elapsed,
) -> Built:
    """Return the resources of one transfer, a Communication and a Task for each recipient.

    A resource in `known` keeps its id and gets the next version. What the sender posted itself
    (a `reference` in the transfer) is referred to and not built, except the Communication that a
    single recipient gets: that is built under the posted one's id, to be joined with it. `now`
    is aware; `organisation_name` answers with the name of an organisation in the directory;
    `due` says until when a recipient is to acknowledge.
    """
    transfer, recipients = legible(transfer, recipients)
    context = Context(
        transfer=transfer,
        known=known,
        origin=origin,
        now=now,
        new_id=new_id,
        organisation_name=organisation_name,
    )
    assembly = Assembly(context, recipients)
    assembly.assemble()
    return Built(
        resources=tuple(assembly.resources),
        communications=tuple(assembly.communications(due)),
        contents=tuple(context.contents),
        successions=assembly.successions(),
        issues=tuple(context.issues),
    )

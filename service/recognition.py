"""The referral or discharge in a transaction: its resources are stored as posted, and sent on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.delivery.posting import Poster, Posting
from service.errors import AmbiguousMessage, Issue, UnmappedMessage
from service.fhir.build import Origin
from service.formats import fhir_r4
from service.mapping import Mappings
from service.model import OdsCode
from service.store import Check, Delivery, Reference, Write


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """What a transaction comes to beside the resources in it; empty if it is only data."""

    writes: tuple[Write, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: tuple[Check, ...] = ()
    shared: tuple[Reference, ...] = ()
    issues: tuple[Issue, ...] = ()
    mapping: str = ""
    mapping_version: str = ""


class Recogniser:
    """Reads a rewritten transaction as a message, by the same mappings and the same builder."""

    def __init__(self, *, mappings: Mappings, poster: Poster) -> None:
        self._mappings = mappings
        self._poster = poster

    def recognise(
        self, organisation: OdsCode, bundle: dict[str, Any], message_id: str
    ) -> Recognised:
        """Return the deliveries that follow from a transaction of this sender.

        `bundle` has its final ids and references. Raises UnmappableMessage if it holds a
        referral or discharge that lacks what it needs.
        """
        posted = {entry["resource"]["id"]: entry["resource"] for entry in bundle["entry"]}
        postings: list[Posting] = []
        mapping = None
        for source in fhir_r4.messages(bundle):
            try:
                mapping = self._mappings.for_source(organisation, source)
            except AmbiguousMessage:
                raise
            except UnmappedMessage:
                continue
            transfer = mapping.apply(source.named(message_id), organisation)
            origin = Origin(
                message_id=message_id,
                media_type="application/fhir+json",
                mapping=mapping.id,
                mapping_version=mapping.version,
            )
            postings.append(self._poster.post(transfer, origin, posted))
        return _recognised(postings, mapping.id, mapping.version) if mapping else Recognised()


def _recognised(postings: list[Posting], mapping: str, version: str) -> Recognised:
    every = Posting.joined(postings)
    return Recognised(
        writes=every.writes,
        deliveries=every.deliveries,
        checks=every.checks,
        shared=every.shared,
        issues=every.issues,
        mapping=mapping,
        mapping_version=version,
    )

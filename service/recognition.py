"""The referral or discharge in a transaction: its resources are stored as posted, and sent on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from service.delivery.posting import Poster, Posting
from service.delivery.reversals import require_discretion, retractions, reversals
from service.errors import AmbiguousMessage, Issue, UnmappedMessage
from service.fhir.build import Origin
from service.formats import fhir_r4
from service.formats.fhir_r4 import FhirMessage
from service.mapping import Mapping, Mappings
from service.mapping.enclosed import with_enclosed
from service.model import OdsCode, TransferOfCare
from service.store import Check, Concerned, Delivery, Reference, Store, Write

_TRANSACTIONS: Final = "base/fhir-r4-transaction"  # reads what a sender's own mapping does not take

_LIVE: Final = frozenset({"in-progress", "unknown"})  # FHIR event-status, as the mapping has it
_HELD_BACK: Final = Issue(
    severity="warning",
    code="business-rule",
    text="a Communication that is not in progress is kept and sent to nobody",
    target="Communication.status",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """What a transaction comes to beside the resources in it; empty if it is only data."""

    writes: tuple[Write, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: tuple[Check, ...] = ()
    shared: tuple[Reference, ...] = ()
    concerned: tuple[Concerned, ...] = ()
    issues: tuple[Issue, ...] = ()
    mapping: str = ""
    mapping_version: str = ""


class Recogniser:
    """Reads a rewritten transaction as a message, by the same mappings and the same builder."""

    def __init__(self, *, mappings: Mappings, poster: Poster, store: Store) -> None:
        self._mappings = mappings
        self._poster = poster
        self._store = store

    def recognise(
        self, organisation: OdsCode, bundle: dict[str, Any], message_id: str
    ) -> Recognised:
        """Return the deliveries that follow from a transaction of this sender.

        `bundle` has its final ids and references. Raises UnmappableMessage if it holds a
        referral or discharge that lacks what it needs.
        """
        posted = {entry["resource"]["id"]: entry["resource"] for entry in bundle["entry"]}
        require_discretion(self._store, organisation, bundle)
        withdrawn = list(self._retractions(organisation, bundle, message_id))
        rest = _without(bundle, {notice["id"] for _, _, notice in withdrawn})
        found = list(self._transfers(organisation, rest, message_id)) if rest["entry"] else []
        told = {transfer.patient.reference for _, transfer in found if transfer.kind == "death"}
        for mapping, transfer in self._reversals(organisation, bundle, message_id):
            if transfer.kind != "death" or transfer.patient.reference not in told:
                found.append((mapping, transfer))
        postings = [
            self._poster.post(transfer, _origin(message_id, mapping), posted)
            for mapping, transfer in found
        ]
        for mapping, transfer, notice in withdrawn:
            found.append((mapping, transfer))
            postings.append(self._poster.withdraw(transfer, _origin(message_id, mapping), notice))
        return _recognised(postings, found[-1][0]) if found else _only_kept(posted.values())

    def _transfers(
        self, organisation: OdsCode, bundle: dict[str, Any], message_id: str
    ) -> Iterator[tuple[Mapping, TransferOfCare]]:
        """Yield what the transaction says to others, one a patient."""
        for source in fhir_r4.messages(bundle):
            mapping = self._mapping(organisation, source)
            if mapping:
                told = mapping.apply(source.named(message_id), organisation)
                transfer = with_enclosed(told, self._mappings, source)
                yield mapping, _as_update(transfer, bundle)

    def _reversals(
        self, organisation: OdsCode, bundle: dict[str, Any], message_id: str
    ) -> Iterator[tuple[Mapping, TransferOfCare]]:
        """Yield what it turns round of what others were told before."""
        for kind, part in reversals(self._store, organisation, bundle):
            for source in fhir_r4.messages(part):
                mapping = self._mapping(organisation, source)
                mapping = mapping or self._mappings.by_id(_TRANSACTIONS)
                named = source.named(f"{message_id}#{kind}")
                yield mapping, replace(mapping.apply(named, organisation), kind=kind)

    def _retractions(
        self, organisation: OdsCode, bundle: dict[str, Any], message_id: str
    ) -> Iterator[tuple[Mapping, TransferOfCare, dict[str, Any]]]:
        """Yield the notices that it takes back, each as the withdrawal of a document."""
        mapping = self._mappings.by_id(_TRANSACTIONS)
        for notice, part in retractions(self._store, organisation, bundle):
            for source in fhir_r4.messages(part):
                named = source.named(f"{message_id}#{notice['id']}")
                transfer = mapping.apply(named, organisation)
                message = replace(transfer.message, doc_status="entered-in-error")
                yield mapping, replace(transfer, kind="document", message=message), notice

    def _mapping(self, organisation: OdsCode, source: FhirMessage) -> Mapping | None:
        try:
            return self._mappings.for_source(organisation, source)
        except AmbiguousMessage:
            raise
        except UnmappedMessage:
            return None


def _without(bundle: dict[str, Any], withdrawn: Collection[str]) -> dict[str, Any]:
    """Return the bundle without notices that it takes back; empty if it says nothing else.

    What such a notice was about is read with it, and is no news.
    """
    if not withdrawn:
        return bundle
    rest = [entry for entry in bundle["entry"] if entry["resource"]["id"] not in withdrawn]
    return {**bundle, "entry": rest if any("request" in entry for entry in rest) else []}


def _as_update(transfer: TransferOfCare, bundle: dict[str, Any]) -> TransferOfCare:
    """Tell a referral all of whose requests are later versions as one that was changed."""
    later = {
        f"{one['resourceType']}/{one['id']}"
        for one in (entry["resource"] for entry in bundle["entry"] if "request" in entry)
        if one["meta"]["versionId"] != "1"
    }
    asked = {request.reference for request in transfer.requests}
    is_update = transfer.kind == "referral" and bool(asked) and asked <= later
    return replace(transfer, kind="referral-update") if is_update else transfer


def _only_kept(posted: Iterable[dict[str, Any]]) -> Recognised:
    """Say of a Communication that is not to be sent on that it was not."""
    held_back = any(
        one["resourceType"] == "Communication" and one["status"] not in _LIVE for one in posted
    )
    return Recognised(issues=(_HELD_BACK,) if held_back else ())


def _origin(message_id: str, mapping: Mapping) -> Origin:
    return Origin(
        message_id=message_id,
        media_type="application/fhir+json",
        mapping=mapping.id,
        mapping_version=mapping.version,
    )


def _recognised(postings: list[Posting], mapping: Mapping) -> Recognised:
    every = Posting.joined(postings)
    return Recognised(
        writes=every.writes,
        deliveries=every.deliveries,
        checks=every.checks,
        shared=every.shared,
        concerned=every.concerned,
        issues=tuple(dict.fromkeys(every.issues)),
        mapping=mapping.id,
        mapping_version=mapping.version,
    )

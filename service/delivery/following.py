"""A change follows what it changes: who must hear of it, and what it does to earlier notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from service.delivery.earlier import Found
from service.delivery.persons import other_records
from service.errors import Issue
from service.fhir.build import LAST_UPDATED
from service.fhir.build.identity import Held
from service.fhir.systems import DELIVERY_STATE, EVENT_KIND
from service.model import OdsCode, Recipient, TransferOfCare
from service.store import RELAY, Key, Reference, Store

Resource = dict[str, Any]

# Whoever holds one of these must hear: the stay, the referral, the document, the patient.
FOLLOWS: Final = {
    "admission": ("encounter", "patient"),
    "admission-cancelled": ("encounter",),
    "transfer": ("encounter", "patient"),
    "discharge": ("encounter",),
    "death": ("encounter", "patient"),
    "discharge-cancelled": ("encounter",),
    "referral": ("requests",),
    "referral-update": ("requests",),
    "referral-cancelled": ("requests",),
    "document": ("documents", "replaced", "appended"),
    "patient-update": ("patient",),
    "patient-merge": ("patient", "merged"),
}
# Where the stay cannot be told (a cancellation without its number): whoever holds the patient.
_ELSE: Final = {"discharge-cancelled": ("patient",)}
# Which notices a withdrawal takes back, and by which search key they are found.
_TAKES_BACK: Final = {
    "admission-cancelled": "encounter",
    "discharge-cancelled": "encounter",
    "referral-cancelled": "based-on",
}
_DETAILS: Final = frozenset({"admission", "transfer", "patient-update", "patient-merge"})
# Which kinds of notices of a stay are taken back: not the referrals made in it.
_OF_THE_STAY: Final = {
    "admission-cancelled": frozenset({"admission", "transfer", "discharge", "death"}),
    "discharge-cancelled": frozenset({"discharge", "death"}),
}
_OPEN: Final = frozenset({"requested", "received"})
_WITHDRAWN: Final = "The sender has withdrawn what this was about."


def holders(store: Store, transfer: TransferOfCare, found: Found) -> tuple[Recipient, ...]:
    """Return who may see what the transfer changes; told to act where they must stop.

    Details of a restricted record are no news for those whom a rule once chose.
    """
    if transfer.patient.restricted and transfer.kind in _DETAILS:
        return ()
    role = "action" if transfer.kind in _TAKES_BACK else "information"
    changed = (*_changed(transfer, found),) or (*_instead(transfer, found),)
    if transfer.kind == "death":
        changed += tuple(other_records(store, transfer.message.sender, transfer.patient))
    every = {ods: None for held in changed for ods in store.audience(held.type, held.id)}
    return tuple(
        Recipient(ods=OdsCode(ods), role=role, because="holds-what-changes")  # type: ignore[arg-type]  # one of the two roles
        for ods in every
    )


def missing_original(transfer: TransferOfCare, found: Found) -> tuple[Issue, ...]:
    """Return a warning if what the transfer changes was never sent here."""
    withdraws = any(d.status == "entered-in-error" or d.replaces for d in transfer.documents)
    changes = transfer.kind in (*_TAKES_BACK, "referral-update") or withdraws
    if not changes or any(True for _ in _changed(transfer, found)):
        return ()
    text = "what this message changes or withdraws was not sent here before"
    return (Issue(severity="warning", code="not-found", text=text, target="kind"),)


def taken_back(
    store: Store, transfer: TransferOfCare, found: Found, now: str
) -> Iterator[tuple[Resource, int]]:
    """Yield the next versions of notices and Tasks that a withdrawal ends, with their version.

    A notice that is under way is stopped and its Task cancelled; what was accepted stays.
    """
    param = _TAKES_BACK.get(transfer.kind)
    for held in _changed(transfer, found) if param else ():
        for notice, version in _read(
            store, transfer, "Communication", (param or "", held.reference)
        ):
            if notice["status"] == "in-progress" and _is_taken_back(notice, transfer.kind):
                yield (
                    _next(notice, version, status="stopped", statusReason={"text": _WITHDRAWN}),
                    version,
                )
                yield from cancelled(store, transfer, notice, now)


def stopped(
    store: Store, transfer: TransferOfCare, notice: Resource, now: str
) -> Iterator[tuple[Resource, int]]:
    """Yield the next versions of a notice under way and of its Task, with their version."""
    version = int(notice["meta"]["versionId"])
    if notice["status"] == "in-progress":
        yield _next(notice, version, status="stopped", statusReason={"text": _WITHDRAWN}), version
    yield from cancelled(store, transfer, notice, now)


def cancelled(
    store: Store, transfer: TransferOfCare, notice: Resource, now: str
) -> Iterator[tuple[Resource, int]]:
    """Yield the next version of the Task of a notice that is taken back, with its version."""
    key = ("focus", f"Communication/{notice['id']}")
    for task, version in _read(store, transfer, "Task", key):
        if task["status"] in _OPEN:
            state = {"coding": [{"system": DELIVERY_STATE, "code": "failed"}], "text": "Withdrawn"}
            yield (
                _next(
                    task,
                    version,
                    status="cancelled",
                    statusReason={"text": _WITHDRAWN},
                    businessStatus=state,
                    lastModified=now,
                ),
                version,
            )


def _instead(transfer: TransferOfCare, found: Found) -> Iterator[Held]:
    slots = _ELSE.get(transfer.kind, ())
    return (held for slot, held in found.known.items() if slot in slots)


def _changed(transfer: TransferOfCare, found: Found) -> Iterator[Held]:
    """Yield what the transfer changes: found by its numbers, or posted by the sender itself."""
    slots = FOLLOWS.get(transfer.kind, ())
    every = (*found.known.items(), *found.also, *_posted(transfer))
    return (held for slot, held in every if slot.partition("[")[0] in slots)


def _posted(transfer: TransferOfCare) -> Iterator[tuple[str, Held]]:
    named = [("patient", transfer.patient.reference)]
    named += [("encounter", transfer.encounter.reference)] if transfer.encounter else []
    named += [("requests", request.reference) for request in transfer.requests]
    named += [("documents", document.reference) for document in transfer.documents]
    for slot, reference in named:
        if reference:
            kind, _, id_ = reference.partition("/")
            yield slot, Held(type=kind, id=id_, version=0)


def _is_taken_back(notice: Resource, kind: str) -> bool:
    topics = _OF_THE_STAY.get(kind)
    if topics is None:
        return True
    codings = notice.get("topic", {}).get("coding", ())
    return any(c.get("system") == EVENT_KIND and c.get("code") in topics for c in codings)


def _read(
    store: Store, transfer: TransferOfCare, kind: str, key: Key
) -> Iterator[tuple[Resource, int]]:
    yield from told_under(store, transfer.message.sender, kind, key)


def told_under(store: Store, sender: str, kind: str, key: Key) -> Iterator[tuple[Resource, int]]:
    """Yield what was made of a sender's messages under a key, with its version.

    That is the sender's, and what the relay sent to teams whom the sender is not told of.
    """
    for owner in (sender, RELAY):
        references: list[Reference] = [(kind, found) for found, _ in store.find(owner, kind, key)]
        rows = store.read_many(owner, references) if references else {}
        yield from ((orjson.loads(r.body), r.version) for r in rows.values() if not r.deleted)


def takes_back(kind: str, later: Resource, earlier_kind: str, earlier: Resource) -> bool:
    """Whether a notice of this kind takes back an earlier one of the same sender."""
    param = _TAKES_BACK.get(kind)
    if param == "encounter":
        stay = later.get("encounter")
        return (
            stay == earlier.get("encounter") and bool(stay) and earlier_kind in _OF_THE_STAY[kind]
        )
    asked = [one.get("reference") for one in later.get("basedOn", ()) if param]
    return any(one.get("reference") in asked for one in earlier.get("basedOn", ()))


def _next(resource: Resource, version: int, **changed: Any) -> Resource:
    meta = {
        "versionId": str(version + 1),
        "lastUpdated": LAST_UPDATED,
        **{k: v for k, v in resource["meta"].items() if k not in ("versionId", "lastUpdated")},
    }
    return {**resource, "meta": meta, **changed}

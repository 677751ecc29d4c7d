"""What an update takes back without saying so: a stay that goes on after all, or a death.

A client updates its own Encounter or Patient as the facts change. Those who hold a discharge must
hear of it, though nothing in the update is addressed to them; others have nothing to hear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from service.delivery.earlier import Found
from service.delivery.following import told_under
from service.delivery.persons import as_sent, other_records
from service.errors import Issue, UnmappableMessage
from service.fhir.build.continuity import is_restricted
from service.fhir.guard import takes_back
from service.fhir.systems import EVENT_KIND
from service.fhir.task import is_delivered
from service.model import OdsCode, TransferOfCare
from service.model.transfer import Kind
from service.store import Store

Resource = dict[str, Any]

# FHIR encounter-status: what a stay cannot be that has ended; of "unknown" nothing follows.
NOT_ENDED: Final = frozenset(
    {"planned", "arrived", "triaged", "in-progress", "onleave", "cancelled", "entered-in-error"}
)
_GOES_ON: Final = NOT_ENDED - {"cancelled", "entered-in-error"}
_GOING_ON: Final = Issue(
    severity="error",
    code="business-rule",
    text="the stay has not ended, and no discharge from it was sent here: there is nobody to tell",
    target="encounter.status",
)
_SHOWN: Final = Issue(
    severity="error",
    code="suppressed",
    text="the record is restricted now, and others hold it from before, who would see what is new: "
    "create a new one, with a new Patient, and send on what the transfer needs",
)
_DIED_ELSEWHERE: Final = Issue(
    severity="error",
    code="suppressed",
    text="others hold an older record of this person, and would be shown this restricted one with "
    "the news of the death: mark the older record as dead",
    target="Patient.deceased",
)
_TAKEN_BACK: Final = frozenset({"revoked", "cancelled", "entered-in-error", "stopped"})
_ENDS: Final = frozenset({"discharge", "death"})
_OVER: Final = frozenset({"stopped", "entered-in-error"})  # Communications that nobody goes by
# Whom a stay or a patient may name, beside each other.
_NAMED: Final = frozenset(
    {"Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole"}
)


def reversals(store: Store, sender: OdsCode, bundle: Resource) -> Iterator[tuple[Kind, Resource]]:
    """Yield what a rewritten transaction turns round, each with the part that tells of it."""
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if "request" not in entry:
            continue
        if _reopens(store, sender, resource):
            yield "discharge-cancelled", _part(store, sender, bundle, resource)
        elif _tells_a_death(store, sender, resource):
            yield "death", _part(store, sender, bundle, resource)


def retractions(
    store: Store, sender: OdsCode, bundle: Resource
) -> Iterator[tuple[Resource, Resource]]:
    """Yield each delivered Communication that is taken back, and the part that tells of whom."""
    for entry in bundle["entry"]:
        notice = entry["resource"]
        if "request" not in entry or notice["resourceType"] != "Communication":
            continue
        before = _kept(store, sender, "Communication", notice["id"])
        if before and is_delivered(before) and takes_back(before, notice):
            yield notice, _part(store, sender, bundle, notice)


def require_discretion(store: Store, sender: OdsCode, bundle: Resource) -> None:
    """Raise UnmappableMessage if an update would show a restricted record to earlier holders.

    A rule may once have chosen them; of a restricted record they are to learn nothing new.
    """
    for entry in bundle["entry"]:
        resource = entry["resource"]
        kind = resource["resourceType"]
        if "request" not in entry or not is_restricted(resource) or _is_over(resource):
            continue
        before = _kept(store, sender, kind, resource["id"])
        if before and not is_restricted(before) and store.audience(kind, resource["id"]):
            raise UnmappableMessage(issues=[replace(_SHOWN, target=f"{kind}.meta.security")])
        if before is None and kind == "Patient" and _tells_a_death(store, sender, resource):
            raise UnmappableMessage(issues=[_DIED_ELSEWHERE])


def _is_over(resource: Resource) -> bool:
    """Whether it takes something back: that must be heard."""
    return resource.get("status") in _TAKEN_BACK


def _kept(store: Store, sender: OdsCode, kind: str, id_: str) -> Resource | None:
    row = store.read(sender, kind, id_)
    return None if row is None or row.deleted else orjson.loads(row.body)


def _reopens(store: Store, sender: OdsCode, resource: Resource) -> bool:
    is_stay = resource["resourceType"] == "Encounter" and resource.get("status") in NOT_ENDED
    return is_stay and was_told_as_ended(store, sender, f"Encounter/{resource['id']}")


def was_told_as_ended(store: Store, sender: OdsCode, stay: str) -> bool:
    """Whether the last that was sent of a stay, of what still holds, is that it has ended."""
    notices = told_under(store, sender, "Communication", ("encounter", stay))
    ends = [
        (notice.get("sent", ""), kind)
        for notice, _ in notices
        if notice["status"] not in _OVER and (kind := _kind(notice)) is not None
    ]
    return bool(ends) and max(ends)[1] in _ENDS


def require_end(store: Store, transfer: TransferOfCare, found: Found) -> None:
    """Raise UnmappableMessage if a stay that simply goes on would be told as reopened.

    An admission says as little of a discharge as a transfer to another ward does.
    """
    stay = transfer.encounter
    if transfer.kind != "discharge-cancelled" or stay is None or stay.status not in _GOES_ON:
        return
    held = found.known.get("encounter")
    reference = stay.reference or (held.reference if held else "")
    if not reference or not was_told_as_ended(store, transfer.message.sender, reference):
        raise UnmappableMessage(issues=[_GOING_ON])


def _kind(notice: Resource) -> str | None:
    """Return what a notice tells of the stay; None if it is about something else."""
    kinds = {
        coding.get("code")
        for coding in notice.get("topic", {}).get("coding", ())
        if coding.get("system") == EVENT_KIND
    }
    return next((kind for kind in kinds if kind in (*_ENDS, "discharge-cancelled")), None)


def _tells_a_death(store: Store, sender: OdsCode, resource: Resource) -> bool:
    """Whether a patient whom others hold is marked as dead, and was not before."""
    if resource["resourceType"] != "Patient" or not _is_dead(resource):
        return False
    before = _kept(store, sender, "Patient", resource["id"])
    if before is not None and _is_dead(before):
        return False
    own = before is not None and bool(store.audience("Patient", resource["id"]))
    return own or _is_held_as_another(store, sender, resource)


def _is_held_as_another(store: Store, sender: OdsCode, resource: Resource) -> bool:
    """Whether somebody holds an older record of this person, and none that tells of the death."""
    alive: set[str] = set()
    told: set[str] = set()
    for held in other_records(store, sender, as_sent(resource)):
        kept = _kept(store, sender, "Patient", held.id) or {}
        (told if _is_dead(kept) else alive).update(store.audience("Patient", held.id))
    return bool(alive - told)


def _is_dead(patient: Resource) -> bool:
    return patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient


def _part(store: Store, sender: OdsCode, bundle: Resource, about: Resource) -> Resource:
    """Return a transaction that tells of one resource alone: with its patient and its names.

    Of what a notice said, nothing is said again where it is taken back.
    """
    posted = [entry["resource"] for entry in bundle["entry"]]
    named = [one for one in posted if one["resourceType"] in _NAMED]
    whose = () if about["resourceType"] == "Patient" else _whose(store, sender, posted, about)
    itself = () if about["resourceType"] == "Communication" else (about,)
    entries = [{"resource": one} for one in (*itself, *whose, *named)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _whose(
    store: Store, sender: OdsCode, posted: Sequence[Resource], about: Resource
) -> Iterator[Resource]:
    """Yield the patient of a stay or notice: as it is posted, else as it is kept."""
    before = {} if "subject" in about else _kept(store, sender, about["resourceType"], about["id"])
    told = {**(before or {}), **about}
    kind, _, id_ = told.get("subject", {}).get("reference", "").partition("/")
    here = [one for one in posted if (one["resourceType"], one["id"]) == ("Patient", id_)]
    kept = None if here or kind != "Patient" else _kept(store, sender, kind, id_)
    yield from here or ([kept] if kept else [])

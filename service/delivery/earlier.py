"""What the sender sent before that a transfer is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from service.errors import Issue
from service.fhir.build import Known, identity_keys
from service.fhir.build.continuity import differences
from service.model import OdsCode, TransferOfCare
from service.store import Check, Store

Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the sender sent before that this transfer is about."""

    known: Known
    checks: tuple[Check, ...]
    issues: tuple[Issue, ...]
    bodies: dict[str, Resource]  # by id


def look_up(store: Store, transfer: TransferOfCare) -> Found:
    """Find the resources that the sender's earlier messages made of the same things."""
    identities = identity_keys(transfer)
    rows = store.find_many(transfer.message.sender, [(i.type, i.key) for i in identities])
    checks = tuple(
        Check(
            owner=transfer.message.sender,
            type=identity.type,
            key=identity.key,
            expected=tuple(found for found, _ in hits),
        )
        for identity, hits in zip(identities, rows, strict=True)
    )
    known, issues = Known.of(identities, rows)
    bodies = _bodies(store, transfer.message.sender, known)
    found = Found(known=known, checks=checks, issues=issues, bodies=bodies)
    return _without_stranger(found, transfer)


def _bodies(store: Store, owner: OdsCode, known: Known) -> dict[str, Resource]:
    references = [(held.type, held.id) for held in known.values()]
    rows = store.read_many(owner, references) if references else {}
    return {row.id: orjson.loads(row.body) for row in rows.values() if not row.deleted}


def _without_stranger(found: Found, transfer: TransferOfCare) -> Found:
    """Let go of a patient whose numbers match but whose name and birth date do not.

    A number is not a person: one difference is a correction and is told; two are somebody else.
    """
    held = found.known.get("patient")
    stored = found.bodies.get(held.id) if held else None
    if stored is None:
        return found
    fields = differences(stored, transfer.patient)
    is_stranger = len(fields) > 1
    told = tuple(_contradiction(field, is_stranger=is_stranger) for field in fields)
    others = Known({k: v for k, v in found.known.items() if k != "patient" or not is_stranger})
    return replace(found, known=others, issues=(*found.issues, *told))


def _contradiction(field: str, *, is_stranger: bool) -> Issue:
    text = (
        "the patient's numbers were sent before with another name and birth date: "
        "taken for somebody else"
        if is_stranger
        else "differs from what was sent before for this patient; the record was changed"
    )
    return Issue(severity="warning", code="conflict", text=text, target=field)

"""What becomes of an earlier resource when a later message takes its place."""

from __future__ import annotations

from dataclasses import dataclass

from service.fhir.build.context import Context, Resource
from service.fhir.build.identity import Held
from service.fhir.validate.primitives import LAST_UPDATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Succession:
    """An earlier resource, and the reference of the one that takes its place."""

    held: Held
    successor: str


def successions(context: Context, documents: dict[int, str]) -> tuple[Succession, ...]:
    """Return the documents that are replaced and the patient record that was merged away.

    `documents` are references of the new ones by index in the transfer.
    """
    found = [(context.known.get(f"replaced[{i}]"), reference) for i, reference in documents.items()]
    found.append((context.known.get("merged"), context.subject["reference"]))
    return tuple(
        Succession(held=held, successor=reference)
        for held, reference in found
        if held is not None and held.reference != reference
    )


def succeeded(stored: Resource, succession: Succession) -> Resource:
    """Return the next version of an earlier resource, saying that another stands in its place."""
    version = {"versionId": str(succession.held.version + 1), "lastUpdated": LAST_UPDATED}
    changed = {**stored, "meta": {**version, **_rest(stored["meta"])}}
    if stored["resourceType"] == "DocumentReference":
        return {**changed, "status": "superseded"}
    link = {"other": {"reference": succession.successor}, "type": "replaced-by"}
    links = [each for each in stored.get("link", ()) if each["type"] != "replaced-by"]
    return {**changed, "active": False, "link": [*links, link]}


def _rest(meta: Resource) -> Resource:
    return {name: meta[name] for name in meta if name not in ("versionId", "lastUpdated")}

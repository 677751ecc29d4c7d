"""Reading one resource or many: the store's, and the organisations of the directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

from service.api.reply import dumps
from service.fhir.search_parameters import Resource
from service.formats.fhir_r4.json_reader import read_json
from service.store import Reference, Store, Stored


class Records:
    """The store as read by everyone, with the directory's Organizations among the rest.

    An Organization of the directory has its ODS code as id and is every client's to read.
    """

    def __init__(self, store: Store, organisations: Mapping[str, Resource]) -> None:
        self.store = store
        self.directory: dict[str, Stored] = {
            ods: _listed(ods, resource) for ods, resource in sorted(organisations.items())
        }

    def read(self, organisation: str, kind: str, id_: str) -> Stored | None:
        """Return the current version, None if it is not there or not theirs to see."""
        if kind == "Organization" and id_ in self.directory:
            return self.directory[id_]
        return self.store.read(organisation, kind, id_)

    def vread(self, organisation: str, kind: str, id_: str, version: int) -> Stored | None:
        """Return one version."""
        if kind == "Organization" and id_ in self.directory:
            return self.directory[id_] if version == 1 else None
        return self.store.vread(organisation, kind, id_, version)

    def read_many(
        self, organisation: str, references: Sequence[Reference]
    ) -> dict[Reference, Stored]:
        """Return the visible ones of these."""
        listed = {
            one for one in references if one[0] == "Organization" and one[1] in self.directory
        }
        kept = [one for one in dict.fromkeys(references) if one not in listed]
        found = self.store.read_many(organisation, kept) if kept else {}
        return {**found, **{one: self.directory[one[1]] for one in listed}}

    def resolver(self, organisation: str) -> Callable[[str], Resource | None]:
        """Return a function that reads "Type/id" as this organisation, each once."""
        seen: dict[str, Resource | None] = {}

        def resolve(reference: str) -> Resource | None:
            if reference not in seen:
                kind, _, id_ = reference.partition("/")
                stored = self.read(organisation, kind, id_) if "/" not in id_ else None
                seen[reference] = parsed(stored) if stored and not stored.deleted else None
            return seen[reference]

        return resolve


def parsed(stored: Stored) -> Resource:
    """Return a stored resource as its JSON object; a Binary's content is not read."""
    if stored.media_type:
        return {"resourceType": stored.type, "id": stored.id, "contentType": stored.media_type}
    resource: Resource = orjson.loads(stored.body)
    return resource


def exact(stored: Stored) -> Resource:
    """Return a stored resource to be changed: its decimals keep their digits."""
    return parsed(stored) if stored.media_type else read_json(stored.body)


def _listed(ods: str, resource: Resource) -> Stored:
    meta = {**resource.get("meta", {}), "versionId": "1"}
    body = dumps({"resourceType": "Organization", "id": ods, "meta": meta, **_rest(resource)})
    return Stored("Organization", ods, 1, 0, False, "", body)


def _rest(resource: Resource) -> Resource:
    return {
        name: value
        for name, value in resource.items()
        if name not in ("resourceType", "id", "meta")
    }

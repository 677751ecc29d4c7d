"""Resources cut down to what `_summary` or `_elements` asks for, and marked as such."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.fhir.search_parameters import Resource, summary_elements
from service.model import r4

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
_ALWAYS: Final = ("resourceType", "id", "meta")


def subset(resource: Resource, summary: str, elements: Iterable[str] = ()) -> Resource:
    """Return the part of a resource that `_summary` (true, text, data) or `_elements` keeps.

    Mandatory elements always stay, so that the part is still valid.
    """
    kind = resource["resourceType"]
    if summary == "data":
        kept = [name for name in resource if name != "text"]
    elif summary == "text":
        kept = [*_ALWAYS, "text", *_mandatory(kind)]
    elif summary == "true":
        kept = [*_ALWAYS, *_spelt(kind, summary_elements(kind)), *_mandatory(kind)]
    else:
        kept = [*_ALWAYS, *_spelt(kind, frozenset(elements)), *_mandatory(kind)]
    return _marked({name: resource[name] for name in resource if name.removeprefix("_") in kept})


def is_subset(resource: Resource) -> bool:
    """Whether a resource is only a part: it must never replace the whole."""
    tags = resource.get("meta", {}).get("tag", ())
    return any(tag.get("code") == SUBSETTED["code"] for tag in tags)


def _mandatory(kind: str) -> list[str]:
    return [element.name for element in r4.children(kind).values() if element.min]


def _spelt(kind: str, names: frozenset[str]) -> list[str]:
    """Return the JSON names; a choice ("value") stands for all its types."""
    known = r4.children(kind).values()
    return [element.name for element in known if element.name in names or element.choice in names]


def _marked(part: Resource) -> Resource:
    meta = part.get("meta", {})
    return {**part, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}

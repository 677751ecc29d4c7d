"""What holds between a Bundle and its entries (bdl-*), and between a resource and those in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from service.errors import Issue
from service.fhir.validate.walk import issue

Resource = dict[str, Any]
_WITH_TOTAL: Final = {"searchset", "history"}
_WITH_REQUEST: Final = {"batch", "transaction", "history"}
_WITH_RESPONSE: Final = {"batch-response", "transaction-response", "history"}
_FIRST: Final = {"document": ("Composition", "bdl-11"), "message": ("MessageHeader", "bdl-12")}


def bundle_issues(bundle: Resource, place: str) -> Iterator[Issue]:
    """Yield what breaks an invariant of Bundle. The structure was checked before."""
    kind = bundle["type"]
    entries = bundle.get("entry", [])
    if "total" in bundle and kind not in _WITH_TOTAL:
        yield _broken("bdl-1", "may be there in a searchset or history only", f"{place}.total")
    for i, entry in enumerate(entries):
        yield from _entry_issues(entry, kind, f"{place}.entry[{i}]")
    yield from _full_url_issues(entries, place)
    if kind in _FIRST and entries:
        first, key = _FIRST[kind]
        if entries[0].get("resource", {}).get("resourceType") != first:
            yield _broken(key, f"the first must be a {first}", f"{place}.entry[0]")
    if kind == "document":
        yield from _document_issues(bundle, place)


def _entry_issues(entry: Resource, kind: str, place: str) -> Iterator[Issue]:
    if "search" in entry and kind != "searchset":
        yield _broken("bdl-2", "may be there in a searchset only", f"{place}.search")
    if ("request" in entry) != (kind in _WITH_REQUEST):
        text = "must be there" if kind in _WITH_REQUEST else "must not be there"
        yield _broken("bdl-3", f"{text} in a {kind}", f"{place}.request")
    if ("response" in entry) != (kind in _WITH_RESPONSE):
        text = "must be there" if kind in _WITH_RESPONSE else "must not be there"
        yield _broken("bdl-4", f"{text} in a {kind}", f"{place}.response")
    if not {"resource", "request", "response"} & entry.keys():
        yield _broken("bdl-5", "must have a resource, a request or a response", place)
    if "/_history/" in entry.get("fullUrl", ""):
        yield _broken("bdl-8", "must not name a version", f"{place}.fullUrl")


def _full_url_issues(entries: list[Resource], place: str) -> Iterator[Issue]:
    seen: set[tuple[str, str]] = set()
    for i, entry in enumerate(entries):
        if "fullUrl" in entry:
            version = entry.get("resource", {}).get("meta", {}).get("versionId", "")
            key = (entry["fullUrl"], version)
            if key in seen:
                yield _broken("bdl-7", "must be there once", f"{place}.entry[{i}].fullUrl")
            seen.add(key)


def _document_issues(bundle: Resource, place: str) -> Iterator[Issue]:
    if not {"system", "value"} <= bundle.get("identifier", {}).keys():
        yield _broken("bdl-9", "must have a system and a value", f"{place}.identifier")
    if "timestamp" not in bundle:
        yield _broken("bdl-10", "must be there", f"{place}.timestamp")


def contained_issues(resource: Resource, place: str) -> Iterator[Issue]:
    """Yield what breaks dom-2 to dom-5 and ref-1."""
    held = resource.get("contained", [])
    local = set(_local_references(resource))
    ids = {inner.get("id", "") for inner in held}
    for i, inner in enumerate(held):
        yield from _held_issues(inner, local, f"{place}.contained[{i}]")
    if local - ids - {""}:
        yield _broken("ref-1", "has a local reference to nothing contained", place)


def _held_issues(inner: Resource, local: set[str], place: str) -> Iterator[Issue]:
    if "contained" in inner:
        yield _broken("dom-2", "must not contain resources itself", f"{place}.contained")
    if inner.get("id", "") not in local and "" not in _local_references(inner):
        yield _broken("dom-3", "must be referred to", place)
    meta = inner.get("meta", {})
    if "versionId" in meta or "lastUpdated" in meta:
        yield _broken("dom-4", "must not have a version", f"{place}.meta")
    if "security" in meta:
        yield _broken("dom-5", "must not have a security label", f"{place}.meta.security")


def _local_references(value: Any) -> Iterator[str]:
    """Yield what stands after # in the references of a resource and of those in it."""
    if isinstance(value, list):
        for item in value:
            yield from _local_references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "reference" and isinstance(item, str) and item.startswith("#"):
                yield item[1:]
            elif isinstance(item, dict | list):
                yield from _local_references(item)


def _broken(key: str, text: str, place: str) -> Issue:
    return issue("invariant", f"{key}: {text}", place)

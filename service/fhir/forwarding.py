"""Our resources as a transaction for another FHIR server, which keeps them under our ids.

Nothing in it depends on what that server has, except for organisations and references: an
organisation that it knows by ODS code is its own record, and what it does not have is referred to
by our address.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from service.fhir.notice import Reference
from service.fhir.search_parameters import Resource
from service.fhir.systems import ODS

_URI: Final = "urn:ietf:rfc:3986"
_THEIRS: Final = ("versionId", "lastUpdated")  # of meta: each server has its own


def transaction(
    resources: Sequence[Resource], *, there: Collection[Reference], base: str
) -> Resource:
    """https://hl7.org/fhir/R4/http.html#transaction: every resource is put, so twice is once.

    there: what the other server has already. base: our FHIR endpoint.
    """
    targets = {(one["resourceType"], one["id"]): _target(one) for one in resources}
    targets |= {place: "/".join(place) for place in there}
    entries = [_entry(one, _Rewriting(targets, base).of(one)) for one in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def missing(resources: Sequence[Resource]) -> set[Reference]:
    """Return the resources of ours that are referred to and not among these."""
    has = {(one["resourceType"], one["id"]) for one in resources}
    return {place for one in resources for place in _referred(one)} - has


def _target(resource: Resource) -> str:
    """Return what refers to a resource within the transaction."""
    if _is_listed(resource):
        return uuid5(NAMESPACE_URL, f"{ODS}|{resource['id']}").urn
    return f"{resource['resourceType']}/{resource['id']}"


def _is_listed(resource: Resource) -> bool:
    """Whether it is an organisation of the directory: its id is its ODS code."""
    coded = {"system": ODS, "value": resource["id"]}
    return resource["resourceType"] == "Organization" and any(
        coded.items() <= one.items() for one in resource.get("identifier", ())
    )


def _entry(resource: Resource, rewritten: Resource) -> dict[str, Any]:
    kind, id_ = resource["resourceType"], resource["id"]
    if _is_listed(resource):
        known = f"identifier={ODS}|{id_}"
        request = {"method": "POST", "url": kind, "ifNoneExist": known}
        named = {name: value for name, value in rewritten.items() if name != "id"}
        return {"fullUrl": _target(resource), "resource": named, "request": request}
    return {"resource": rewritten, "request": {"method": "PUT", "url": f"{kind}/{id_}"}}


class _Rewriting:
    """A copy of a resource that refers to what the other server will have."""

    def __init__(self, targets: Mapping[Reference, str], base: str) -> None:
        self._targets, self._base = targets, base

    def of(self, resource: Resource) -> Resource:
        copy: Resource = self._copy(resource)
        meta = {name: value for name, value in copy.get("meta", {}).items() if name not in _THEIRS}
        return {**copy, "meta": meta} if "meta" in copy else copy

    def _copy(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._copy(one) for one in value]
        if not isinstance(value, dict):
            return value
        copy = {name: self._copy(one) for name, one in value.items()}
        if isinstance(copy.get("reference"), str):
            return self._reference(copy)
        if isinstance(copy.get("url"), str) and "contentType" in copy:
            copy["url"] = self._address(copy["url"])
        return copy

    def _reference(self, reference: dict[str, Any]) -> dict[str, Any]:
        """Lead to what is there; otherwise say by identifier which one is meant."""
        written = reference["reference"]
        place = _place(written)
        if written.startswith("#"):
            return reference
        if place and (target := self._targets.get(place)):
            return {**reference, "reference": target}
        logical = {name: value for name, value in reference.items() if name != "reference"}
        address = f"{self._base}/{written}" if place else written
        logical.setdefault("identifier", {"system": _URI, "value": address})
        if place:
            logical.setdefault("type", place[0])
        return logical

    def _address(self, url: str) -> str:
        """Return the address of an attachment: at the other server if it will be there."""
        place = _place(url)
        if not place:
            return url
        return self._targets.get(place, f"{self._base}/{url}")


def _place(reference: str) -> Reference | None:
    """Return type and id of a relative reference; another server's versions are not ours."""
    kind, _, rest = reference.partition("/")
    id_, _, version = rest.partition("/_history/")
    if not id_ or "/" in id_ or "/" in version or ":" in kind or not kind[:1].isupper():
        return None
    return kind, id_


def _referred(value: Any) -> set[Reference]:
    if isinstance(value, list):
        return {place for one in value for place in _referred(one)}
    if not isinstance(value, dict):
        return set()
    found = {place for one in value.values() for place in _referred(one)}
    reference = value.get("reference")
    if isinstance(reference, str) and (place := _place(reference)):
        found.add(place)
    return found

"""Checks resources against base R4 and against our profiles, quickly when they are right.

A resource that is right costs a few microseconds (schema.py, compiled once a type); only one
that is not is walked through again for all its issues, each with its FHIRPath and never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jsonschema_rs

from service.bundled import bundled_folder
from service.errors import Issue
from service.fhir.validate import bundles, invariants, xhtml
from service.fhir.validate.invariants import Invariant
from service.fhir.validate.order import in_order
from service.fhir.validate.profile_schema import demands_on
from service.fhir.validate.profile_walk import profile_issues
from service.fhir.validate.profiles import Profile, Profiles
from service.fhir.validate.schema import document
from service.fhir.validate.walk import base_issues, issue
from service.model import r4

Resource = dict[str, Any]
MAX_ISSUES: Final = 200  # of one resource; more help nobody
_HOLDERS: Final = ("Bundle", "Parameters")  # of other resources


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checks:
    """What a resource type, with the profiles it claims, is checked by."""

    validator: jsonschema_rs.Draft202012Validator
    profiles: tuple[Profile, ...]
    rules: tuple[Invariant, ...]


def check(resource: Resource) -> list[Issue]:
    """Return what is wrong with a resource by base R4 and by those profiles of ours it claims.

    Resources in it (contained, Bundle entries, Parameters) are checked as well. Empty: it is
    right. Issues have code required, structure, code-invalid, value or invariant.
    """
    if _is_right(resource):
        return []
    return _issues(resource)


def check_bundle(bundle: Resource) -> list[Issue]:
    """Return what is wrong with a Bundle and its entries, e.g. at Bundle.entry[2].resource.status.

    Anything but a Bundle is refused.
    """
    if bundle.get("resourceType") != "Bundle":
        return [issue("structure", "must be a Bundle", "Bundle.resourceType")]
    return check(bundle)


def known_profiles() -> tuple[str, ...]:
    """Return the canonical URLs of our profiles."""
    return tuple(_profiles().by_url)


@cache
def _profiles() -> Profiles:
    return Profiles.load(bundled_folder("profiles"))


def _is_right(resource: Resource) -> bool:
    """Whether nothing is wrong; False also where only the long way can tell."""
    checks = _checks_for(resource)
    if checks is None or not _is_valid(checks.validator, resource):
        return False
    for rule in checks.rules:
        if not rule.holds(resource):
            return False
    if "contained" in resource:
        return False
    if resource["resourceType"] not in _HOLDERS:
        return True
    if resource["resourceType"] == "Bundle" and any(bundles.bundle_issues(resource, "")):
        return False
    return all(_is_right(inner) for _, inner in _inner(resource, ""))


def _is_valid(validator: jsonschema_rs.Draft202012Validator, resource: Resource) -> bool:
    try:
        return validator.is_valid(resource)
    except ValueError:  # a Python type that only the long way knows
        return False


def _checks_for(resource: Any) -> _Checks | None:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str) or not r4.is_resource(kind):
        return None
    return _checks(kind, _claimed(resource))


def _claimed(resource: Resource) -> tuple[str, ...]:
    meta = resource.get("meta")
    urls = meta.get("profile") if isinstance(meta, dict) else None
    if not isinstance(urls, list):
        return ()
    known = _profiles().by_url
    return tuple(url for url in urls if isinstance(url, str) and url in known)


@cache
def _checks(kind: str, claimed: tuple[str, ...]) -> _Checks:
    profiles = tuple(
        profile for url in claimed if (profile := _profiles().by_url[url]).type == kind
    )
    validator = jsonschema_rs.Draft202012Validator(
        document(kind, [demands_on(profile.root) for profile in profiles]),
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
        keywords={"inOrder": _InOrder, "xhtml": _Narrative},
    )
    ours = tuple(invariants.OURS[key] for profile in profiles for key in profile.constraints)
    rules = (*invariants.BASE.get(kind, ()), *ours)
    return _Checks(validator=validator, profiles=profiles, rules=rules)


def _inner(resource: Resource, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the resources within a resource, each with its place."""
    kind = resource["resourceType"]
    for i, inner in enumerate(_items(resource, "contained")):
        yield f"{place}.contained[{i}]", inner
    if kind == "Bundle":
        for i, entry in enumerate(_items(resource, "entry")):
            yield from _in_entry(entry, f"{place}.entry[{i}]")
    elif kind == "Parameters":
        yield from _in_parameters(_items(resource, "parameter"), f"{place}.parameter")


def _in_entry(entry: Any, place: str) -> Iterator[tuple[str, Any]]:
    if "resource" in entry:
        yield f"{place}.resource", entry["resource"]
    response = entry.get("response")
    if isinstance(response, dict) and "outcome" in response:
        yield f"{place}.response.outcome", response["outcome"]


def _in_parameters(parameters: list[Any], place: str) -> Iterator[tuple[str, Any]]:
    for i, parameter in enumerate(parameters):
        if "resource" in parameter:
            yield f"{place}[{i}].resource", parameter["resource"]
        yield from _in_parameters(_items(parameter, "part"), f"{place}[{i}].part")


def _items(value: Resource, name: str) -> list[Any]:
    """Return an array's items; what is no object was reported where it stands."""
    listed = value.get(name)
    if not isinstance(listed, list):
        return []
    return [item if isinstance(item, dict) else {} for item in listed]


def _issues(resource: Any) -> list[Issue]:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    place = kind if isinstance(kind, str) and r4.is_resource(kind) else "Resource"
    found: list[Issue] = []
    for one in _walk(resource, place):
        found.append(one)
        if len(found) == MAX_ISSUES:
            break
    return found


def _walk(resource: Any, place: str) -> Iterator[Issue]:
    checks = _checks_for(resource)
    if checks is None:
        yield issue(
            "structure", "must be a resource of a type that R4 has", f"{place}.resourceType"
        )
        return
    structure = list(base_issues(resource, place))
    yield from structure
    for profile in checks.profiles:
        yield from profile_issues(resource, profile.root, place)
    if not structure:  # what they say relies on it
        yield from _broken_rules(resource, checks.rules, place)
    for where, inner in _inner(resource, place):
        yield from _walk(inner, where)


def _broken_rules(resource: Resource, rules: Iterable[Invariant], place: str) -> Iterator[Issue]:
    for rule in rules:
        if not rule.holds(resource):
            where = f"{place}.{rule.at}" if rule.at else place
            yield issue("invariant", f"{rule.key}: {rule.text}", where)
    if resource["resourceType"] == "Bundle":
        yield from bundles.bundle_issues(resource, place)
    yield from bundles.contained_issues(resource, place)


class _InOrder:
    """Keyword `inOrder`: a Period's start is not after its end."""

    def __init__(self, parent: dict[str, Any], value: Any, path: list[str | int]) -> None:
        pass

    def validate(self, instance: Any) -> None:
        if not in_order(instance["start"], instance["end"]):
            raise ValueError


class _Narrative:
    """Keyword `xhtml`: a string is narrative."""

    def __init__(self, parent: dict[str, Any], value: Any, path: list[str | int]) -> None:
        pass

    def validate(self, instance: Any) -> None:
        if not isinstance(instance, str) or not xhtml.is_narrative(instance):
            raise ValueError

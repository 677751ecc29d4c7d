"""References inside posted resources, rewritten to where their targets are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.fhir.bundle import Fault, Request
from service.fhir.search_parameters import Resource
from service.model import r4

_CONDITION: Final = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.DOTALL)
_LITERAL: Final = re.compile(
    r"([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]+)?"
)
_LINK: Final = re.compile(r"""((?:href|src)\s*=\s*["'])([^"']+)(["'])""")
_LOCATORS: Final = ("uri", "url", "canonical", "oid", "uuid")
_URNS: Final = ("urn:uuid:", "urn:oid:")
_WEB: Final = ("http://", "https://")


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Where references lead."""

    base: str  # our FHIR base URL
    by_url: Mapping[str, str]  # fullUrl in this Bundle → "Type/id"
    by_condition: Mapping[tuple[str, str], str]  # (type, condition) → "Type/id"; "" if none or many


@dataclass(slots=True)
class Rewritten:
    """One resource with its references rewritten, and what was met on the way."""

    resource: Resource
    faults: list[Fault] = field(default_factory=list)
    outside: dict[tuple[str, str], str] = field(default_factory=dict)  # (type, id) → its place


def conditional_references(resource: Any) -> Iterator[tuple[str, str]]:
    """Yield (type, query) of every reference that is a condition."""
    if isinstance(resource, dict):
        text = resource.get("reference")
        match = _CONDITION.fullmatch(text) if isinstance(text, str) else None
        if match:
            yield match[1], match[2]
    for value in resource.values() if isinstance(resource, dict) else resource:
        if type(value) in (dict, list):
            yield from conditional_references(value)


def rewrite(request: Request, links: Links) -> Rewritten:
    """Return a copy of the request's resource that refers to what is kept here.

    References, uri, url and canonical elements, and href and src in narratives are rewritten.
    A reference below the entry's own server (its fullUrl) that is not in the Bundle becomes
    absolute, so that it keeps its meaning. A urn or a condition that leads nowhere is a fault.
    """
    return _Rewriting(request, links).rewritten()


class _Rewriting:
    def __init__(self, request: Request, links: Links) -> None:
        self.request, self.links = request, links
        self.result = Rewritten(resource={})
        full_url = request.full_url
        ours = full_url.startswith(links.base + "/")
        self.server = "" if ours or not full_url.startswith(_WEB) else _server(full_url)

    def rewritten(self) -> Rewritten:
        resource = self.request.resource or {}
        self.result.resource = self.object(resource, resource.get("resourceType", ""), "resource")
        return self.result

    def object(self, value: dict[str, Any], path: str, place: str) -> dict[str, Any]:
        path = value.get("resourceType", path)
        return {name: self.member(name, inner, path, place) for name, inner in value.items()}

    def member(self, name: str, value: Any, path: str, place: str) -> Any:
        if isinstance(value, str):
            return self.text(name, value, path, place)
        if isinstance(value, dict):
            return self.object(value, f"{path}.{name}", f"{place}.{name}")
        if isinstance(value, list):
            return [self.item(name, one, path, place, index) for index, one in enumerate(value)]
        return value

    def item(self, name: str, value: Any, path: str, place: str, index: int) -> Any:
        if isinstance(value, dict):
            return self.object(value, f"{path}.{name}", f"{place}.{name}[{index}]")
        return self.text(name, value, path, place) if isinstance(value, str) else value

    def text(self, name: str, value: str, path: str, place: str) -> str:
        if name == "reference":
            return self.reference(value, f"{place}.{name}")
        if name == "div":
            return _LINK.sub(lambda match: match[1] + self.url(match[2]) + match[3], value)
        known = value.partition("#")[0] in self.links.by_url
        element = r4.element(f"{path}.{name}") if known else None
        return self.url(value) if element and element.type in _LOCATORS else value

    def url(self, value: str) -> str:
        whole, hash_, fragment = value.partition("#")
        return self.links.by_url.get(whole, whole) + hash_ + fragment

    def reference(self, value: str, place: str) -> str:
        whole, hash_, fragment = value.partition("#")
        if not whole:
            return value  # a contained resource
        return self.resolved(whole, place) + hash_ + fragment

    def resolved(self, value: str, place: str) -> str:
        unversioned = value.partition("/_history/")[0]
        for url in (value, unversioned, f"{self.server}/{unversioned}" if self.server else value):
            if url in self.links.by_url:
                return self.links.by_url[url]
        if value.startswith(_URNS):
            return self.lost(value, place, "This urn names no entry of the Bundle.")
        if match := _CONDITION.fullmatch(value):
            found = self.links.by_condition.get((match[1], match[2]), "")
            return found or self.lost(value, place, "The condition does not mean exactly one.", 412)
        return self.elsewhere(value.removeprefix(self.links.base + "/"), place)

    def elsewhere(self, value: str, place: str) -> str:
        match = _LITERAL.fullmatch(value)
        if match is None or not r4.is_resource(match[1]):
            return value
        if self.server:
            return f"{self.server}/{value}"
        self.result.outside.setdefault((match[1], match[2]), place)
        return value

    def lost(self, value: str, place: str, text: str, status: int = 400) -> str:
        code = "not-found" if status == 400 else "multiple-matches"  # noqa: PLR2004
        self.result.faults.append(self.request.fault(status, code, text, place))
        return value


def _server(full_url: str) -> str:
    return full_url.rsplit("/", 2)[0]

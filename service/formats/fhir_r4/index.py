"""The resources of one message by type, address and identifier, and what references mean.

Rules: https://hl7.org/fhir/R4/bundle.html#references, and a little forgiveness where only one
resource can be meant: a UUID without "urn:uuid:", or a urn:uuid that is a resource's id. Two
resources under one address are none: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

from service.formats.fhir_r4.node import Node, members, root

UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_SCHEME: Final = "urn:uuid:"
_RELATIVE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_ABSOLUTE: Final = re.compile(r"(.+/)?([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})")
_BUNDLES_WITHIN: Final = 3  # levels: a message may carry a document
_SEVERAL: Final = 2
_NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"

_Token = tuple[str, str, str]  # system, value, resource type


def resources(node: Node, levels: int = _BUNDLES_WITHIN) -> Iterator[Node]:
    """Yield a resource and, if it is a Bundle, the resources in it."""
    yield node
    if node[0].get("resourceType") == "Bundle" and levels:
        for entry in members(node, "entry"):
            if type(entry[0]) is dict:
                inner = entry[0].get("resource")
                if type(inner) is dict:
                    yield from resources((inner, entry, "resource", -1), levels - 1)


class Index:
    """The resources of one message. Contained ones are found by reference only."""

    def __init__(self, resource: dict[str, Any]) -> None:
        self.root: Node = root(resource)
        self.by_type: dict[str, list[Node]] = {}
        self.addresses: dict[str, Node | None] = {}  # None: several claim it
        # The same of each bundle within: what a document says, it says of its own resources.
        self._within: dict[int, dict[str, Node | None]] = {}
        self.ambiguous: list[Node] = []
        self.found: dict[tuple[str, int], tuple[Node, Sequence[Node]]] = {}  # steps.remembered
        self._identified: dict[_Token, list[Node]] | None = None
        for node in resources(self.root):
            self.by_type.setdefault(type_of(node[0]), []).append(node)
            self._address(node)

    @property
    def resources(self) -> list[Node]:
        """Every resource, the Bundle too."""
        return [node for alike in self.by_type.values() for node in alike]

    def resolve(self, node: Node) -> Node | None:
        """Return the resource that a Reference (or a uri) points at; None if it is not here."""
        value = node[0]
        if type(value) is str:
            return self._found(value, node)
        if type(value) is not dict:
            return None
        reference = value.get("reference")
        found = self._found(reference, node) if type(reference) is str else None
        return found or self._logical(value.get("identifier"), value.get("type"))

    def _address(self, node: Node) -> None:
        """Enter a resource under its fullUrl and under Type/id."""
        resource, entry, _, _ = node
        url = entry[0].get("fullUrl") if entry is not None else None
        if type(url) is str:
            self._enter(url, node)
        own = resource.get("id")
        if type(own) is str:
            self._enter(f"{type_of(resource)}/{own}", node)
            if UUID.fullmatch(own) and entry is not None:  # nobody refers to the message itself
                self._enter(_UUID_SCHEME + own, node)

    def _enter(self, address: str, node: Node) -> None:
        address = _normal(address)
        bundle = _inner_bundle(node)
        here = self._within.setdefault(id(bundle), {}) if bundle is not None else self.addresses
        other = here.setdefault(address, node)
        if other is None or (other[0] is not node[0] and other[0] != node[0]):
            here[address] = None
            self.ambiguous.append(node)

    def _found(self, reference: str, node: Node) -> Node | None:
        if reference.startswith("#"):
            return _contained(reference[1:], node)
        address = _normal(reference.partition("/_history/")[0])
        own = self._within.get(id(_inner_bundle(enclosing(node)))) if self._within else None
        for addresses in (own, self.addresses):
            found = _at(address, addresses, node) if addresses else None
            if found is not None:
                return found
        others = [_at(address, each, node) for each in self._within.values() if each is not own]
        if found := _only([each for each in others if each is not None]):
            return found
        asked = conditional(address)
        return self._logical(asked["identifier"], asked["type"]) if asked else None

    def _logical(self, identifier: Any, kind: Any) -> Node | None:
        """Return the one resource that has this identifier."""
        key = _token(identifier)
        if key is None:
            return None
        if self._identified is None:
            self._identified = _by_identifier(self.resources)
        found = self._identified.get((*key, kind if type(kind) is str else ""), ())
        return found[0] if len(found) == 1 else None


def _at(address: str, addresses: dict[str, Node | None], node: Node) -> Node | None:
    """Return what has this address there. Type/id means the server of who says it, no other."""
    if not _RELATIVE.fullmatch(address):
        found = addresses.get(address)
        if found is None and UUID.fullmatch(address):
            found = addresses.get(_UUID_SCHEME + address.lower())
        return found
    base = _base(node)
    if base + address in addresses:
        return addresses[base + address]
    found = addresses.get(address)
    alike = found is not None and (not base or _base(found) in {"", base})
    return found if alike else None


def _only(found: list[Node]) -> Node | None:
    """Return what was found if it is one, however often it stands there."""
    return found[0] if found and all(each[0] == found[0][0] for each in found) else None


def _inner_bundle(node: Node) -> Any:
    """Return the Bundle in whose entry a resource stands, None for the outermost."""
    entry = node[1]
    bundle = entry[1] if entry is not None else None
    return bundle[0] if bundle is not None and bundle[1] is not None else None


def _normal(address: str) -> str:
    """UUIDs are the same in capitals."""
    return address.lower() if address[:9].lower() == _UUID_SCHEME else address


def conditional(address: str) -> dict[str, Any] | None:
    """Return what `Patient?identifier=system|value` asks for, as a logical reference."""
    kind, query, condition = address.partition("?")
    asked = parse_qs(condition) if query else {}
    tokens = asked.get("identifier", [])
    if len(asked) != 1 or len(tokens) != 1:
        return None
    system, _, value = tokens[0].rpartition("|")
    return {"type": kind, "identifier": {"system": system, "value": value}}


def type_of(resource: Mapping[str, Any]) -> str:
    """Return the resourceType, "" for what has none."""
    kind = resource.get("resourceType")
    return kind if type(kind) is str else ""


def tokens(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (system, value) of every identifier of a resource."""
    held = resource.get("identifier")
    for identifier in held if type(held) is list else [held]:
        token = _token(identifier)
        if token is not None:
            yield token


def patient_key(resource: Mapping[str, Any], otherwise: str) -> str:
    """What tells one patient from another: the NHS number, where there is exactly one."""
    numbers = {
        value.replace(" ", "") for system, value in tokens(resource) if system == _NHS_NUMBER
    }
    return numbers.pop() if len(numbers) == 1 else otherwise


def enclosing(node: Node) -> Node:
    """Return the resource, not a contained one, in which a node stands."""
    while node[1] is not None and (node[2] == "contained" or "resourceType" not in _object(node)):
        node = node[1]
    return node


def _object(node: Node) -> Any:
    return node[0] if type(node[0]) is dict else ()


def _token(identifier: Any) -> tuple[str, str] | None:
    if type(identifier) is not dict:
        return None
    system, value = identifier.get("system", ""), identifier.get("value")
    return (system, value) if type(system) is str and type(value) is str and value else None


def _by_identifier(nodes: list[Node]) -> dict[_Token, list[Node]]:
    """By identifier and type, and by identifier alone; of several, the first two."""
    found: dict[_Token, list[Node]] = {}
    for node in nodes:
        for system, value in set(tokens(node[0])):
            for kind in ("", type_of(node[0])):
                alike = found.setdefault((system, value, kind), [])
                alike += [node] if len(alike) < _SEVERAL else []
    return found


def _base(node: Node) -> str:
    """Return the server address of the entry in which a node stands, "" if it has none."""
    entry = enclosing(node)[1]
    url = entry[0].get("fullUrl") if entry is not None else None
    match = _ABSOLUTE.fullmatch(url) if type(url) is str else None
    return (match[1] or "") if match else ""


def _contained(name: str, node: Node) -> Node | None:
    holder = enclosing(node)
    if not name:
        return holder
    for inner in members(holder, "contained"):
        if type(inner[0]) is dict and inner[0].get("id") == name:
            return inner
    return None

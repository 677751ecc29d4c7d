"""What a profile demands, as JSON Schema on top of that of its resource type."""

from __future__ import annotations

from typing import Any

from service.fhir.validate.primitives import Schema
from service.fhir.validate.profiles import Node, mark_of
from service.fhir.validate.schema import bound, present
from service.model import r4


def demands_on(node: Node) -> Schema:
    """Return the schema of one object of a profile's tree."""
    properties: dict[str, Schema] = {}
    demands: list[Schema] = []
    for name, child in node.children.items():
        element = r4.children(node.type).get(name)
        if child.max == "0":
            properties[name] = {"not": {}}
            continue
        if child.min:
            demands.append(present(name, element))
        schema = _many(child) if element is not None and element.many else _one(child)
        if schema:
            properties[name] = schema
    return _compact({"properties": properties, "allOf": demands})


def _one(node: Node) -> Schema:
    parts = [demands_on(node)]
    if node.pattern is not None:
        parts.append(like(node.pattern))
    if node.codes is not None:
        parts.append(bound(node.type, node.codes))
    return _together(parts)


def _many(node: Node) -> Schema:
    parts: list[Schema] = [{"items": _one(node)}]
    if node.min > 1:
        parts.append({"minItems": node.min})
    if node.max.isdigit():
        parts.append({"maxItems": int(node.max)})
    for piece in node.slices.values():
        mark = like(mark_of(piece, node.discriminator))
        parts.append({"items": {"if": mark, "then": _one(piece)}})
        if piece.min:
            parts.append({"contains": mark, "minContains": piece.min})
        if piece.max.isdigit():
            counted: Schema = {"contains": mark, "minContains": 0, "maxContains": int(piece.max)}
            parts.append(counted)
    return _together(parts)


def like(pattern: Any) -> Schema:
    """Return the schema of `profiles.matches`."""
    if isinstance(pattern, list):
        return _together([{"contains": like(item)} for item in pattern])
    if isinstance(pattern, dict):
        return {
            "required": sorted(pattern),
            "properties": {key: like(value) for key, value in pattern.items()},
        }
    return {"const": pattern}


def _compact(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if value not in ({}, [])}


def _together(parts: list[Schema]) -> Schema:
    found = [part for part in map(_compact, parts) if part]
    return found[0] if len(found) == 1 else _compact({"allOf": found})

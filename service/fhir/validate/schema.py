"""R4's structure as JSON Schema, one document a resource type: the fast check.

Every schema is at least as strict as FHIR and never laxer. What fails it is looked at again by
walk.py, which has the last word and says what is wrong where; so rare but valid shapes (a null
between primitives, a local reference, an extension with an id) may fail here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from service.fhir.validate import primitives
from service.fhir.validate.primitives import Schema
from service.model import r4
from service.model.r4 import Element

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
Codes = dict[str, frozenset[str]]  # code system → its codes
_CODES_FILE: Final = Path(__file__).parents[1] / "r4_codes.json"

# Where another rule already allows one value only: ext-1 (see below), inv-1 (invariants.py).
_ONE_VALUE_ANYWAY: Final = frozenset({"Extension", "Parameters.parameter"})
_MANY: Final = 6  # alternatives of a choice, beyond which comparing pairs is dearer

# Whose system is an absolute URI: a relative one would mean something else in every place.
_WITH_SYSTEM: Final = frozenset({"Coding", "Identifier"})
ABSOLUTE: Final = r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]+"

# Within data types: a value that needs another beside it (cpt-2, att-1, qty-3).
_NEEDS: Final = {
    "ContactPoint": ("value", "system"),
    "Attachment": ("data", "contentType"),
    "Quantity": ("code", "system"),
}


@cache
def code_table() -> dict[str, Codes]:
    """Return the codes of every value set with a required binding that can be listed."""
    table: dict[str, dict[str, list[str]]] = json.loads(_CODES_FILE.read_bytes())
    return {
        name: {system: frozenset(codes) for system, codes in systems.items()}
        for name, systems in table.items()
    }


def document(kind: str, extra: Iterable[Schema] = ()) -> Schema:
    """Return the schema of a resource type, with those of profiles on top."""
    definitions: dict[str, Schema] = {}
    waiting = [kind]
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = _definition(name)
            waiting += [element.type for element in r4.children(name).values()]
            waiting += ["Element"] * (not r4.is_primitive(name))
    all_of = [{"$ref": f"#/$defs/{kind}"}, *extra]
    return {"$schema": DRAFT, "$defs": definitions, "allOf": all_of}


def present(name: str, element: Element | None) -> Schema:
    """Return a schema that wants an element; of a primitive an extension will do."""
    if element is None or not r4.is_primitive(element.type):
        return {"required": [name]}
    return {"anyOf": [{"required": [name]}, {"required": [f"_{name}"]}]}


def bound(kind: str, codes: Codes) -> Schema:
    """Return a schema that wants one of `codes` in a code, Coding or CodeableConcept."""
    if kind in ("code", "string", "uri"):
        return {"enum": sorted(set().union(*codes.values()))}
    coding: Schema = {
        "required": ["system", "code"],
        "anyOf": [
            {"properties": {"system": {"const": system}, "code": {"enum": sorted(listed)}}}
            for system, listed in sorted(codes.items())
        ],
    }
    if kind == "Coding":
        return coding
    return {"required": ["coding"], "properties": {"coding": {"contains": coding}}}


def _definition(name: str) -> Schema:
    if r4.is_primitive(name):
        return primitives.schema_of(name)
    if name == "Resource":  # contained, or in a Bundle: checked as what it is
        return {"type": "object", "required": ["resourceType"]}
    schema = _object(name)
    if name == "Extension":  # ext-1: url and exactly one of value[x] and extension
        schema |= {"minProperties": 2, "maxProperties": 2}
        schema["properties"] = {
            key: value for key, value in schema["properties"].items() if key not in ("id", "_url")
        }
    if name == "Period":  # per-1
        schema |= {"if": {"required": ["start", "end"]}, "then": {"inOrder": True}}
    if name == "Reference":  # ref-1: whether a local one resolves is seen by walk.py
        schema["properties"]["reference"] = {
            "type": "string",
            "pattern": f"^[^#\\s\\x00-\\x1f]{primitives.TEXT_REST}$",
        }
    if name in _WITH_SYSTEM:  # an absolute URI
        schema["properties"]["system"] = {"type": "string", "pattern": f"^(?:{ABSOLUTE})$"}
    if name in _NEEDS:
        value, other = _NEEDS[name]
        schema["dependentSchemas"] = {value: present(other, r4.children(name)[other])}
    return schema


def _object(name: str) -> Schema:
    properties: dict[str, Schema] = {}
    demands: list[Schema] = []
    choices: dict[str, list[str]] = {}
    for element in r4.children(name).values():
        properties |= _properties(element)
        if element.choice:
            choices.setdefault(element.choice, []).append(element.name)
        elif element.min:
            demands.append(present(element.name, element))
    if r4.is_resource(name):
        properties["resourceType"] = {"const": name}
    if name not in _ONE_VALUE_ANYWAY:
        demands += [_one_of(name, names) for names in choices.values()]
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"minProperties": 1, **({"allOf": demands} if demands else {})}


def _properties(element: Element) -> dict[str, Schema]:
    schema = _value(element)
    if element.name == "lastUpdated":
        schema = {"anyOf": [schema, {"const": primitives.LAST_UPDATED}]}
    found = {element.name: _repeated(schema) if element.many else schema}
    if r4.is_primitive(element.type):
        beside: Schema = {"$ref": "#/$defs/Element"}
        if element.many:
            beside = _repeated({"anyOf": [{"type": "null"}, beside]})
        found[f"_{element.name}"] = beside
    return found


def _value(element: Element) -> Schema:
    reference: Schema = {"$ref": f"#/$defs/{element.type}"}
    if element.value_set:
        codes = bound(element.type, code_table()[element.value_set])
        return codes if element.type == "code" else {"allOf": [reference, codes]}
    if element.targets:
        return reference | {"properties": {"reference": {"pattern": target_pattern(element)}}}
    return reference


def target_pattern(element: Element) -> str:
    """Return what a literal reference to one of the element's target types looks like."""
    names = "|".join(element.targets)
    return rf"^(?:urn:|#|(?:[^?]*/)?(?:{names})[/?]|[^/?]*$)"


def _repeated(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def _one_of(name: str, choices: list[str]) -> Schema:
    named = [{"required": [choice]} for choice in choices]
    if r4.children(name)[choices[0]].min:
        return {"oneOf": named}
    if len(named) > _MANY:
        return {"oneOf": [*named, {"not": {"anyOf": named}}]}
    pairs = [{"required": [one, other]} for i, one in enumerate(choices) for other in choices[:i]]
    return {"not": {"anyOf": pairs}} if pairs else {}

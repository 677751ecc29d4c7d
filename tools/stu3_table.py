"""Makes service/model/stu3.json, what FHIR STU3 (3.0.2) calls the parts of every type.

The definitions are taken as the models of the package fhir.resources carry them (it is among the
packages for tests), in the form of service/model/r4.json, without patterns and value sets:

    python tools/stu3_table.py
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir.resources import STU3
from pydantic import BaseModel
from pydantic.fields import FieldInfo

TABLE = Path(__file__).resolve().parents[1] / "service" / "model" / "stu3.json"
VERSION = "3.0.2"
INHERITED = ("Element", "BackboneElement", "Resource", "DomainResource")
PRIMITIVES = (
    *("base64Binary", "boolean", "code", "date", "dateTime", "decimal", "id", "instant"),
    *("integer", "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri"),
    *("uuid", "xhtml"),
)
MANY_TYPES = 30  # a choice of so many is the open choice "*"
Model = type[BaseModel]


def models() -> dict[str, Model]:
    """Return every model by its name, e.g. "Encounter", "EncounterParticipant"."""
    found: dict[str, Model] = {}
    for module in pkgutil.iter_modules(STU3.__path__):
        if module.name == "tests" or module.name.startswith("_"):
            continue
        members = vars(importlib.import_module(f"{STU3.__name__}.{module.name}"))
        found |= {
            name: one
            for name, one in members.items()
            if isinstance(one, type) and issubclass(one, BaseModel) and is_fhir(one)
        }
    return found


def is_fhir(model: type) -> bool:
    """Whether a model is of a FHIR type, and not one of the library's own."""
    return model.__module__.startswith(STU3.__name__) and not model.__name__.startswith("FHIR")


def parts_of(annotation: Any) -> Iterator[Any]:
    """Yield what a field's annotation is made of, wrappers and contents."""
    yield annotation
    for one in typing.get_args(annotation):
        yield from parts_of(one)


def type_name(field: FieldInfo) -> str:
    """Return the FHIR type of a field, a model's name for what has parts."""
    every = [*parts_of(field.annotation), *field.metadata]
    for one in every:
        name = type(one).__name__ if not isinstance(one, type) else one.__name__
        if name.endswith("Type") and name not in {"UnionType", "NoneType"}:
            return name.removesuffix("Type")
        primitive = name[:1].lower() + name[1:]
        if primitive in PRIMITIVES and not isinstance(one, type):
            return primitive
    if bool in every:
        return "boolean"
    raise LookupError(str(field))


def own_fields(model: Model) -> dict[str, FieldInfo]:
    """Return a model's fields that its base does not have, by JSON name."""
    above = model.__mro__[1]
    inherited = above.model_fields if is_fhir(above) else {}
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if name not in inherited
        and not name.endswith("__ext")
        and name not in {"fhir_comments", "resource_type"}
    }


def is_list(field: FieldInfo) -> bool:
    return any(typing.get_origin(one) is list for one in parts_of(field.annotation))


def extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def open_or_listed(kinds: list[str]) -> str:
    return "*" if len(kinds) > MANY_TYPES else ",".join(kinds)


class Table:
    """The rows of every type; backbones are found on the way, and named by where they stand."""

    def __init__(self) -> None:
        self.models = models()
        self.rows: dict[str, list[str]] = {}
        self.open: list[str] = []  # the types that an extension's value may have
        self.backbones: dict[str, str] = {}
        for name in sorted(self.models):
            if not self.is_backbone(name):
                self.add(name, name)

    def is_backbone(self, name: str) -> bool:
        """Whether a model is a part of another: its file is not of its own name."""
        return self.models[name].__module__.rpartition(".")[2] != name.lower()

    def add(self, name: str, path: str) -> None:
        model = self.models[name]
        above = model.__mro__[1]
        rows = self.rows[path] = [above.__name__ if is_fhir(above) else ""]
        choices: dict[str, list[str]] = {}
        for json_name, field in own_fields(model).items():
            kind = self.kind(type_name(field), f"{path}.{json_name}")
            if path == "Extension" and json_name.startswith("value"):
                self.open.append(kind)
            choice = extra(field).get("one_of_many")
            if choice:
                choices.setdefault(choice, []).append(kind)
            else:
                needed = field.is_required() or extra(field).get("element_required", False)
                most = "*" if is_list(field) else "1"
                rows.append(f"{json_name} {kind} {int(needed)}..{most}")
        rows += [f"{name}[x] {open_or_listed(kinds)} 0..1" for name, kinds in choices.items()]

    def kind(self, name: str, place: str) -> str:
        if name not in self.models or not self.is_backbone(name):
            return name
        if name not in self.backbones:
            self.backbones[name] = place
            self.add(name, place)
        return self.backbones[name]

    @property
    def resources(self) -> list[str]:
        """The resource types, abstract ones left out."""
        base = self.models["Resource"]
        return sorted(
            name
            for name, model in self.models.items()
            if issubclass(model, base) and name not in INHERITED
        )


def lines(table: dict[str, Any]) -> str:
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(table.items())]
    return "{\n" + ",\n".join(rows) + "\n}"


def main() -> None:
    table = Table()
    parts = {
        "version": json.dumps(VERSION),
        "resources": json.dumps(table.resources),
        "open": json.dumps(table.open),
        "patterns": json.dumps(dict.fromkeys(PRIMITIVES, "")),
        "types": lines(table.rows),
    }
    body = ",\n".join(f"{json.dumps(key)}: {value}" for key, value in parts.items())
    TABLE.write_text("{\n" + body + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()

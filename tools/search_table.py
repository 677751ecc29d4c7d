"""Makes service/fhir/search_table.json from the official R4 definitions.

The same download as for tools/r4_table.py, which must have run first:

    python tools/search_table.py package/dist/fhir/r4
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r4_table import resources, structures

from service.model import r4

TABLE = Path(__file__).resolve().parents[1] / "service" / "fhir" / "search_table.json"
TYPES = [
    "AllergyIntolerance",
    "Binary",
    "CarePlan",
    "CareTeam",
    "Communication",
    "Composition",
    "Condition",
    "Consent",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "Flag",
    "Goal",
    "HealthcareService",
    "Immunization",
    "Location",
    "Medication",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Task",
]
KINDS = {
    "token": {"CodeableConcept", "Coding", "Identifier", "code", "boolean", "ContactPoint"},
    "date": {"dateTime", "date", "Period", "instant", "Timing"},
    "string": {"string"},
    "reference": {"Reference"},
    "uri": {"uri", "canonical"},
}
LEFT_OUT = re.compile(r"phonetic|combo-.*|component-.*|value-.*|evidence.*|stage|near|item-.*")
RESOLVED = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
BY_SYSTEM = re.compile(r"\.where\(system='(\w+)'\)")
AS = re.compile(r"\.as\((\w+)\)|\.(\w+) as (\w+)")
Definition = dict[str, Any]


def rows(definition: Definition, kind: str) -> list[str]:
    """Return "name kind definition paths… >Target" of one SearchParameter on one type."""
    name, url = definition["code"], definition["url"].rsplit("/", 1)[1]
    found, targets = [], set()
    for part in definition["expression"].split("|"):
        expression = part.strip()
        if match := RESOLVED.search(expression):
            targets.add(f">{match[1]}")
            expression = RESOLVED.sub("", expression)
        found += paths(expression, kind, definition["type"])
    return [" ".join([name, definition["type"], url, *found, *targets])] if found else []


def paths(expression: str, kind: str, search_type: str) -> Iterator[str]:
    """Yield the dotted JSON paths, without the type's own name, of one expression."""
    if expression == f"{kind}.deceased.exists() and {kind}.deceased != false":
        yield "?deceasedBoolean"
        yield "?deceasedDateTime"
        return
    expression = BY_SYSTEM.sub(
        r"[\1]", expression.strip("()") if " as " in expression else expression
    )
    if match := re.fullmatch(rf"{kind}\.([\w.\[\]]+?)(?:\.as\((\w+)\)| as (\w+))?", expression):
        typed = match[2] or match[3]
        path = match[1]
        if typed:
            yield path + typed[0].upper() + typed[1:]
        else:
            yield from expanded(kind, path, search_type)


def expanded(kind: str, path: str, search_type: str) -> Iterator[str]:
    """Yield the path itself, or for a choice the path of each type that can be searched so."""
    *before, last = path.split(".")
    if r4.element(re.sub(r"\[\w+\]", "", f"{kind}.{path}")):
        yield path
        return
    parent = ".".join([kind, *before])
    above = r4.element(parent).type if before else kind
    for element in r4.children(above).values():
        if element.choice == last and element.type in KINDS[search_type]:
            yield ".".join([*before, element.name])


def parameters(folder: Path) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {kind: [] for kind in TYPES}
    for definition in resources(folder, "search-parameters.json"):
        if definition["type"] not in KINDS or LEFT_OUT.fullmatch(definition["code"]):
            continue
        for kind in table.keys() & set(definition["base"]):
            table[kind] += rows(definition, kind)
    return {kind: sorted(listed) for kind, listed in sorted(table.items())}


def summaries(folder: Path) -> dict[str, str]:
    """Return the top-level elements that `_summary=true` keeps, by type."""
    kept: dict[str, str] = {}
    for definition in structures(folder):
        if definition["id"] not in TYPES:
            continue
        names = [
            element["path"].split(".")[1].removesuffix("[x]")
            for element in definition["snapshot"]["element"]
            if element.get("isSummary") and element["path"].count(".") == 1
        ]
        kept[definition["id"]] = " ".join(dict.fromkeys(names))
    return dict(sorted(kept.items()))


def lines(table: dict[str, Any]) -> str:
    inside = ",\n".join(
        f"{json.dumps(key)}: {json.dumps(value)}"
        if isinstance(value, str)
        else f"{json.dumps(key)}: [\n{joined(value)}]"
        for key, value in table.items()
    )
    return "{\n" + inside + "}"


def joined(rows_of_type: list[str]) -> str:
    return ",\n".join(json.dumps(row) for row in rows_of_type)


def main(folder: Path) -> None:
    text = (
        f'{{"parameters": {lines(parameters(folder))},\n"summary": {lines(summaries(folder))}}}\n'
    )
    json.loads(text)
    TABLE.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

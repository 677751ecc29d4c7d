"""The slow, exact look at a resource: what is wrong, and where. Runs only when it must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from service.errors import Issue
from service.fhir.validate import primitives, xhtml
from service.fhir.validate.order import in_order
from service.fhir.validate.schema import ABSOLUTE, Codes, code_table, target_pattern
from service.model import r4
from service.model.r4 import Element

_NAME: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
_UNNAMED: Final = "(unnamed)"  # what is no name may be a value; it is not repeated


def issue(code: str, text: str, target: str) -> Issue:
    """Return an error at a FHIRPath."""
    return Issue(severity="error", code=code, text=text, target=target)


def base_issues(resource: dict[str, Any], place: str) -> Iterator[Issue]:
    """Yield what is wrong with a resource's structure by base R4, nested resources left out."""
    yield from _object(resource, resource["resourceType"], place)


def _object(value: Any, kind: str, place: str) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield issue("structure", "must be an object", place)
        return
    if not value:
        yield issue("structure", "must not be empty", place)
    known = r4.children(kind)
    for name, part in value.items():
        if name == "resourceType" and r4.is_resource(kind):
            continue
        element = known.get(name) or known.get(name.removeprefix("_"))
        if element is None or (name.startswith("_") and not r4.is_primitive(element.type)):
            shown = name if _NAME.fullmatch(name) else _UNNAMED
            yield issue("structure", f"{kind} has no such element", f"{place}.{shown}")
        elif not name.startswith("_"):
            yield from _element(part, value.get(f"_{name}"), element, f"{place}.{name}")
        else:
            yield from _beside(part, value.get(element.name), element, f"{place}.{element.name}")
    yield from _missing(value, kind, place)
    yield from _data_type_rules(value, kind, place)


def _missing(value: dict[str, Any], kind: str, place: str) -> Iterator[Issue]:
    choices: dict[str, list[Element]] = {}
    for element in r4.children(kind).values():
        if element.choice:
            choices.setdefault(element.choice, []).append(element)
        elif element.min and not has(value, element.name):
            yield issue("required", "must be there", f"{place}.{element.name}")
    for choice, elements in choices.items():
        found = sum(has(value, element.name) for element in elements)
        if found > 1:
            yield issue("structure", "may be there in one type only", f"{place}.{choice}")
        elif not found and elements[0].min:
            yield issue("required", "must be there", f"{place}.{choice}")


def has(value: dict[str, Any], name: str) -> bool:
    """Whether an element is there, with a value or with an extension in its place."""
    return name in value or f"_{name}" in value


def _element(value: Any, beside: Any, element: Element, place: str) -> Iterator[Issue]:
    if not element.many:
        yield from _single(value, element, place)
    elif not isinstance(value, list):
        yield issue("structure", "must be an array", place)
    elif not value:
        yield issue("structure", "must not be empty", place)
    else:
        others = beside if isinstance(beside, list) else []
        for i, item in enumerate(value):
            if item is None and r4.is_primitive(element.type) and others[i : i + 1] not in (
                [], [None],
            ):  # fmt: skip
                continue
            yield from _single(item, element, f"{place}[{i}]")


def _single(value: Any, element: Element, place: str) -> Iterator[Issue]:
    if element.type == "Resource":
        if not isinstance(value, dict):
            yield issue("structure", "must be a resource", place)
        return
    if r4.is_primitive(element.type):
        yield from _primitive(value, element, place)
    else:
        yield from _object(value, element.type, place)
    codes = code_table()[element.value_set] if element.value_set else None
    if codes and isinstance(value, str | dict) and not is_bound(value, element.type, codes):
        yield issue("code-invalid", "is not a code of the required value set", place)
    literal = value.get("reference") if element.targets and isinstance(value, dict) else None
    if isinstance(literal, str) and not re.match(target_pattern(element), literal):
        text = f"may refer to {', '.join(element.targets)} only"
        yield issue("structure", text, f"{place}.reference")


def _primitive(value: Any, element: Element, place: str) -> Iterator[Issue]:
    kind = element.type
    if not primitives.has_json_type(kind, value):
        yield issue("structure", f"must be {primitives.json_type(kind)}", place)
    elif kind == "xhtml":
        yield from (issue("invariant", text, place) for text in xhtml.faults(value))
    elif element.name == "lastUpdated" and value == primitives.LAST_UPDATED:
        return
    elif not primitives.is_value(kind, value):
        yield issue("value", f"is not a valid {kind}", place)


def _beside(value: Any, main: Any, element: Element, place: str) -> Iterator[Issue]:
    if not element.many:
        yield from _object(value, "Element", place)
        return
    if not isinstance(value, list) or not value:
        yield issue("structure", "must be an array", place)
        return
    mains = main if isinstance(main, list) else []
    for i, item in enumerate(value):
        if item is not None:
            yield from _object(item, "Element", f"{place}[{i}]")
        elif i >= len(mains) or mains[i] is None:
            yield issue("structure", "must have a value or an extension", f"{place}[{i}]")


def is_bound(value: Any, kind: str, codes: Codes) -> bool:
    """Whether a code, Coding or CodeableConcept has one of `codes`."""
    if kind == "CodeableConcept":
        codings = value.get("coding") if isinstance(value, dict) else None
        return isinstance(codings, list) and any(is_bound(c, "Coding", codes) for c in codings)
    if kind == "Coding":
        if not isinstance(value, dict):
            return False
        system, code = value.get("system"), value.get("code")
        known = codes.get(system, ()) if isinstance(system, str) else ()
        return isinstance(code, str) and code in known
    return isinstance(value, str) and any(value in listed for listed in codes.values())


def _is_relative(system: Any) -> bool:
    return isinstance(system, str) and not re.fullmatch(ABSOLUTE, system)


def _data_type_rules(value: dict[str, Any], kind: str, place: str) -> Iterator[Issue]:
    if kind == "Extension":
        found = ("extension" in value) + any(name.lstrip("_").startswith("value") for name in value)
        if found != 1:
            yield issue("invariant", "ext-1: must have either extensions or a value", place)
    elif kind in ("Coding", "Identifier") and _is_relative(value.get("system")):
        yield issue("value", "must be an absolute URI", f"{place}.system")
    elif kind == "Period" and not in_order(value.get("start"), value.get("end")):
        yield issue("invariant", "per-1: must not end before it starts", place)
    elif kind == "ContactPoint" and "value" in value and not has(value, "system"):
        yield issue("invariant", "cpt-2: must say its system", place)
    elif kind == "Attachment" and "data" in value and not has(value, "contentType"):
        yield issue("invariant", "att-1: must say the type of its content", place)
    elif kind == "Quantity" and "code" in value and not has(value, "system"):
        yield issue("invariant", "qty-3: must say the system of its unit's code", place)

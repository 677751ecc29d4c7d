"""How one search value is compared with one value of a resource, by kind of parameter.

Each function compiles a value once and returns the comparison; it raises ValueError with a
reason that never repeats the value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from service.fhir.search_dates import compare, interval, intervals, split_prefix
from service.fhir.search_parameters import Kind, Parameter
from service.fhir.search_text import folded, split_token, unescape
from service.model import r4

Matches = Callable[[Any], bool]
Code = tuple[str | None, str]  # system, None where none is said; code

MODIFIERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "token": ("missing", "not", "text"),
    "reference": ("missing", "identifier"),  # and every type that it may point at
    "date": ("missing",),
    "string": ("missing", "exact", "contains"),
    "uri": ("missing", "below", "above"),
}
_PARTS: Final = (
    *("text", "family", "given", "prefix", "suffix"),  # HumanName
    *("line", "city", "district", "state", "postalCode", "country"),  # Address
)
_CODES: Final = Path(__file__).with_name("r4_codes.json")  # made by tools/r4_table.py


def matcher(parameter: Parameter, modifier: str, text: str, *, base: str, now: int) -> Matches:
    """Compile one value of a parameter. `base` is our own FHIR base URL, `now` microseconds."""
    if not text:
        raise ValueError("a value is needed")
    if parameter.kind == "token":
        return _text(text) if modifier == "text" else token(text, parameter.value_set)
    if parameter.kind == "reference":
        return (
            _logical(text)
            if modifier == "identifier"
            else reference(parameter, modifier, text, base)
        )
    if parameter.kind == "date":
        return _date(text, now)
    return _string(text, modifier) if parameter.kind == "string" else _uri(text, modifier)


def token(text: str, value_set: str = "") -> Matches:
    """Compare with "code", "system|code", "|code" or "system|"."""
    system, code = split_token(text)
    if not code and not system:
        raise ValueError("a code, or a system and a bar, is needed")

    def matches(value: Any) -> bool:
        return any(
            (not code or code == found)
            and (
                system is None or system == (its_system or "") or _implied(value, system, value_set)
            )
            for its_system, found in codes(value)
        )

    return matches


def codes(value: Any) -> Iterator[Code]:
    """Yield what a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint says."""
    if isinstance(value, bool):
        yield None, "true" if value else "false"
    elif isinstance(value, str):
        yield None, value
    elif "coding" in value:
        for coding in value["coding"]:
            yield coding.get("system"), coding.get("code", "")
    elif "value" in value:
        yield value.get("system"), value["value"]
    elif "code" in value:
        yield value.get("system"), value["code"]


def reference(parameter: Parameter, modifier: str, text: str, base: str) -> Matches:
    """Compare with "Type/id", "id", a URL under our base, or another URL as it is."""
    asked = unescape(text).removeprefix(base.rstrip("/") + "/")
    if modifier:
        asked = f"{modifier}/{asked.rpartition('/')[2]}"
    if "/" in asked:
        return lambda value: asked == literal(value) and _allowed(asked, parameter)
    return lambda value: (
        asked == literal(value).rpartition("/")[2] and _allowed(literal(value), parameter)
    )


def literal(value: Any) -> str:
    """Return where a Reference or canonical points, without a version; "" if only logically."""
    if isinstance(value, str):
        return value.partition("|")[0]
    found: str = value.get("reference", "")
    return found.partition("/_history/")[0]


@cache
def _value_sets() -> dict[str, dict[str, list[str]]]:
    sets: dict[str, dict[str, list[str]]] = json.loads(_CODES.read_bytes())
    return sets


def _implied(value: Any, system: str, value_set: str) -> bool:
    """Whether a bare code is one of this system's, by the binding of its element."""
    return isinstance(value, str) and value in _value_sets().get(value_set, {}).get(system, ())


def _allowed(reference_: str, parameter: Parameter) -> bool:
    kind = reference_.partition("/")[0]
    return not parameter.targets or kind in parameter.targets or not r4.is_resource(kind)


def _logical(text: str) -> Matches:
    by_token = token(text)
    return lambda value: isinstance(value, dict) and by_token(value.get("identifier", {}))


def _text(text: str) -> Matches:
    asked = folded(unescape(text))
    return lambda value: any(asked in folded(words) for words in _words(value))


def _words(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for holder in (value, value.get("type", {}), *value.get("coding", ())):
        if isinstance(holder, dict):
            yield from (holder[name] for name in ("text", "display") if name in holder)


def _date(text: str, now: int) -> Matches:
    prefix, written = split_prefix(text)
    holds = compare(prefix, interval(written), now)
    return lambda value: any(holds(one) for one in intervals(value))


def _string(text: str, modifier: str) -> Matches:
    asked = unescape(text)
    if modifier == "exact":
        return lambda value: asked in _strings(value)
    asked = folded(asked)
    if modifier == "contains":
        return lambda value: any(asked in folded(one) for one in _strings(value))
    return lambda value: any(folded(one).startswith(asked) for one in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name in _PARTS:
            part = value.get(name, ())
            yield from [part] if isinstance(part, str) else part


def _uri(text: str, modifier: str) -> Matches:
    asked = unescape(text)
    if modifier == "below":
        return lambda value: literal(value).startswith(asked)
    if modifier == "above":
        return lambda value: asked.startswith(literal(value))
    return lambda value: asked == value

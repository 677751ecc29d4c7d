"""One search condition: a parameter with its modifier, chain and values, ready to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.index import CODES, ORGANISATIONS, REFERENCES, TOKENS, Key, ods_code
from service.fhir.search_parameters import Parameter, Resource, parameters, types
from service.fhir.search_text import alternatives, split_token, unescape
from service.fhir.search_values import MODIFIERS, Matches, literal, matcher, token
from service.model import r4

Resolve = Callable[[str], Resource | None]  # "Type/id" → the resource, None if not to be seen
Holds = Callable[[Resource, Resolve], bool]

MAX_ALTERNATIVES: Final = 500  # values of one condition
_YES_NO: Final = {"true": True, "false": False}


class Unsupported(ValueError):
    """A parameter or modifier that there is not; the text says so without the value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What comparing needs beside the resource."""

    base: str  # our FHIR base URL
    now: int  # microseconds, for the prefix "ap"


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """One `name=value`, which holds for a resource or does not."""

    name: str  # as given: "recipient:identifier", "patient.birthdate"
    value: str  # as given
    parameter: Parameter
    modifier: str
    holds: Holds
    key: Key | None = None  # finds every resource for which it holds, and maybe more
    inner: tuple[tuple[str, Criterion], ...] = ()  # of a chain: by type of the target


def criterion(kind: str, name: str, value: str, context: Context) -> Criterion:
    """Compile one condition on a resource type.

    Raises Unsupported for what there is not, ValueError for a value that cannot be read.
    """
    head, dot, _ = name.partition(".")
    base_name, _, modifier = head.partition(":")
    parameter = parameters(kind).get(base_name)
    if parameter is None:
        raise Unsupported(f"there is no such search parameter for {kind}")
    if dot:
        return _chain(parameter, name, value, context)
    _check_modifier(parameter, modifier)
    return Criterion(
        name=name,
        value=value,
        parameter=parameter,
        modifier=modifier,
        holds=_holds(parameter, modifier, value, context),
        key=_key(kind, parameter, modifier, value),
    )


def _check_modifier(parameter: Parameter, modifier: str) -> None:
    if not modifier or modifier in MODIFIERS[parameter.kind]:
        return
    pointed = modifier in parameter.targets if parameter.targets else r4.is_resource(modifier)
    if parameter.kind == "reference" and pointed:
        return
    raise Unsupported("this modifier is not supported here")


def _targets(parameter: Parameter) -> tuple[str, ...]:
    return tuple(kind for kind in types() if not parameter.targets or kind in parameter.targets)


def _holds(parameter: Parameter, modifier: str, value: str, context: Context) -> Holds:
    if modifier == "missing":
        return _missing(parameter, value)
    matches = _any_of(parameter, modifier, value, context)
    if modifier == "not":
        return lambda resource, _: not any(map(matches, parameter.values(resource)))
    return lambda resource, _: any(map(matches, parameter.values(resource)))


def _any_of(parameter: Parameter, modifier: str, value: str, context: Context) -> Matches:
    texts = alternatives(value)
    if len(texts) > MAX_ALTERNATIVES:
        raise ValueError(f"at most {MAX_ALTERNATIVES} values can be given, parted by commas")
    compiled = [
        matcher(parameter, modifier, text, base=context.base, now=context.now) for text in texts
    ]
    if len(compiled) == 1:
        return compiled[0]
    return lambda one: any(matches(one) for matches in compiled)


def _missing(parameter: Parameter, value: str) -> Holds:
    if value not in _YES_NO:
        raise ValueError("this is true or false")
    wanted = _YES_NO[value]
    return lambda resource, _: (not parameter.values(resource)) == wanted


def _key(kind: str, parameter: Parameter, modifier: str, value: str) -> Key | None:
    if len(alternatives(value)) != 1:
        return None
    if parameter.name in TOKENS and not modifier:
        system, code = split_token(value)
        return (parameter.name, f"{system}|{code}") if code and system is not None else None
    if parameter.name == ORGANISATIONS.get(kind):
        return _organisation_key(parameter.name, modifier, value)
    if parameter.kind == "reference":
        return _reference_key(parameter, modifier, unescape(value))
    if parameter.name in CODES.get(kind, ()) and not modifier and "|" not in value:
        return parameter.name, unescape(value)
    return None


def _organisation_key(name: str, modifier: str, value: str) -> Key | None:
    system, code = split_token(value)
    if modifier == "identifier" and system is not None:
        named = ods_code({"identifier": {"system": system, "value": code}})
    else:
        named = ods_code({"reference": unescape(value)})
    return (name, f"ods|{named}") if named and modifier in ("", "identifier") else None


def _reference_key(parameter: Parameter, modifier: str, value: str) -> Key | None:
    targets = (modifier,) if modifier else parameter.targets
    if "/" not in value and len(targets) == 1:
        value = f"{targets[0]}/{value}"
    name = "patient" if value.startswith("Patient/") else parameter.name
    plain = modifier in ("", *targets) and value.count("/") == 1 and ":" not in value
    return (name, value) if plain and parameter.name in (*REFERENCES, "subject") else None


def _chain(parameter: Parameter, name: str, value: str, context: Context) -> Criterion:
    head, _, rest = name.partition(".")
    modifier = head.partition(":")[2]
    if parameter.kind != "reference" or "." in rest:
        raise Unsupported("such a chain is not supported; a chain goes through one reference")
    inner = dict(_inner(_targets(parameter), modifier, rest, value, context))
    if not inner:
        raise Unsupported("such a chain is not supported")
    logical = _logically(rest, value)

    def holds(resource: Resource, resolve: Resolve) -> bool:
        return any(
            logical(value) or _target_holds(literal(value), inner, resolve)
            for value in parameter.values(resource)
        )

    return Criterion(
        name=name,
        value=value,
        parameter=parameter,
        modifier=modifier,
        holds=holds,
        inner=tuple(inner.items()),
    )


def _inner(
    targets: tuple[str, ...], modifier: str, rest: str, value: str, context: Context
) -> Iterator[tuple[str, Criterion]]:
    for target in targets:
        named = rest.partition(":")[0] in parameters(target)
        if named and modifier in ("", target):
            yield target, criterion(target, rest, value, context)


def _logically(rest: str, value: str) -> Callable[[Any], bool]:
    """A chain to an identifier is also answered by the identifier in the reference itself."""
    if rest != "identifier":
        return lambda _: False
    compiled = [token(text) for text in alternatives(value)]
    return lambda one: (
        isinstance(one, dict) and any(matches(one.get("identifier", {})) for matches in compiled)
    )


def _target_holds(reference: str, inner: dict[str, Criterion], resolve: Resolve) -> bool:
    condition = inner.get(reference.partition("/")[0])
    target = resolve(reference) if condition else None
    return condition is not None and target is not None and condition.holds(target, resolve)

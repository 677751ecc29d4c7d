"""A whole search: its conditions, and what the answer should look like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.errors import BadRequest, Issue
from service.fhir.index import REFERENCES
from service.fhir.search_criteria import Context, Criterion, Unsupported, criterion
from service.fhir.search_parameters import parameters, types
from service.fhir.search_text import nameable
from service.model import r4

DEFAULT_COUNT: Final = 50  # entries a page
MAX_COUNT: Final = 200
Summary = Literal["", "true", "text", "data", "count"]
Pair = tuple[str, str]

# They change how an answer is written, never what is found: the server may leave them aside.
NEUTRAL: Final = ("_format", "_pretty", "_totalMethod")  # the last is fhirpy's: how to count
RESULT: Final = (
    *("_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_total"),
    *NEUTRAL,
)
_LENIENT: Final = ("_contained", "_containedType", "_score", "_graph")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sort:
    """One key to order by."""

    name: str
    descending: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Include:
    """Resources to send along: those that a match points at, or (reverse) that point at it."""

    kind: str  # the type whose parameter it is
    parameter: str
    target: str  # type; "": any
    reverse: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A search that was understood."""

    kind: str
    criteria: tuple[Criterion, ...] = ()
    count: int = DEFAULT_COUNT
    sort: tuple[Sort, ...] = ()
    includes: tuple[Include, ...] = ()
    summary: Summary = ""
    elements: tuple[str, ...] = ()
    total: bool = False  # whether to count all matches
    used: tuple[Pair, ...] = ()  # what the self link repeats
    warnings: tuple[Issue, ...] = ()  # what was left aside under handling=lenient

    @property
    def partial(self) -> bool:
        """Whether the resources are cut down in the answer."""
        return self.summary in ("true", "text", "data") or bool(self.elements)


def parse(kind: str, pairs: Sequence[Pair], context: Context, *, lenient: bool = False) -> Query:
    """Read the parameters of a search on a resource type.

    Raises BadRequest with every fault. An unknown parameter is one: left aside, it would answer
    more than was asked. `lenient` (Prefer: handling=lenient) only leaves result parameters aside.
    """
    reading = _Reading(kind, context, lenient)
    for name, value in pairs:
        reading.take(name, value)
    return reading.query()


class _Reading:
    """The state of reading one search."""

    def __init__(self, kind: str, context: Context, lenient: bool) -> None:
        self.kind, self.context, self.lenient = kind, context, lenient
        self.criteria: list[Criterion] = []
        self.result: dict[str, list[str]] = {}
        self.used: list[Pair] = []
        self.faults: list[Issue] = []
        self.warnings: list[Issue] = []

    def take(self, name: str, value: str) -> None:
        if name in RESULT:
            self.result.setdefault(name, []).append(value)
            self.used += [(name, value)] * (name not in NEUTRAL)
        elif self.lenient and name in _LENIENT:
            self.warnings.append(_issue("warning", "not-supported", name, "it was left aside"))
        else:
            self.condition(name, value)

    def condition(self, name: str, value: str) -> None:
        try:
            self.criteria.append(criterion(self.kind, name, value, self.context))
            self.used.append((name, value))
        except Unsupported as fault:
            self.fault("not-supported", name, str(fault))
        except ValueError as fault:
            self.fault("value", name, str(fault))

    def fault(self, code: str, name: str, text: str) -> None:
        self.faults.append(_issue("error", code, name, text))

    def query(self) -> Query:
        summary, total = self.one("_summary"), self.one("_total")
        count = self.number("_count")
        made = Query(
            kind=self.kind,
            criteria=tuple(self.criteria),
            count=min(count, MAX_COUNT),
            sort=tuple(self.sorts()),
            includes=(*self.includes("_include"), *self.includes("_revinclude")),
            summary="count" if count == 0 else self.summary(summary),
            elements=tuple(self.elements()),
            total=self.total(total) or summary == "count" or count == 0,
            used=tuple(self.used),
            warnings=tuple(self.warnings),
        )
        if self.faults:
            raise BadRequest("The search is not understood.", self.faults)
        return made

    def one(self, name: str) -> str:
        given = self.result.get(name, [])
        if len(given) > 1:
            self.fault("invalid", name, "it is given more than once")
        return given[0] if given else ""

    def number(self, name: str) -> int:
        text = self.one(name)
        if not text:
            return DEFAULT_COUNT
        if not text.isascii() or not text.isdigit():
            self.fault("value", name, "this is a whole number from 0")
            return DEFAULT_COUNT
        return int(text[:9])

    def summary(self, text: str) -> Summary:
        if text not in ("", "true", "text", "data", "count", "false"):
            self.fault("value", "_summary", "this is true, text, data, count or false")
        if self.result.get("_elements") and text not in ("", "false"):
            self.fault("invalid", "_summary", "_summary and _elements exclude each other")
        return "" if text == "false" else text  # type: ignore[return-value]

    def total(self, text: str) -> bool:
        if text not in ("", "none", "estimate", "accurate"):
            self.fault("value", "_total", "this is none, estimate or accurate")
        return text in ("estimate", "accurate")

    def elements(self) -> Iterator[str]:
        known = r4.children(self.kind)
        choices = {element.choice for element in known.values()}
        for name in ",".join(self.result.get("_elements", [])).split(","):
            plain = name.strip().removeprefix(f"{self.kind}.")
            if plain == "resourceType":
                continue  # it is always there
            if plain in known or (plain and plain in choices):
                yield plain
            elif plain:
                self.fault("value", "_elements", f"a name is not an element of {self.kind}")

    def sorts(self) -> Iterator[Sort]:
        for word in _words(self.result.get("_sort", [])):
            name = word.removeprefix("-")
            parameter = parameters(self.kind).get(name)
            if parameter and (parameter.kind in ("date", "string") or name == "_id"):
                yield Sort(name=name, descending=word.startswith("-"))
            else:
                self.fault("not-supported", "_sort", "sort by a date or text parameter, or _id")

    def includes(self, name: str) -> Iterator[Include]:
        for text in self.result.get(name, []):
            kind, parameter, target, *more = *text.split(":"), "", ""
            known = parameters(kind).get(parameter) if kind in types() else None
            reverse = name == "_revinclude"
            right = reverse or kind == self.kind
            indexed = parameter in REFERENCES or is_of_patient(self.kind, kind, parameter)
            found = known is not None and known.kind == "reference" and not any(more)
            if found and right and (not reverse or indexed):
                yield Include(kind=kind, parameter=parameter, target=target, reverse=reverse)
            else:
                self.fault("not-supported", name, "there is no such inclusion here")


def is_of_patient(searched: str, kind: str, parameter: str) -> bool:
    """Whether a parameter is `subject` where that means the same as `patient`."""
    known = parameters(kind)
    return searched == "Patient" and parameter == "subject" and {"subject", "patient"} <= set(known)


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (word.strip() for word in text.split(",") if word.strip())


def _issue(severity: Literal["error", "warning"], code: str, name: str, text: str) -> Issue:
    shown = nameable(name)
    return Issue(severity=severity, code=code, text=f"{shown}: {text}.", target=f"http.{shown}")

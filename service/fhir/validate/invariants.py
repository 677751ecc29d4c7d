"""The invariants of R4 and of our profiles that matter here, by hand: FHIRPath is not run.

Keys are those of the definitions, where the expressions stand; a rule returns whether it holds.
Those of data types are in walk.py, those of narrative in xhtml.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.validate.order import in_order

Resource = dict[str, Any]
Rule = Callable[[Resource], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """One rule: its key in the definitions, what it says, where it is reported."""

    key: str
    text: str
    holds: Rule
    at: str = ""  # below the resource, e.g. "orderDetail"


def _each(*path: str) -> Callable[[Resource], list[Any]]:
    """Return a function that gives the values at a path, lists opened."""

    def values(resource: Resource) -> list[Any]:
        found: list[Any] = [resource]
        for name in path:
            here = [value[name] for value in found if isinstance(value, dict) and name in value]
            found = [x for value in here for x in (value if isinstance(value, list) else [value])]
        return found

    return values


def codes_of(concepts: Any, system: str) -> set[str]:
    """Return the codes of one system in a CodeableConcept or a list of them."""
    listed = concepts if isinstance(concepts, list) else [concepts or {}]
    return {
        coding.get("code", "")
        for concept in listed
        for coding in concept.get("coding", ())
        if coding.get("system") == system
    }


def _has_any(resource: Resource, *names: str) -> bool:
    return any(name in resource for name in names)


def _all_have(path: Callable[[Resource], list[Any]], *names: str) -> Rule:
    return lambda resource: all(_has_any(value, *names) for value in path(resource))


def _no_home(name: str) -> Rule:
    return lambda organisation: all(
        value.get("use") != "home" for value in organisation.get(name, ())
    )


_SECTION: Final = ("text", "entry", "section")


def _sections(composition: Resource) -> list[Any]:
    found, waiting = [], list(composition.get("section", ()))
    while waiting:
        section = waiting.pop()
        found.append(section)
        waiting += section.get("section", ())
    return found


def _parameters(resource: Resource) -> list[Any]:
    found, waiting = [], list(resource.get("parameter", ()))
    while waiting:
        parameter = waiting.pop()
        found.append(parameter)
        waiting += parameter.get("part", ())
    return found


def _holds_one_thing(parameter: Resource) -> bool:
    values = {name.lstrip("_") for name in parameter if name.lstrip("_").startswith("value")}
    return len(values) + ("resource" in parameter) + ("part" in parameter) == 1


_CONDITION_STATUS: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_STATUS: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_ERROR: Final = "entered-in-error"


def _was_error(resource: Resource, system: str) -> bool:
    return _ERROR in codes_of(resource.get("verificationStatus"), system)


def _distinct(values: Iterable[Any]) -> bool:
    listed = list(values)
    return len(set(listed)) == len(listed)


def _rule(key: str, text: str, holds: Rule, at: str = "") -> Invariant:
    return Invariant(key=key, text=text, holds=holds, at=at)


_CAPABILITY: Final = (
    _rule(
        "cpb-1", "must describe a REST, messaging or document capability",
        lambda r: _has_any(r, "rest", "messaging", "document"),
    ),
    _rule(
        "cpb-2", "must have a description, software or implementation",
        lambda r: _has_any(r, "description", "software", "implementation"),
    ),
    _rule(
        "cpb-9", "must name each resource type once", lambda r: all(
            _distinct(entry.get("type") for entry in rest.get("resource", ()))
            for rest in r.get("rest", ())
        ), "rest.resource",
    ),
    _rule(
        "cpb-12", "must name each search parameter once", lambda r: all(
            _distinct(parameter.get("name") for parameter in entry.get("searchParam", ()))
            for entry in _each("rest", "resource")(r)
        ), "rest.resource.searchParam",
    ),
    _rule(
        "cpb-14", "must describe the instance",
        lambda r: r.get("kind") != "instance" or "implementation" in r, "implementation",
    ),
)  # fmt: skip

BASE: Final[dict[str, tuple[Invariant, ...]]] = {
    "AllergyIntolerance": (
        _rule(
            "ait-1", "must be there unless entered in error",
            lambda r: "clinicalStatus" in r or _was_error(r, _ALLERGY_STATUS), "clinicalStatus",
        ),
        _rule(
            "ait-2", "must not be there when entered in error",
            lambda r: "clinicalStatus" not in r or not _was_error(r, _ALLERGY_STATUS),
            "clinicalStatus",
        ),
    ),
    "CapabilityStatement": _CAPABILITY,
    "Composition": (
        _rule(
            "cmp-1", "must have a text, entries or sections",
            lambda r: all(_has_any(section, *_SECTION) for section in _sections(r)), "section",
        ),
        _rule(
            "cmp-2", "must not have both entries and a reason for having none",
            lambda r: not any(
                "emptyReason" in section and "entry" in section for section in _sections(r)
            ), "section",
        ),
    ),
    "Condition": (
        _rule(
            "con-5", "must not be there when entered in error",
            lambda r: "clinicalStatus" not in r or not _was_error(r, _CONDITION_STATUS),
            "clinicalStatus",
        ),
    ),
    "Group": (
        _rule(
            "grp-1", "may be there only if the group is an actual one",
            lambda r: "member" not in r or r.get("actual") is True, "member",
        ),
    ),
    "MeasureReport": (
        _rule(
            "mrp-1", "must not be there in a data-collection report",
            lambda r: r.get("type") != "data-collection" or "group" not in r, "group",
        ),
    ),
    "Observation": (
        _rule(
            "obs-6", "must not be there beside a value",
            lambda r: "dataAbsentReason" not in r or not any(k.startswith("value") for k in r),
            "dataAbsentReason",
        ),
    ),
    "Organization": (
        _rule(
            "org-1", "must have a name or an identifier",
            lambda r: _has_any(r, "name", "identifier"),
        ),
        _rule("org-2", "must not be a home address", _no_home("address"), "address"),
        _rule("org-3", "must not be a home number", _no_home("telecom"), "telecom"),
    ),
    "Parameters": (
        _rule(
            "inv-1", "must have exactly one of value, resource and part",
            lambda r: all(_holds_one_thing(parameter) for parameter in _parameters(r)),
            "parameter",
        ),
    ),
    "Patient": (
        _rule(
            "pat-1", "must have a name, telecom, address or organization",
            _all_have(_each("contact"), "name", "telecom", "address", "organization"), "contact",
        ),
    ),
    "ServiceRequest": (
        _rule(
            "prr-1", "may be there only beside a code",
            lambda r: "orderDetail" not in r or "code" in r, "orderDetail",
        ),
    ),
    "Task": (
        _rule(
            "inv-1", "must not be before authoredOn",
            lambda r: in_order(r.get("authoredOn"), r.get("lastModified")), "lastModified",
        ),
    ),
}  # fmt: skip

_EVENT_KIND: Final = re.compile(r".*/CodeSystem/event-kind")
_TEN_DIGITS: Final = re.compile(r"[0-9]{10}")
_NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"


def _of_event(resource: Resource) -> set[str]:
    return {
        coding.get("code", "")
        for coding in resource.get("topic", {}).get("coding", ())
        if _EVENT_KIND.fullmatch(coding.get("system", ""))
    }


OURS: Final[dict[str, Invariant]] = {
    rule.key: rule
    for rule in (
        _rule(
            "dr-com-1", "must say why when it was not done",
            lambda r: r.get("status") != "not-done" or "statusReason" in r, "statusReason",
        ),
        _rule(
            "dr-com-2", "must be there for a discharge and its cancellation",
            lambda r: "encounter" in r or not _of_event(r) & {"discharge", "discharge-cancelled"},
            "encounter",
        ),
        _rule(
            "dr-com-3", "must be found by an identifier or a reference",
            _all_have(_each("recipient"), "identifier", "reference", "display"), "recipient",
        ),
        _rule(
            "dr-pat-1", "must have an identifier or a name",
            lambda r: _has_any(r, "identifier", "name"),
        ),
        _rule(
            "dr-pat-2", "an NHS number has ten digits", lambda r: all(
                _TEN_DIGITS.fullmatch(each.get("value", ""))
                for each in r.get("identifier", ())
                if each.get("system") == _NHS_NUMBER
            ), "identifier",
        ),
        _rule(
            "dr-doc-1", "must have its content or its address",
            _all_have(_each("content", "attachment"), "url", "_url", "data"), "content.attachment",
        ),
        _rule(
            "dr-req-1", "must have a reason, or say that none is known",
            lambda r: _has_any(r, "reasonCode", "reasonReference"), "reasonCode",
        ),
    )
}  # fmt: skip

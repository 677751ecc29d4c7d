"""A synthetic referral as R4 message, resources made at random, and a writer of R4 XML."""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

from service.model import r4

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
LANGUAGE = "http://hl7.org/fhir/StructureDefinition/patient-nationality"

HEADER = "urn:uuid:11111111-1111-4111-8111-111111111111"
REQUEST = "urn:uuid:22222222-2222-4222-8222-222222222222"
PATIENT = "urn:uuid:33333333-3333-4333-8333-333333333333"
TRUST = "urn:uuid:44444444-4444-4444-8444-444444444444"
HOSPICE = "urn:uuid:55555555-5555-4555-8555-555555555555"
ROLE = "urn:uuid:66666666-6666-4666-8666-666666666666"

PATIENT_RESOURCE: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Test &amp; check</p><br/></div>',
    },
    "identifier": [
        {"system": NHS_NUMBER, "value": "9990123454"},
        {"system": "https://fhir.nhs.uk/RJZ/Id/MR", "value": "K0042"},
    ],
    "active": True,
    "name": [
        {"use": "official", "family": "Testpatient", "given": ["Rosalind", "Ann"]},
        {"use": "nickname", "given": ["Roz"]},
    ],
    "telecom": [{"system": "phone", "value": "01632 960001", "rank": 2}],
    "_birthDate": {"extension": [{"url": ABSENT, "valueCode": "masked"}]},
    "deceasedBoolean": False,
    "generalPractitioner": [
        {"type": "Organization", "identifier": {"system": ODS, "value": "G81001"}}
    ],
}
MESSAGE: dict[str, Any] = {
    "resourceType": "Bundle",
    "id": "reused-by-the-sender",
    "type": "message",
    "timestamp": "2025-03-14T17:05:00+00:00",
    "entry": [
        {
            "fullUrl": HEADER,
            "resource": {
                "resourceType": "MessageHeader",
                "eventCoding": {
                    "system": "https://fhir.nhs.uk/CodeSystem/message-events-bars",
                    "code": "servicerequest-request",
                },
                "destination": [
                    {"endpoint": "https://hospice.example", "receiver": {"reference": HOSPICE}}
                ],
                "sender": {"reference": TRUST},
                "source": {"endpoint": "https://trust.example"},
                "focus": [{"reference": REQUEST}],
            },
        },
        {
            "fullUrl": REQUEST,
            "resource": {
                "resourceType": "ServiceRequest",
                "contained": [
                    {"resourceType": "Practitioner", "id": "gp", "name": [{"text": "Dr Example"}]}
                ],
                "status": "active",
                "intent": "order",
                "code": {
                    "coding": [{"system": "http://snomed.info/sct", "code": "306237005"}],
                    "text": "Hospice",
                },
                "subject": {"reference": PATIENT},
                "occurrencePeriod": {"start": "2025-03-15", "end": "2025-03-16"},
                "requester": {"reference": ROLE},
                "performer": [{"reference": HOSPICE}, {"reference": "#gp"}],
                "note": [{"text": "First note"}, {"text": "Second note"}],
            },
        },
        {"fullUrl": PATIENT, "resource": PATIENT_RESOURCE},
        {
            "fullUrl": TRUST,
            "resource": {
                "resourceType": "Organization",
                "identifier": [{"system": ODS, "value": "RJZ"}],
                "name": "Trust",
            },
        },
        {
            "fullUrl": HOSPICE,
            "resource": {
                "resourceType": "Organization",
                "identifier": [{"system": ODS, "value": "8HX99"}],
                "name": "Hospice",
            },
        },
        {
            "fullUrl": ROLE,
            "resource": {
                "resourceType": "PractitionerRole",
                "organization": {"identifier": {"system": ODS, "value": "RJZ"}},
            },
        },
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "Dose"},
                "subject": {"reference": PATIENT},
                "valueQuantity": {"value": Decimal("1.10"), "unit": "mg"},
            },
        },
    ],
}


def message() -> dict[str, Any]:
    """Return a copy that a test may change."""
    return copy.deepcopy(MESSAGE)


def write_xml(resource: dict[str, Any]) -> bytes:
    """Return a resource as R4 XML, by the rules of https://hl7.org/fhir/R4/xml.html."""
    body = _inner(resource, {"resourceType"})
    kind = resource["resourceType"]
    return f'<{kind} xmlns="http://hl7.org/fhir">{body}</{kind}>'.encode()


def _inner(value: dict[str, Any], skipped: set[str]) -> str:
    names = dict.fromkeys(name.removeprefix("_") for name in value)
    return "".join(
        _element(name, one, hidden)
        for name in names
        if name not in skipped
        for one, hidden in _pairs(value.get(name), value.get("_" + name))
    )


def _pairs(value: Any, hidden: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, list) and not isinstance(hidden, list):
        return [(value, hidden)]
    length = max(len(value or ()), len(hidden or ()))
    return list(zip(_filled(value, length), _filled(hidden, length), strict=True))


def _filled(values: list[Any] | None, length: int) -> list[Any]:
    return [*(values or []), *[None] * (length - len(values or []))]


def _element(name: str, value: Any, hidden: dict[str, Any] | None) -> str:
    if name == "div":
        return str(value)
    if isinstance(value, dict) and "resourceType" in value:
        kind = value["resourceType"]
        return f"<{name}><{kind}>{_inner(value, {'resourceType'})}</{kind}></{name}>"
    held = value if isinstance(value, dict) else hidden or {}
    own = {"id", "url"} if name in {"extension", "modifierExtension"} else {"id"}
    attributes = [f" {key}={_quoted(held[key])}" for key in sorted(own) if key in held]
    if value is not None and not isinstance(value, dict):
        attributes.append(f" value={_quoted(value)}")
    return f"<{name}{''.join(attributes)}>{_inner(held, own)}</{name}>"


def _quoted(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quoteattr(text, {"\n": "&#10;"})


_WORDS = st.text("abc éß<&\"'\n", min_size=1, max_size=6).filter(lambda word: word.strip() != "")
_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-1000, 1000),
    "positiveInt": st.integers(1, 1000),
    "unsignedInt": st.integers(0, 1000),
    "decimal": st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-99, max_value=99
    ),
    "xhtml": st.just('<div xmlns="http://www.w3.org/1999/xhtml">a &lt; <b>b</b><br/></div>'),
}
TYPES = ("Patient", "ServiceRequest", "Observation", "Composition", "Parameters", "Organization")


@st.composite
def resources(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """Draw a resource with R4's elements and types, whatever they say."""
    kind = draw(st.sampled_from(TYPES))
    return {"resourceType": kind, **_object(draw, kind, depth)}


def _object(draw: st.DrawFn, kind: str, depth: int) -> dict[str, Any]:
    """Draw the parts of a type; one alternative of a choice."""
    known = list(r4.children(kind).values())
    chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique_by=_choice))
    found: dict[str, Any] = {}
    for element in chosen:
        _member(draw, found, element, depth)
    if kind == "Extension":
        found["url"] = "https://example.org/x"
    return found


def _choice(element: r4.Element) -> str:
    return element.choice or element.name


def _member(draw: st.DrawFn, found: dict[str, Any], element: r4.Element, depth: int) -> None:
    name, kind = element.name, element.type
    count = draw(st.integers(1, 3)) if element.many else 1
    if r4.is_primitive(kind):
        values = [draw(_PRIMITIVES.get(kind, _WORDS)) for _ in range(count)]
        found[name] = values if element.many else values[0]
        if name not in {"id", "url", "div"} and draw(st.booleans()):
            hidden = [_hidden(draw) for _ in range(count)]
            found["_" + name] = hidden if element.many else hidden[0]
    elif depth > 0:
        inner = [_complex(draw, kind, depth - 1) for _ in range(count)]
        found[name] = inner if element.many else inner[0]


def _hidden(draw: st.DrawFn) -> dict[str, Any]:
    return {"id": draw(_WORDS), "extension": [{"url": ABSENT, "valueCode": "masked"}]}


def _complex(draw: st.DrawFn, kind: str, depth: int) -> dict[str, Any]:
    if kind == "Resource":
        return draw(resources(depth=0))
    return _object(draw, kind, depth) or {"id": draw(_WORDS)}

"""The quick check never passes what the exact one refuses, and neither breaks on any JSON."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from build_examples import examples
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.fhir import validate
from service.fhir.validate import check, primitives, xhtml
from service.fhir.validate.order import in_order

EXAMPLES = examples()
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([1.5, "", " ", "x", "2025", "2025-02-30", "active", "#a", "Patient/1", "a:b"]),
    st.text(max_size=3),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
WORDS = """id url value valueString extension reference system code coding text div start end
    status _status name given contained zzz"""
NAMES = st.sampled_from(WORDS.split())


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) within a resource."""
    found = []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """An example with a few changes: a value replaced, an element taken away or added."""
    resource = copy.deepcopy(EXAMPLES[draw(st.sampled_from(sorted(EXAMPLES)))])
    for _ in range(draw(st.integers(1, 3))):
        spots = places(resource)
        if not spots:
            break
        container, key = spots[draw(st.integers(0, len(spots) - 1))]
        change = draw(st.sampled_from(["replace", "delete", "add"]))
        if change == "replace":
            container[key] = draw(JSON)
        elif change == "delete":
            del container[key]
        elif isinstance(container, dict):
            container[draw(NAMES)] = draw(JSON)
    return resource


@given(mutated())
@settings(max_examples=400, deadline=None)
def test_what_the_quick_check_passes_has_no_fault(resource):
    if validate._is_right(resource):
        assert list(validate._walk(resource, "Resource")) == []


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_is_right_is_seen_without_the_long_way(name):
    assert validate._is_right(EXAMPLES[name])


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_any_json_is_judged_without_breaking(value):
    resource = value if isinstance(value, dict) else {"resourceType": "Patient", "name": value}

    assert all(issue.code and issue.target for issue in check(resource))


@given(mutated())
@settings(max_examples=150, deadline=None)
def test_what_is_right_is_right_to_another_library_too(resource):
    """fhir.resources has R4B's models, which for these types are R4's, but no code lists."""
    if check(resource) or resource["resourceType"] == "Binary":
        return
    plain = {**resource, "meta": {}} if "meta" in resource else resource
    get_fhir_model_class(resource["resourceType"]).model_validate(plain)


def test_the_other_library_finds_structural_faults_too():
    broken = {**EXAMPLES["Patient-discharge.json"], "nickname": "x"}

    with pytest.raises(ValidationError):
        get_fhir_model_class("Patient").model_validate(broken)
    assert [issue.target for issue in check(broken)] == ["Patient.nickname"]


@given(
    st.sampled_from(["instant", "dateTime", "date", "code", "id", "uri", "string", "time", "oid"])
    | st.sampled_from(["integer", "positiveInt", "decimal", "boolean", "base64Binary", "uuid"]),
    SCALARS
    | st.datetimes().map(lambda at: at.isoformat() + "Z")
    | st.from_regex(r"\d{4}(-\d\d(-\d\d)?)?", fullmatch=True),
)
@settings(max_examples=300, deadline=None)
def test_a_primitive_that_the_schema_passes_is_a_value(kind, value):
    from jsonschema_rs import Draft202012Validator, RegexOptions

    validator = Draft202012Validator(
        primitives.schema_of(kind), pattern_options=RegexOptions(), validate_formats=True
    )

    if validator.is_valid(value):
        assert primitives.is_value(kind, value)


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<pre>", "</pre>", "a", "&amp;", "&", " ", "<b/>", "\x00"]),
        max_size=6,
    )
)
@settings(max_examples=300, deadline=None)
def test_narrative_that_is_passed_unparsed_has_no_fault(parts):
    div = '<div xmlns="http://www.w3.org/1999/xhtml">' + "".join(parts) + "</div>"

    assert xhtml.is_narrative(div) == (not list(xhtml.faults(div)))


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [
        ("2025", "2025", True),
        ("2025", "2026-01", True),
        ("2025", "2025-01", False),
        ("2025-03-14", "2025-03-14T10:00:00Z", False),
        ("2025-03-13", "2025-03-14T10:00:00Z", True),
        ("2025-03-14T10:00:00Z", "2025-03-14T10:30:00+01:00", False),
        ("2025-03-14T10:00:00Z", "2025-03-14T11:30:00+01:00", True),
        (None, "2025", True),
    ],
)
def test_dates_are_compared_as_far_as_both_go(start, end, holds):
    assert in_order(start, end) is holds

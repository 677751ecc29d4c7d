"""Oddities in FHIR R4 messages: read all the same, and told; junk anywhere crashes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fhir_r4_fixtures import NHS_NUMBER, PATIENT, message
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ServiceError
from service.formats.fhir_r4 import FORMAT, FhirMessage, messages, parse


def one(resource: dict[str, Any]) -> FhirMessage:
    (found,) = messages(resource)
    return found


ODD: list[tuple[dict[str, Any], str, str]] = [
    ({"basedOn": {"reference": "CarePlan/1"}}, "basedOn", "basedOn repeats in R4, but is no array"),
    ({"status": ["active"]}, "status", "status does not repeat in R4, but is an array"),
    ({"status": True}, "status", "status is of the wrong JSON type"),
    ({"doNotPerform": "true"}, "doNotPerform", "doNotPerform is of the wrong JSON type"),
    (
        {"quantityQuantity": {"value": "5"}},
        "quantityQuantity.value",
        "value is of the wrong JSON type",
    ),
    ({"note": [None]}, "note", "note is null"),
    ({"note": [{"txt": "x"}]}, "note[0].txt", "txt is no element of R4 here and is not read"),
    ({"subject": "Patient/1"}, "subject", "subject is of the wrong JSON type"),
    (
        {"contained": [{"id": "x"}]},
        "contained[0].resourceType",
        "resourceType names no R4 resource",
    ),
    (
        {"PatientInstruction": "x"},
        "PatientInstruction",
        "PatientInstruction is read as patientInstruction",
    ),
    (
        {"subject": {"reference": PATIENT}},
        "subject",
        "the resource referred to is not in the message",
    ),
    (
        {"subject": {"reference": PATIENT.removeprefix("urn:uuid:")}},
        "subject",
        "a UUID without urn:uuid: is read as with it",
    ),
]


@pytest.mark.parametrize(("more", "place", "text"), ODD, ids=[o[2] for o in ODD])
def test_what_is_odd_is_read_and_told(more: dict[str, Any], place: str, text: str) -> None:
    (issue,) = one({"resourceType": "ServiceRequest", **more}).issues

    assert (issue.severity, issue.source, issue.text) == ("warning", place, text)


def test_a_wrong_capital_is_put_right() -> None:
    found = one({"resourceType": "ServiceRequest", "PatientInstruction": "rest"})
    path = FORMAT.compile_path("ServiceRequest.patientInstruction")

    assert list(path.values(found.root)) == ["rest"]
    assert list(found.leaves()) == ["patientInstruction"]


def test_a_wrong_capital_beside_the_right_name_changes_nothing() -> None:
    both = {"PatientInstruction": "walk", "patientInstruction": "rest"}
    found = one({"resourceType": "ServiceRequest", **both})
    path = FORMAT.compile_path("ServiceRequest.patientInstruction")

    assert list(path.values(found.root)) == ["rest"]
    assert [issue.source for issue in found.issues] == ["PatientInstruction"]


def test_one_object_where_an_array_is_due_is_read_as_one() -> None:
    found = one({"resourceType": "ServiceRequest", "basedOn": {"reference": "CarePlan/1"}})
    path = FORMAT.compile_path("ServiceRequest.basedOn.reference")

    assert list(path.values(found.root)) == ["CarePlan/1"]
    assert list(path.places(found.root)) == ["basedOn.reference"]


def test_the_list_of_what_is_odd_ends_somewhere() -> None:
    found = one({"resourceType": "Basic", **{f"x{number}": 1 for number in range(1000)}})

    assert len(found.issues) == 100


def test_what_could_not_be_parsed_goes_on_with_the_message() -> None:
    parsed = parse(b'<Patient xmlns="http://hl7.org/fhir"><active/></Patient>')

    assert messages(parsed.resource, parsed.issues)[0].issues == parsed.issues != ()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", PATIENT, "#x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["reference", "resource", "id", "value"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a structure."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    here = [(value, key) for key in keys]
    inner = [value[key] for key in keys if isinstance(value[key], dict | list)]
    return here + [place for child in inner for place in places_in(child)]


def as_transaction(resource: dict[str, Any]) -> dict[str, Any]:
    other = {
        "resourceType": "Patient",
        "identifier": [{"system": NHS_NUMBER, "value": "9994512307"}],
    }
    return {**resource, "type": "transaction", "entry": [*resource["entry"], {"resource": other}]}


@settings(max_examples=400, deadline=None)
@given(data=st.data(), shape=st.sampled_from([lambda whole: whole, as_transaction]))
def test_a_message_with_junk_anywhere_is_read_or_refused_but_never_crashes(
    data: st.DataObject, shape: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    resource = shape(message())
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places_in(resource)))
        holder[key] = data.draw(JUNK)
    paths = [
        FORMAT.compile_path(text)
        for text in ("focus()", "%bundle.entry.resource.id", "Patient.name.given")
    ]
    try:
        found = messages(resource)
    except ServiceError:
        found = ()
    for each in found:
        assert isinstance(each.claimed_sender + each.message_id + each.message_type, str)
        assert all(isinstance(place, str) for place in each.leaves())
        assert all(len(path.values(each.root)) == len(path.places(each.root)) for path in paths)

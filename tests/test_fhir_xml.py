"""Writing FHIR XML: what is read again is what was written, by our reader and by others'."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_r4_fixtures import MESSAGE, resources
from hypothesis import given, settings
from lxml import etree

from service.bundled import bundled_folder
from service.fhir.xml import NotInXml, to_xml
from service.formats.fhir_r4 import parse

EXAMPLES = sorted(Path(bundled_folder("profiles"), "examples").glob("*.json"))
FHIR = "{http://hl7.org/fhir}"


@settings(max_examples=300, deadline=None)
@given(resource=resources())
def test_any_resource_is_the_same_after_it_was_written_and_read(resource: dict[str, Any]) -> None:
    parsed = parse(to_xml(resource))

    assert parsed.resource == resource
    assert parsed.issues == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_others_read_in_the_xml_what_they_read_in_the_json(path: Path) -> None:
    resource = json.loads(path.read_bytes(), parse_float=Decimal)
    model = get_fhir_model_class(resource["resourceType"])

    read = model.model_validate_xml(to_xml(resource))

    assert _said(read) == _said(model.model_validate_json(path.read_bytes()))


def _said(model: Any) -> dict[str, Any]:
    """All but what that library does in a way of its own.

    It writes the escapes of narrative differently, and reads no id of an element in XML.
    """
    said = model.model_dump()
    return {name: _without_ids(value) for name, value in said.items() if name != "text"}


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_ids(one) for name, one in value.items() if name != "id"}
    return value


def test_a_bundle_of_resources_is_read_by_others() -> None:
    bundle = get_fhir_model_class("Bundle").model_validate_xml(to_xml(MESSAGE))

    kinds = [entry.resource.__resource_type__ for entry in bundle.entry]
    assert kinds == [entry["resource"]["resourceType"] for entry in MESSAGE["entry"]]


def test_elements_come_in_the_order_of_the_schema_whatever_that_of_the_json() -> None:
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "id": "t1",
        "meta": {"profile": ["https://example.org/p"], "versionId": "1"},
        "identifier": [{"value": "1", "system": "https://example.org/i"}],
    }

    root = etree.fromstring(to_xml(task))

    names = [child.tag.removeprefix(FHIR) for child in root]
    assert names == ["id", "meta", "identifier", "status", "intent"]
    assert [child.tag.removeprefix(FHIR) for child in root[1]] == ["versionId", "profile"]
    assert [child.tag.removeprefix(FHIR) for child in root[2]] == ["system", "value"]


@pytest.mark.parametrize("text", ["a\tb\r\nc", "<&>\"'", "é 😀 \u2028", " "])
def test_texts_come_through_byte_for_byte(text: str) -> None:
    patient = {"resourceType": "Patient", "name": [{"text": text, "family": "x"}]}

    assert parse(to_xml(patient)).resource == patient


def test_decimals_keep_their_digits() -> None:
    quantity = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("1.10")}}

    assert b'<value value="1.10"/>' in to_xml(quantity)


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "language": "a\x01b"},
        {"resourceType": "Patient", "name": [{"family": "\ufffe"}]},
        {"resourceType": "Patient", "nmae": []},
        {"resourceType": "Patient", "name": [{"surname": "x"}]},
        {"resourceType": "Invention"},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Invention"}}]},
    ],
)
def test_what_xml_cannot_carry_is_refused_and_never_left_out(resource: dict[str, Any]) -> None:
    with pytest.raises(NotInXml):
        to_xml(resource)

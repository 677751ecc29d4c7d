"""The compact table of R4's structure says what the standard says."""

import pytest

from service.model import r4


@pytest.mark.parametrize(
    ("path", "kind", "low", "many"),
    [
        ("Patient.name.given", "string", 0, True),
        ("Patient.id", "id", 0, False),
        ("Patient.name.id", "string", 0, False),
        ("Patient.contained", "Resource", 0, True),
        ("Bundle.entry", "Bundle.entry", 0, True),
        ("Bundle.entry.link", "Bundle.link", 0, True),
        ("Bundle.entry.request.method", "code", 1, False),
        ("Bundle.entry.resource", "Resource", 0, False),
        ("Narrative.div", "xhtml", 1, False),
        ("Extension.valueCodeableConcept", "CodeableConcept", 0, False),
        ("Communication.payload.contentString", "string", 1, False),
        ("ServiceRequest.occurrenceTiming.repeat.boundsPeriod.start", "dateTime", 0, False),
    ],
)
def test_an_element_is_found_by_its_json_path(path, kind, low, many):
    found = r4.element(path)

    assert found is not None
    assert (found.type, found.min, found.many) == (kind, low, many)


@pytest.mark.parametrize(
    "path", ["Patient.value", "Patient.deceased[x]", "Meta.accounts", "Binary.url", "Nothing.id"]
)
def test_what_is_not_in_r4_is_not_found(path):
    assert r4.element(path) is None


def test_inherited_elements_come_first_in_the_order_of_the_xml():
    assert list(r4.children("HumanName"))[:4] == ["id", "extension", "use", "text"]
    assert list(r4.children("Patient"))[:9] == [
        "id", "meta", "implicitRules", "language", "text", "contained", "extension",
        "modifierExtension", "identifier",
    ]  # fmt: skip


def test_every_type_that_an_element_names_is_in_the_table():
    unknown = {
        (kind, element.name)
        for kind in r4.types()
        for element in r4.children(kind).values()
        if not r4.is_primitive(element.type) and not r4.children(element.type)
    }

    assert unknown == set()


def test_the_resource_types_are_those_of_r4():
    assert len(r4.resources()) == 146
    assert {"Patient", "Communication", "MeasureReport"} <= r4.resources()
    assert not r4.is_resource("SubscriptionStatus")
    assert not r4.is_resource("DomainResource")


def test_references_know_what_they_may_point_at():
    assert r4.element("Communication.basedOn").targets == ()
    assert r4.element("Encounter.subject").targets == ("Patient", "Group")


def test_required_bindings_are_named_where_their_codes_can_be_listed():
    assert r4.element("Communication.status").value_set == "event-status"
    assert r4.element("Attachment.contentType").value_set == ""

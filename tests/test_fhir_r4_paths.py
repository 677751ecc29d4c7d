"""Paths into FHIR R4: what each form of the FHIRPath subset finds, where, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from fhir_r4_fixtures import ABSENT, LANGUAGE, message

from service.formats.fhir_r4 import FORMAT, FhirMessage, messages
from service.formats.source import Node

P = "entry[2].resource"
R = "entry[1].resource"
O = "entry[6].resource"  # noqa: E741

FOUND: list[tuple[str, list[str], list[str]]] = [
    # the bundle itself, and resources by type
    ("Bundle.timestamp", ["2025-03-14T17:05:00+00:00"], ["timestamp"]),
    ("type", ["message"], ["type"]),
    ("Patient.name.family", ["Testpatient"], [f"{P}.name[0].family"]),
    (
        "Patient.name.given",
        ["Rosalind", "Ann", "Roz"],
        [f"{P}.name[0].given[0]", f"{P}.name[0].given[1]", f"{P}.name[1].given[0]"],
    ),
    (
        "Organization.name",
        ["Trust", "Hospice"],
        ["entry[3].resource.name", "entry[4].resource.name"],
    ),
    ("Procedure.status", [], []),
    ("Bundle.entry[3].resource.name", ["Trust"], ["entry[3].resource.name"]),
    ("Practitioner.name.text", [], []),  # contained: by reference only
    # positions
    ("Patient.name[1].given[0]", ["Roz"], [f"{P}.name[1].given[0]"]),
    ("Patient.name.given[1]", ["Ann"], [f"{P}.name[0].given[1]"]),
    ("Patient.name[7].given", [], []),
    ("Patient.name.given.first()", ["Rosalind"], [f"{P}.name[0].given[0]"]),
    ("Patient.name.given.last()", ["Roz"], [f"{P}.name[1].given[0]"]),
    # choices of type
    ("ServiceRequest.occurrence.start", ["2025-03-15"], [f"{R}.occurrencePeriod.start"]),
    ("ServiceRequest.occurrencePeriod.end", ["2025-03-16"], [f"{R}.occurrencePeriod.end"]),
    ("ServiceRequest.occurrence.ofType(Period).end", ["2025-03-16"], [f"{R}.occurrencePeriod.end"]),
    ("ServiceRequest.occurrence.ofType(dateTime)", [], []),
    ("Patient.deceased", ["false"], [f"{P}.deceasedBoolean"]),
    ("Patient.deceased.ofType(boolean)", ["false"], [f"{P}.deceasedBoolean"]),
    ("Observation.value.value", ["1.10"], [f"{O}.valueQuantity.value"]),
    ("Patient.telecom.rank", ["2"], [f"{P}.telecom[0].rank"]),
    ("Patient.active", ["true"], [f"{P}.active"]),
    # filters
    (
        "Patient.identifier.where(system='https://fhir.nhs.uk/Id/nhs-number').value",
        ["9990123454"],
        [f"{P}.identifier[0].value"],
    ),
    (
        "Patient.name.where(use='nickname' and given.exists()).given",
        ["Roz"],
        [f"{P}.name[1].given[0]"],
    ),
    ("Patient.name.where(use='old' or use='nickname').given", ["Roz"], [f"{P}.name[1].given[0]"]),
    ("Patient.name.where(use!='official').given", ["Roz"], [f"{P}.name[1].given[0]"]),
    ("Patient.name.where(family.empty()).given", ["Roz"], [f"{P}.name[1].given[0]"]),
    ("Patient.name.where(family.exists().not()).given", ["Roz"], [f"{P}.name[1].given[0]"]),
    ("Patient.name.where(family!='x').use", ["official"], [f"{P}.name[0].use"]),  # empty is neither
    ("Patient.name.where(use in ('usual' | 'official')).use", ["official"], [f"{P}.name[0].use"]),
    ("Patient.name.where(use in ('usual', 'official')).use", ["official"], [f"{P}.name[0].use"]),
    ("Patient.name.where('Ann' in given).use", ["official"], [f"{P}.name[0].use"]),
    ("Patient.name.where(given='Ann').use", [], []),  # two names are not one
    ("Patient.name.where(given='Rosalind').use", [], []),
    ("Patient.name.where(family='x' and use='nickname').given", [], []),  # empty and true
    ("Patient.where(active=1).id", [], []),  # true is no number
    ("Patient.name.given.where($this='Ann')", ["Ann"], [f"{P}.name[0].given[1]"]),
    ("Patient.name.given.where(startsWith('Ro'))", ["Rosalind", "Roz"], None),
    ("Patient.name.given.where(endsWith('nn'))", ["Ann"], [f"{P}.name[0].given[1]"]),
    ("Patient.name.given.where(contains('sal'))", ["Rosalind"], [f"{P}.name[0].given[0]"]),
    ("Patient.name.given.where(matches('^Ro[sz]$'))", ["Roz"], [f"{P}.name[1].given[0]"]),
    ("Patient.telecom.where(rank=2).value", ["01632 960001"], [f"{P}.telecom[0].value"]),
    ("Patient.telecom.where(rank='2').value", [], []),  # a text is no number
    ("Patient.where(active).id", ["p1"], [f"{P}.id"]),
    ("Patient.where(active=true).id", ["p1"], [f"{P}.id"]),
    ("Observation.value.where(value=1.1).unit", ["mg"], [f"{O}.valueQuantity.unit"]),
    ("%bundle.entry.resource.where(is(Patient)).id", ["p1"], [f"{P}.id"]),
    ("Bundle.entry.resource.ofType(Patient).id", ["p1"], [f"{P}.id"]),
    # references
    ("ServiceRequest.subject.resolve().id", ["p1"], [f"{P}.id"]),
    ("ServiceRequest.performer.resolve().name", ["Hospice"], ["entry[4].resource.name"]),
    ("ServiceRequest.performer.resolve().ofType(Practitioner).name.text", ["Dr Example"], None),
    ("ServiceRequest.requester.resolve().organization.resolve().name", ["Trust"], None),
    ("focus().status", ["active"], [f"{R}.status"]),
    (
        "MessageHeader.destination.receiver.resolve().identifier"
        ".where(system='https://fhir.nhs.uk/Id/ods-organization-code').value",
        ["8HX99"],
        ["entry[4].resource.identifier[0].value"],
    ),
    ("(MessageHeader.sender | MessageHeader.responsible).resolve().name", ["Trust"], None),
    # extensions, absence
    ("Patient.birthDate", [], []),
    ("Patient.birthDate.exists()", ["false"], ["Patient.birthDate.exists()"]),
    (
        f"Patient.birthDate.extension('{ABSENT}').value",
        ["masked"],
        [f"{P}.birthDate.extension[0].valueCode"],
    ),
    ("Patient.extension('https://example.org/none').value", [], []),
    # answers and literals stand at the path itself
    ("Patient.name.exists()", ["true"], ["Patient.name.exists()"]),
    ("Patient.name.exists(use='old')", ["false"], ["Patient.name.exists(use='old')"]),
    (
        "Patient.telecom.value = '01632 960001'",
        ["true"],
        ["Patient.telecom.value = '01632 960001'"],
    ),
    ("Patient.gender = 'male'", [], []),
    ("'a\\'b'", ["a'b"], ["'a\\'b'"]),
    (r"Patient.telecom.value.where(matches('\\d{5} \\d+'))", ["01632 960001"], None),
    (r"'\u00e9\n'", ["é\n"], None),
    # structures have no text of their own
    ("Patient.name", [], []),
    ("ServiceRequest.code", [], []),
    # both names of one thing, once
    ("(Patient.name.use | Patient.name[0].use)", ["official", "nickname"], None),
]


@pytest.fixture(name="referral")
def _referral() -> FhirMessage:
    (referral,) = messages(message())
    return referral


@pytest.mark.parametrize(("text", "values", "places"), FOUND, ids=[case[0] for case in FOUND])
def test_a_path_finds_its_values_at_their_places(
    referral: FhirMessage, text: str, values: list[str], places: list[str] | None
) -> None:
    path = FORMAT.compile_path(text)

    assert list(path.values(referral.root)) == values
    assert len(path.places(referral.root)) == len(values)
    assert places is None or list(path.places(referral.root)) == places


def each(referral: FhirMessage, text: str) -> list[Node]:
    return list(FORMAT.compile_path(text).nodes(referral.root))


def values(path: str, node: Node) -> list[str]:
    return list(FORMAT.compile_path(path).values(node))


def test_paths_go_on_from_each_node_and_back_to_the_bundle(referral: FhirMessage) -> None:
    official, nickname = each(referral, "Patient.name")

    assert values("given", official) == ["Rosalind", "Ann"]
    assert values("$this.given", nickname) == ["Roz"]
    assert values("ServiceRequest.status", nickname) == ["active"]
    assert values("%bundle.type", nickname) == ["message"]
    assert FORMAT.compile_path("given").places(nickname) == [f"{P}.name[1].given[0]"]


def test_the_resource_of_a_node_is_at_hand_a_contained_ones_holder_too(
    referral: FhirMessage,
) -> None:
    (_, second) = each(referral, "ServiceRequest.note")
    (inner,) = each(referral, "ServiceRequest.contained.name")

    assert values("%resource.status", second) == ["active"]
    assert values("%resource.status", inner) == ["active"]
    assert values("ServiceRequest.note.where(%resource.status='active').text", referral.root) == [
        "First note",
        "Second note",
    ]


def test_a_resource_type_means_the_resource_itself_when_asked_of_one(referral: FhirMessage) -> None:
    _trust, hospice = each(referral, "Organization")

    assert values("Organization.name", hospice) == ["Hospice"]
    assert values("Patient.id", hospice) == ["p1"]


def test_each_goes_over_primitives_too_and_leaves_out_the_absent(referral: FhirMessage) -> None:
    assert [values("$this", one) for one in each(referral, "Patient.name[0].given")] == [
        ["Rosalind"],
        ["Ann"],
    ]
    assert each(referral, "Patient.birthDate") == []


def test_sections_within_sections_are_found_by_repeat() -> None:
    composition: dict[str, Any] = {
        "resourceType": "Composition",
        "section": [
            {"title": "A", "section": [{"title": "A1"}, {"title": "A2"}]},
            {"title": "B"},
        ],
    }
    (document,) = messages(composition)

    assert values("Composition.repeat(section).title", document.root) == ["A", "B", "A1", "A2"]


def test_a_missing_name_with_extensions_keeps_the_positions_of_the_others() -> None:
    patient = {
        "resourceType": "Patient",
        "name": [
            {
                "given": [None, "Ann"],
                "_given": [{"extension": [{"url": ABSENT, "valueCode": "unknown"}]}, None],
            }
        ],
    }
    (found,) = messages(patient)
    path = FORMAT.compile_path("Patient.name.given[1]")

    assert found.issues == ()
    assert list(path.values(found.root)) == ["Ann"]
    assert list(path.places(found.root)) == ["name[0].given[1]"]
    assert values(f"Patient.name.given[0].extension('{ABSENT}').value", found.root) == ["unknown"]
    assert list(found.leaves()) == [
        "name[0].given[0].extension[0].url",
        "name[0].given[0].extension[0].valueCode",
        "name[0].given[1]",
    ]


def test_an_absent_last_name_is_not_the_last_one() -> None:
    extension = [{"url": ABSENT, "valueCode": "unknown"}]
    name = {"given": ["Ann"], "_given": [None, {"extension": extension}]}
    (found,) = messages({"resourceType": "Patient", "name": [name]})

    assert values("Patient.name.given", found.root) == ["Ann"]
    assert values("Patient.name.given.last()", found.root) == ["Ann"]
    assert values("Patient.name.given[1].extension.value", found.root) == ["unknown"]


def test_extensions_within_extensions_are_found_by_url() -> None:
    nationality = {
        "url": LANGUAGE,
        "extension": [{"url": "code", "valueCodeableConcept": {"text": "British"}}],
    }
    (found,) = messages({"resourceType": "Patient", "extension": [nationality]})

    assert values(f"Patient.extension('{LANGUAGE}').extension('code').value.text", found.root) == [
        "British"
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [("1.10", "1.10"), ("1e2", "100"), ("-0.000", "-0.000"), ("1e99", "1E+99"), ("7", "7")],
)
def test_numbers_keep_their_digits(written: str, told: str) -> None:
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{written}}}}}'
    (found,) = FORMAT.read(body.encode())

    assert values("Observation.value.value", found.root) == [told]

"""What a reference means inside a message, and whose a bundle's resources are."""

from __future__ import annotations

from typing import Any

import pytest
from fhir_r4_fixtures import NHS_NUMBER

from service.formats.fhir_r4 import FORMAT, messages

UUID = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a"
URN = f"urn:uuid:{UUID}"
BASE = "https://trust.example/fhir"
ONE, TWO = "9990123454", "9994512307"


def entry(resource: dict[str, Any], url: str = "") -> dict[str, Any]:
    return {"fullUrl": url, "resource": resource} if url else {"resource": resource}


def patient(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"text": name}], **more}


def identified(system: str, value: str) -> dict[str, Any]:
    return {"identifier": {"system": system, "value": value}}


def numbered(number: str) -> dict[str, Any]:
    return identified(NHS_NUMBER, number)


def request(subject: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "subject": subject, **more}


def bundle(*entries: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def to(reference: str) -> dict[str, Any]:
    return {"reference": reference}


A = [numbered(ONE)["identifier"]]
B = [numbered(TWO)["identifier"]]
FOUND: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    ("urn:uuid", to(URN), [entry(patient("A"), URN)]),
    (
        "urn:uuid in capitals",
        to(URN.upper().replace("URN:UUID", "urn:uuid")),
        [entry(patient("A"), URN)],
    ),
    ("UUID without its scheme", to(UUID), [entry(patient("A"), URN)]),
    ("urn:uuid of a resource by its id", to(URN), [entry(patient("A", id=UUID))]),
    ("Type/id", to("Patient/1"), [entry(patient("A", id="1"))]),
    ("Type/id under a urn:uuid", to("Patient/1"), [entry(patient("A", id="1"), URN)]),
    ("a version", to("Patient/1/_history/3"), [entry(patient("A", id="1"))]),
    ("absolute", to(f"{BASE}/Patient/1"), [entry(patient("A"), f"{BASE}/Patient/1")]),
    (
        "relative to its own server",
        to("Patient/1"),
        [
            entry(patient("B", id="1"), "https://other.example/Patient/1"),
            entry(patient("A", id="1"), f"{BASE}/Patient/1"),
        ],
    ),
    (
        "identifier",
        numbered(ONE),
        [entry(patient("A", identifier=A)), entry(patient("B", identifier=B))],
    ),
    (
        "identifier and type",
        {"type": "Patient", **numbered(ONE)},
        [
            entry(patient("A", identifier=A)),
            entry({"resourceType": "Person", "identifier": A}),
        ],
    ),
    (
        "identifier where the address is elsewhere",
        {**to("Patient/77"), **numbered(ONE)},
        [
            entry(patient("A", identifier=A)),
        ],
    ),
    (
        "condition",
        to(f"Patient?identifier={NHS_NUMBER}|{ONE}"),
        [entry(patient("A", identifier=A))],
    ),
    (
        "condition, escaped",
        to(f"Patient?identifier={NHS_NUMBER}%7C{ONE}"),
        [entry(patient("A", identifier=A))],
    ),
    ("the same resource twice", to(URN), [entry(patient("A"), URN), entry(patient("A"), URN)]),
]
NOT_FOUND: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    ("nothing there", to("Patient/2"), [entry(patient("A", id="1"))]),
    ("another type", to("Patient/1"), [entry({"resourceType": "Person", "id": "1"})]),
    ("two under one address", to(URN), [entry(patient("A"), URN), entry(patient("B"), URN)]),
    ("three under one address", to(URN), [entry(patient(n), URN) for n in "ABA"]),
    ("another server", to("https://other.example/Patient/1"), [entry(patient("A", id="1"), URN)]),
    (
        "relative, on another server only",
        to("Patient/1"),
        [
            entry(patient("A", id="1"), "https://other.example/Patient/1"),
        ],
    ),
    (
        "two with the identifier",
        numbered(ONE),
        [
            entry(patient("A", identifier=A)),
            entry(patient("B", identifier=A)),
        ],
    ),
    (
        "another identifier system",
        identified("https://x.example", ONE),
        [entry(patient("A", identifier=A))],
    ),
    (
        "a condition on more",
        to(f"Patient?identifier={NHS_NUMBER}|{ONE}&active=true"),
        [entry(patient("A", identifier=A))],
    ),
    ("display only", {"display": "A"}, [entry(patient("A", id="1"))]),
    ("no contained one of that name", to("#x"), [entry(patient("A", id="x"))]),
]


def resolved(reference: dict[str, Any], others: list[dict[str, Any]]) -> list[str]:
    mine = entry(request(reference), f"{BASE}/ServiceRequest/1")
    (found,) = messages(bundle(mine, *others, kind="message"))
    return list(
        FORMAT.compile_path("ServiceRequest.subject.resolve().name.text").values(found.root)
    )


@pytest.mark.parametrize(("reference", "others"), [f[1:] for f in FOUND], ids=[f[0] for f in FOUND])
def test_a_reference_leads_to_the_resource_it_means(
    reference: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    assert resolved(reference, others) == ["A"]


@pytest.mark.parametrize(
    ("reference", "others"), [f[1:] for f in NOT_FOUND], ids=[f[0] for f in NOT_FOUND]
)
def test_a_reference_that_is_not_certain_leads_nowhere(
    reference: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    assert resolved(reference, others) == []


def test_contained_resources_belong_to_the_one_that_holds_them() -> None:
    def holder(name: str) -> dict[str, Any]:
        return entry(request(to("#p"), contained=[patient(name, id="p")]))

    (found,) = messages(bundle(holder("A"), holder("B"), kind="message"))
    path = FORMAT.compile_path("ServiceRequest.subject.resolve()")

    assert [FORMAT.compile_path("name.text").values(node) for node in path.nodes(found.root)] == [
        ["A"],
        ["B"],
    ]
    assert FORMAT.compile_path("ServiceRequest.subject.resolve().name.text").places(found.root) == [
        "entry[0].resource.contained[0].name[0].text",
        "entry[1].resource.contained[0].name[0].text",
    ]


def test_a_contained_resource_refers_to_its_neighbours_and_its_holder() -> None:
    inner = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": to("#d"),
        "organization": to("#"),
    }
    doctor = {"resourceType": "Practitioner", "id": "d", "name": [{"text": "Dr Example"}]}
    (found,) = messages(request(to("Patient/1"), contained=[inner, doctor], requester=to("#r")))
    role = "ServiceRequest.requester.resolve()"

    def values(path: str) -> list[str]:
        return list(FORMAT.compile_path(path).values(found.root))

    assert values(f"{role}.practitioner.resolve().name.text") == ["Dr Example"]
    assert values(f"{role}.organization.resolve().subject.reference") == ["Patient/1"]


def test_resources_of_a_bundle_within_the_bundle_are_found() -> None:
    inner = bundle(entry(patient("A", id="1")), kind="document")
    (found,) = messages(
        bundle(entry({"resourceType": "MessageHeader"}), entry(inner), kind="message")
    )

    assert FORMAT.compile_path("Patient.name.text").places(found.root) == [
        "entry[1].resource.entry[0].resource.name[0].text"
    ]


def test_two_resources_under_one_address_are_told() -> None:
    (found,) = messages(bundle(entry(patient("A"), URN), entry(patient("B"), URN), kind="message"))

    assert [(issue.code, issue.source) for issue in found.issues] == [
        ("duplicate", "entry[1].resource")
    ]

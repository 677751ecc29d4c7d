"""Bundles of several patients: a message for each, with what belongs to that patient."""

from __future__ import annotations

from typing import Any

import pytest
from fhir_r4_fixtures import NHS_NUMBER

from service.formats.fhir_r4 import FORMAT, FhirMessage, messages

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
P1 = entry(patient("A", id="1", identifier=A, managingOrganization=to("Organization/own")))
P2 = entry(patient("B", id="2", identifier=B))
ENTRIES: dict[str, dict[str, Any]] = {
    "p1": P1,
    "p2": P2,
    "sr1": entry(request(to("Patient/1"), id="1", requester=to("Practitioner/d"))),
    "sr2": entry(request(numbered(TWO), id="2", requester=to("Practitioner/d"))),
    "com1": entry({"resourceType": "Communication", "basedOn": [to("ServiceRequest/1")]}),
    "doctor": entry({"resourceType": "Practitioner", "id": "d"}),
    "own": entry({"resourceType": "Organization", "id": "own"}),
    "lone": entry({"resourceType": "Organization", "id": "lone"}),
    "list": entry(
        {
            "resourceType": "List",
            "entry": [{"item": to("ServiceRequest/1")}, {"item": to("ServiceRequest/2")}],
        }
    ),
    "far3": entry(request(to("Patient/3"))),
    "far3b": entry(request({**to("Patient/3"), **numbered("9998765439")})),
    "far3c": entry(request(to(f"Patient?identifier={NHS_NUMBER}|9998765439"))),
    "display": entry(request({"display": "A", "type": "Patient"})),
    "twin1": entry(patient("A again", identifier=A)),
    "linked": entry(patient("old", id="9", link=[{"other": to("Patient/1"), "type": "replaces"}])),
}
ENTRIES["nosy"] = entry(
    patient("B", id="5", extension=[{"url": "x", "valueReference": to("ServiceRequest/1")}])
)
SPLITS: list[tuple[str, list[str]]] = [
    ("p1 sr1 com1 doctor own lone", ["p1 sr1 com1 doctor own lone"]),
    ("lone", ["lone"]),
    ("", [""]),
    ("p1 p2 sr1 sr2 com1 doctor own lone", ["p1 sr1 com1 doctor own lone", "p2 sr2 doctor lone"]),
    ("p2 p1 sr1 sr2", ["p2 sr2", "p1 sr1"]),
    ("p1 p2 sr1 sr2 list", ["p1 sr1 list", "p2 sr2 list"]),
    ("p1 sr1 far3", ["p1 sr1", "far3"]),
    ("far3 far3b far3c", ["far3 far3b far3c"]),
    ("p1 sr1 display", ["p1 sr1 display"]),
    ("p1 twin1 sr1", ["p1 twin1 sr1"]),
    ("p1 linked sr1", ["p1 linked sr1"]),
    ("p1 sr1 nosy", ["p1 sr1", "nosy"]),
    ("p1 p2 own doctor", ["p1 own doctor", "p2 doctor"]),
]


def names(found: FhirMessage, held: list[str]) -> str:
    kept = found.resource["entry"]
    return " ".join(name for name, one in zip(held, kept, strict=True) if one is not None)


@pytest.mark.parametrize(("held", "expected"), SPLITS, ids=[s[0] or "empty" for s in SPLITS])
@pytest.mark.parametrize("kind", ["transaction", "batch", "collection"])
def test_a_bundle_of_several_patients_is_a_message_each(
    held: str, expected: list[str], kind: str
) -> None:
    found = messages(bundle(*(ENTRIES[name] for name in held.split()), kind=kind))

    assert [names(one, held.split()) for one in found] == expected
    assert [(one.part, one.parts) for one in found] == [
        (part, len(expected)) for part in range(1, len(expected) + 1)
    ]


def test_each_patients_message_has_an_id_places_and_issues_of_its_own() -> None:
    whole = bundle(P1, P2, ENTRIES["sr1"], entry(request(numbered(TWO), oops=1)), kind="batch")
    whole["identifier"] = {"value": "B-1"}

    first, second = messages(whole)

    assert (first.message_id, second.message_id) == ("B-1#1", "B-1#2")
    assert FORMAT.compile_path("ServiceRequest.subject.identifier.value").places(second.root) == [
        "entry[3].resource.subject.identifier.value"
    ]
    assert list(FORMAT.compile_path("Bundle.entry.resource.name.text").values(first.root)) == ["A"]
    assert first.issues == ()
    assert [issue.source for issue in second.issues] == ["entry[3].resource.oops"]
    assert not any(leaf.startswith("entry[3]") for leaf in first.leaves())


def test_a_reference_to_another_patients_resource_is_not_followed() -> None:
    first, second = messages(bundle(*map(ENTRIES.get, ("p1", "p2", "sr1", "sr2", "list"))))
    path = FORMAT.compile_path("List.entry.item.resolve().id")

    assert list(path.values(first.root)) == ["1"]
    assert list(path.values(second.root)) == ["2"]


@pytest.mark.parametrize("kind", ["message", "document"])
def test_a_message_or_document_stays_whole_whoever_is_in_it(kind: str) -> None:
    assert len(messages(bundle(P1, P2, kind=kind))) == 1

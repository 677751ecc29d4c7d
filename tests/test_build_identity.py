"""What was sent before is found again, and gets a new version instead of a double."""

from __future__ import annotations

from dataclasses import replace

import orjson
from build_fixtures import HOSPICE, discharge, made

from service.fhir.build import Held, Known, identity_keys, succeeded
from service.fhir.index import index_keys
from service.fhir.validate import check
from service.model import Diagnosis, Document, Identifier, Patient, Request


def held(kind, number, version=1):
    return Held(type=kind, id=number, version=version)


def test_every_key_is_one_under_which_the_built_resource_is_found():
    transfer = discharge(requests=(Request(identifiers=(Identifier(value="R1"),)),))
    built = made(transfer, HOSPICE)

    found = {(each["resourceType"], key) for each in built.resources for key in index_keys(each)}
    wanted = {(identity.type, identity.key) for identity in identity_keys(transfer)}
    assert wanted <= found
    assert {kind for kind, _ in wanted} == {
        "Patient", "Encounter", "ServiceRequest", "DocumentReference", "Condition", "Procedure",
        "AllergyIntolerance", "MedicationStatement",
    }  # fmt: skip


def test_a_patient_is_looked_up_by_the_senders_numbers_before_the_nhs_number():
    values = [i.key[1] for i in identity_keys(discharge()) if i.slot == "patient"]

    assert values == [
        "https://fhir.nhs.uk/RJZ/Id/RJZ|K123456",
        "https://fhir.nhs.uk/Id/nhs-number|9990123454",
    ]


def test_what_the_sender_posted_is_not_looked_up():
    assert identity_keys(discharge(patient=Patient(reference="Patient/p"), documents=())) == tuple(
        each for each in identity_keys(discharge(documents=())) if each.type == "Encounter"
    )


def test_what_is_known_keeps_its_id_and_gets_the_next_version():
    known = Known(patient=held("Patient", "p-1", 3), encounter=held("Encounter", "e-1"))
    built = made(discharge(), HOSPICE, known=known)

    patient, encounter = built.resources[:2]
    assert (patient["id"], patient["meta"]["versionId"]) == ("p-1", "4")
    assert (encounter["id"], encounter["meta"]["versionId"]) == ("e-1", "2")
    assert built.communications[0][1]["subject"]["reference"] == "Patient/p-1"


def test_the_same_diagnosis_of_the_same_stay_is_the_same_condition():
    again = discharge(message=replace(discharge().message, id="MSG00043"))
    elsewhere = discharge(encounter=replace(discharge().encounter, identifiers=()))

    def keys(transfer):
        return {i.key for i in identity_keys(transfer) if i.type == "Condition"}

    assert keys(discharge()) == keys(again)
    assert keys(discharge()).isdisjoint(keys(elsewhere))


def test_a_diagnosis_sent_twice_is_two_conditions():
    transfer = discharge(diagnoses=(Diagnosis(text="Pain"), Diagnosis(text="Pain")))

    keys = [i.key for i in identity_keys(transfer) if i.type == "Condition"]

    assert len(set(keys)) == 2


def test_parts_that_would_join_alike_are_told_apart():
    one = discharge(diagnoses=(Diagnosis(code="a", display="bc"),))
    other = discharge(diagnoses=(Diagnosis(code="ab", display="c"),))

    assert identity_keys(one) != identity_keys(other)


def test_statements_about_a_patient_without_a_number_are_not_tied_together():
    nobody = discharge(patient=Patient(family="Unknown"))

    assert {i.type for i in identity_keys(nobody)} == {"Encounter", "DocumentReference"}
    condition = next(
        each for each in made(nobody, HOSPICE).resources if each["resourceType"] == "Condition"
    )
    assert "identifier" not in condition


def test_one_number_for_two_requests_does_not_make_them_one():
    same = Request(identifiers=(Identifier(value="R1"),))
    known = Known({f"requests[{i}]": held("ServiceRequest", "s-1") for i in (0, 1)})
    built = made(discharge(requests=(same, same)), HOSPICE, known=known)

    ids = [each["id"] for each in built.resources if each["resourceType"] == "ServiceRequest"]
    assert len(set(ids)) == 2
    assert [issue.code for issue in built.issues] == ["duplicate"]


def test_a_document_that_is_replaced_becomes_superseded():
    transfer = discharge(documents=(Document(id="D2", replaces="D1", content=b"x"),))
    old = next(
        each
        for each in made(discharge(), HOSPICE).resources
        if each["resourceType"] == "DocumentReference"
    )
    old["id"] = "d-old"
    known = Known({"replaced[0]": held("DocumentReference", "d-old")})
    built = made(transfer, HOSPICE, known=known)

    (succession,) = built.successions
    changed = succeeded(orjson.loads(orjson.dumps(old)), succession)
    assert (changed["status"], changed["meta"]["versionId"]) == ("superseded", "2")
    assert {**changed, "status": "current", "meta": old["meta"]} == old
    assert check(changed) == []


def test_a_record_that_was_merged_away_says_which_took_its_place():
    patient = replace(discharge().patient, merged_identifiers=(Identifier(value="K1"),))
    known = Known(merged=held("Patient", "p-old", 2), patient=held("Patient", "p-new"))
    built = made(discharge(kind="patient-merge", patient=patient), HOSPICE, known=known)

    (succession,) = built.successions
    stored = {"resourceType": "Patient", "id": "p-old", "meta": {"versionId": "2"}, "active": True}
    changed = succeeded(stored, succession)

    assert changed["active"] is False
    assert changed["link"] == [{"other": {"reference": "Patient/p-new"}, "type": "replaced-by"}]
    assert built.resources[0]["link"][0]["other"]["reference"] == "Patient/p-old"

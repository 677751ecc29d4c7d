"""What each resource says, and what it leaves unsaid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build_fixtures import HOSPICE, NOW, ORIGIN, PRACTICE, TRANSACTION, discharge, made

from service.fhir.systems import NHS_NUMBER, ODS
from service.fhir.validate import check
from service.model import (
    Address,
    Allergy,
    Coded,
    Contact,
    Diagnosis,
    Document,
    Encounter,
    Identifier,
    Moment,
    OdsCode,
    Organisation,
    PartialDate,
    Patient,
    Practitioner,
    Procedure,
    Request,
    Section,
    Telecom,
)

ABSENT = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "unknown",
        }
    ]
}


def one(resource_type: str, **changes: Any) -> dict[str, Any]:
    """Return the first resource of a type that is built of the changed discharge."""
    built = made(discharge(**changes), HOSPICE, PRACTICE)
    return next(each for each in built.resources if each["resourceType"] == resource_type)


def patient(**changes: Any) -> dict[str, Any]:
    return one("Patient", patient=replace(discharge().patient, **changes))


def encounter(kind: str = "discharge", **changes: Any) -> dict[str, Any]:
    return one("Encounter", kind=kind, encounter=replace(discharge().encounter, **changes))


# --- Patient


def test_a_verified_nhs_number_carries_its_status():
    number = patient()["identifier"][0]

    assert (number["system"], number["value"]) == (NHS_NUMBER, "9990123454")
    coding = number["extension"][0]["valueCodeableConcept"]["coding"][0]
    assert coding["code"] == "01"


def test_a_status_that_was_not_sent_is_not_made_up():
    assert "extension" not in patient(nhs_number_status=None)["identifier"][0]


def test_a_status_that_is_none_is_told_and_left_out():
    built = made(discharge(patient=replace(discharge().patient, nhs_number_status="99")), HOSPICE)

    assert "extension" not in built.resources[0]["identifier"][0]
    assert [issue.target for issue in built.issues] == ["patient.nhs_number_status"]
    assert "nhs_number_status" in built.communications[0][1]["note"][-1]["text"]


def test_without_an_nhs_number_the_reason_is_told_where_it_is_known():
    extension = patient(nhs_number=None, nhs_number_unavailable="overseas-patient")["extension"][0]

    assert extension["valueCodeableConcept"]["coding"][0]["code"] == "overseas-patient"


def test_local_numbers_live_in_the_senders_own_space():
    given = (
        Identifier(value="1", authority="PAS 2"),
        Identifier(value="2"),
        Identifier(value="3", system="local"),
        Identifier(value="4", system="urn:oid:1.2", authority="Ward", type="ZZ"),
    )

    systems = [each["system"] for each in patient(identifiers=given)["identifier"][1:]]

    assert systems == [
        "https://fhir.nhs.uk/RJZ/Id/PAS%202",
        "https://fhir.nhs.uk/RJZ/Id/patient",
        "https://fhir.nhs.uk/RJZ/Id/local",
        "urn:oid:1.2",
    ]
    last = patient(identifiers=given)["identifier"][-1]
    assert last["assigner"] == {"display": "Ward"}
    assert last["type"] == {"text": "ZZ"}  # not in table 0203, so no code of it


def test_a_birth_date_keeps_its_precision():
    assert patient(birth_date=PartialDate("1946"))["birthDate"] == "1946"


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("discharge", {}, {}),
        ("discharge", {"deceased": False}, {"deceasedBoolean": False}),
        ("death", {"deceased": False}, {"deceasedBoolean": True}),
        ("death", {"died_at": Moment("2025-03-14")}, {"deceasedDateTime": "2025-03-14"}),
    ],
)
def test_a_death_is_told_as_precisely_as_it_is_known(kind, changes, expected):
    resource = one("Patient", kind=kind, patient=replace(discharge().patient, **changes))

    assert {k: v for k, v in resource.items() if k.startswith("deceased")} == expected


def test_a_number_without_a_kind_is_a_telephone_number_or_an_address():
    telecoms = (Telecom(value="01632 960001"), Telecom(value="a@example.org"))

    assert [each["system"] for each in patient(telecoms=telecoms)["telecom"]] == ["phone", "email"]


def test_of_a_contact_only_the_relationship_may_be_known():
    contact = patient(contacts=(Contact(relationship=Coded(text="Wife")),))["contact"][0]

    assert contact == {"relationship": [{"text": "Wife"}], "name": ABSENT}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("cy", {"coding": [{"system": "urn:ietf:bcp:47", "code": "cy"}]}),
        ("British Sign Language", {"text": "British Sign Language"}),
    ],
)
def test_a_language_is_coded_only_if_it_is_a_code(language, expected):
    assert patient(language=language)["communication"] == [{"language": expected}]


def test_empty_parts_leave_nothing_behind():
    nameless = {"family": None, "given": (), "prefix": None}
    resource = patient(addresses=(Address(),), contacts=(Contact(),), **nameless)

    assert resource.keys() & {"address", "contact", "name"} == set()


def test_a_merged_record_is_linked_as_replaced():
    link = one(
        "Patient",
        kind="patient-merge",
        patient=replace(discharge().patient, merged_identifiers=(Identifier(value="K1"),)),
    )["link"][0]

    assert link["type"] == "replaces"
    assert link["other"]["identifier"]["value"] == "K1"


# --- Organisations and people


def test_an_organisation_of_the_directory_is_referred_to_literally_and_by_code():
    provider = encounter()["serviceProvider"]

    assert provider["reference"] == "Organization/RJZ"
    assert provider["identifier"] == {"system": ODS, "value": "RJZ"}
    assert provider["display"].startswith("King's")


def test_one_that_is_not_in_the_directory_is_referred_to_by_code_only():
    practice = patient()["generalPractitioner"][0]

    assert practice == {
        "type": "Organization",
        "identifier": {"system": ODS, "value": "G85001"},
        "display": "Example Surgery",
    }


def test_a_professional_is_told_in_words_with_the_number():
    who = Practitioner(
        id="C1",
        id_system="https://fhir.hl7.org.uk/Id/gmc-number",
        family="Darwin",
        given=("Samuel",),
        prefix="Dr",
        role="Consultant",
        organisation=Organisation(ods=OdsCode("RJZ"), name="King's"),
        telecoms=(Telecom(value="020 7946 0001"),),
    )

    attender = encounter(consultant=who)["participant"][0]

    assert attender["type"][0]["coding"][0]["code"] == "ATND"
    assert attender["individual"] == {
        "type": "Practitioner",
        "identifier": {"system": "https://fhir.hl7.org.uk/Id/gmc-number", "value": "C1"},
        "display": "Dr Samuel Darwin, Consultant, King's (RJZ), 020 7946 0001",
    }


# --- Encounter


@pytest.mark.parametrize(
    ("kind", "changes", "status"),
    [
        ("discharge", {"discharged_at": None}, "finished"),
        ("death", {"discharged_at": None}, "finished"),
        ("discharge-cancelled", {}, "in-progress"),
        ("referral", {}, "finished"),
        ("referral", {"discharged_at": None}, "in-progress"),
        ("referral", {"discharged_at": None, "admitted_at": None}, "unknown"),
    ],
)
def test_the_status_of_a_stay_follows_from_what_is_known(kind, changes, status):
    assert encounter(kind, **changes)["status"] == status


def test_a_cancelled_discharge_leaves_the_stay_without_an_end():
    assert encounter("discharge-cancelled")["period"] == {"start": "2025-03-02T09:30:00+00:00"}


@pytest.mark.parametrize(
    ("klass", "sent", "expected"),
    [
        ("IMP", "I", {"code": "IMP", "display": "inpatient encounter"}),
        (None, "P", {**ABSENT, "display": "P"}),
        (None, None, ABSENT),
        ("ward", None, {**ABSENT, "display": "ward"}),
    ],
)
def test_a_class_that_is_not_known_says_so(klass, sent, expected):
    made_class = encounter(klass=klass, patient_class=sent)["class"]

    assert {k: v for k, v in made_class.items() if k != "system"} == expected


@pytest.mark.parametrize(
    ("start", "end", "expected", "doubtful"),
    [
        ("2025-03-02", "2025-03-14", {"start": "2025-03-02", "end": "2025-03-14"}, False),
        ("2025-03-15", "2025-03-14", {"end": "2025-03-14"}, True),
        (
            "2025-03-14T10:00:00Z", "2025-03-14",
            {"start": "2025-03-14", "end": "2025-03-14"}, False,
        ),
        ("2025-03-14", "2025-03-14T16:00:00Z", {"end": "2025-03-14T16:00:00Z"}, True),
    ],
)  # fmt: skip
def test_a_stay_never_ends_before_it_starts(start, end, expected, doubtful):
    stay = replace(discharge().encounter, admitted_at=Moment(start), discharged_at=Moment(end))
    built = made(discharge(encounter=stay), HOSPICE)

    assert built.resources[1]["period"] == expected
    assert ("encounter" in {issue.target for issue in built.issues}) is doubtful


def test_codes_keep_the_system_that_the_mapping_gave_them_and_texts_stay_texts():
    stay = encounter(
        discharge_destination=Coded(text="Home with carers"),
        discharge_method=Coded(code="1", system="LOCAL"),
        admission_method=Coded(code=" not a code "),
    )

    assert stay["hospitalization"]["dischargeDisposition"] == {"text": "Home with carers"}
    method = stay["extension"][0]["valueCodeableConcept"]
    assert method == {"coding": [{"system": "urn:x-local:LOCAL", "code": "1"}]}
    admission = stay["hospitalization"]["extension"][0]["valueCodeableConcept"]
    assert admission == {"text": " not a code "}


def test_a_discharge_has_a_stay_even_if_nothing_is_known_of_it():
    stay = one("Encounter", encounter=None, diagnoses=())

    assert (stay["status"], stay["class"]) == ("finished", ABSENT)


def test_a_document_without_a_stay_has_none():
    kinds = [
        each["resourceType"]
        for each in made(discharge(kind="document", encounter=None), HOSPICE).resources
    ]

    assert "Encounter" not in kinds


def test_diagnoses_are_ranked_in_the_stay_and_stand_for_themselves():
    diagnoses = (
        Diagnosis(code="C79.5", system="http://hl7.org/fhir/sid/icd-10", kind="F", rank=1),
        Diagnosis(text="Pain", kind="W", rank=0),
        Diagnosis(kind="F"),
    )
    built = made(discharge(diagnoses=diagnoses), HOSPICE)

    stay = built.resources[1]["diagnosis"]
    conditions = [each for each in built.resources if each["resourceType"] == "Condition"]
    assert [each.get("rank") for each in stay] == [1, None]
    assert [each["condition"]["reference"] for each in stay] == [
        f"Condition/{each['id']}" for each in conditions
    ]
    statuses = [each["verificationStatus"]["coding"][0]["code"] for each in conditions]
    assert statuses == ["confirmed", "provisional"]
    assert [issue.target for issue in built.issues] == ["diagnoses[2]"]


# --- Statements


def test_a_procedure_without_a_date_may_not_have_been_done():
    assert one("Procedure", procedures=(Procedure(text="Nerve block"),))["status"] == "unknown"


@pytest.mark.parametrize(
    ("severity", "reaction", "coded", "note"),
    [
        ("mild", "Rash", "mild", None),
        ("SV", "Rash", None, "Severity as sent: SV"),
        ("mild", None, None, "Severity as sent: mild"),
    ],
)
def test_the_severity_of_an_allergy_is_kept(severity, reaction, coded, note):
    allergy = one(
        "AllergyIntolerance",
        allergies=(Allergy(text="Penicillin", reaction=reaction, severity=severity),),
    )

    assert allergy.get("reaction", [{}])[0].get("severity") == coded
    assert allergy.get("note", [{}])[0].get("text") == note


def test_what_a_transaction_posted_itself_is_not_stated_again():
    built = made(discharge(), HOSPICE, origin=TRANSACTION)

    kinds = {each["resourceType"] for each in built.resources}
    assert kinds == {
        "Patient", "Encounter", "DocumentReference", "ServiceRequest", "Provenance",
    }  # fmt: skip


# --- ServiceRequest


def test_a_plan_is_addressed_to_the_recipients_for_action():
    request = one("ServiceRequest")

    assert (request["intent"], request["priority"]) == ("plan", "urgent")
    assert [each["identifier"]["value"] for each in request["performer"]] == ["8HX03"]
    assert request["reasonCode"] == [ABSENT]
    assert request["requester"]["identifier"]["value"] == "RJZ"


def test_a_plan_for_nobody_says_that_nobody_is_known():
    built = made(discharge(), PRACTICE)

    request = next(each for each in built.resources if each["resourceType"] == "ServiceRequest")
    assert request["performer"] == [ABSENT]


def test_a_referral_is_an_order_and_keeps_what_was_sent():
    given = Request(
        identifiers=(Identifier(value="R1"),),
        requisition=Identifier(value="EP-1", system="https://fhir.nhs.uk/RJZ/Id/episode"),
        category=Coded(code="O", system="http://terminology.hl7.org/CodeSystem/v2-0284"),
        requester=Practitioner(name="Dr A Example"),
        requesting_organisation=Organisation(ods=OdsCode("RJZ")),
        reasons=(Coded(text="Cancer pain"),),
        performers=(Organisation(name="Somebody"),),
    )
    request = one("ServiceRequest", kind="referral", requests=(given,))

    assert [each["coding"][0]["code"] for each in request["category"]] == ["3457005", "O"]
    assert request["code"] == ABSENT
    assert request["requisition"]["value"] == "EP-1"
    assert request["requester"]["display"].startswith("Dr A Example, King's")
    assert request["reasonCode"] == [{"text": "Cancer pain"}]
    assert request["performer"] == [{"type": "Organization", "display": "Somebody"}]
    assert "priority" not in request


def test_a_withdrawn_referral_is_revoked_whatever_its_status():
    assert one("ServiceRequest", kind="referral-cancelled")["status"] == "revoked"


def test_two_requests_of_one_message_differ_in_their_numbers():
    built = made(discharge(requests=(Request(), Request())), HOSPICE)

    numbers = {
        each["identifier"][0]["value"]
        for each in built.resources
        if each["resourceType"] == "ServiceRequest"
    }
    assert len(numbers) == 2


# --- Documents


def test_a_document_is_kept_with_its_size_and_digest():
    built = made(discharge(), HOSPICE)

    reference = next(each for each in built.resources if "masterIdentifier" in each)
    attachment = reference["content"][0]["attachment"]
    assert attachment["url"] == f"Binary/{built.contents[0].id}"
    assert (attachment["size"], attachment["hash"]) == (17, "o2tThR4M2VtpcddMwpjkFVETnac=")
    assert built.contents[0].data == b"Discharge summary"


def test_a_document_without_content_says_so():
    built = made(discharge(documents=(Document(id="D"),)), HOSPICE)

    reference = next(each for each in built.resources if "masterIdentifier" in each)
    assert reference["content"][0]["attachment"] == {
        "contentType": "application/octet-stream",
        "_url": ABSENT,
    }
    assert built.contents == ()
    assert [issue.target for issue in built.issues] == ["documents[0]"]


def test_a_document_tells_what_it_replaces_and_how_confidential_it_is():
    documents = (Document(id="2", replaces="1", appends="0", confidentiality="V"),)
    reference = next(
        each
        for each in made(discharge(documents=documents), HOSPICE).resources
        if "relatesTo" in each
    )

    assert [
        (each["code"], each["target"]["identifier"]["value"]) for each in reference["relatesTo"]
    ] == [
        ("replaces", "1"),
        ("appends", "0"),
    ]
    assert reference["securityLabel"][0]["coding"][0]["code"] == "V"


def test_the_message_itself_is_a_document():
    original = next(
        each
        for each in made(discharge(), HOSPICE).resources
        if each.get("type") == {"text": "Message as received"}
    )

    attachment = original["content"][0]["attachment"]
    assert attachment["url"] == f"Binary/{ORIGIN.message_id}"
    assert (attachment["size"], attachment["hash"]) == (ORIGIN.size, ORIGIN.sha1)


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize(
    ("content_type", "narrative", "div"),
    [
        ("text/plain", "a <b> & c\n d", f"{DIV}<pre>a &lt;b&gt; &amp; c\n d</pre></div>"),
        ("application/xhtml+xml", f"{DIV}<p  >as  is</p></div>", f"{DIV}<p  >as  is</p></div>"),
        ("application/xhtml+xml", "<p>part</p>", f"{DIV}<p>part</p></div>"),
        (
            "application/xhtml+xml",
            "<script>x</script>",
            f"{DIV}<pre>&lt;script&gt;x&lt;/script&gt;</pre></div>",
        ),
        ("application/xhtml+xml", "<p>not closed", f"{DIV}<pre>&lt;p&gt;not closed</pre></div>"),
        ("text/plain", " \n", f"{DIV}Nothing was sent under this heading.</div>"),
    ],
)
def test_a_section_is_kept_byte_for_byte_or_shown_as_it_stands(content_type, narrative, div):
    section = Section(title="Plan", narrative=narrative, content_type=content_type)

    composition = one("Composition", sections=(section,))

    assert composition["section"][0]["text"] == {"status": "additional", "div": div}
    assert check(composition) == []


def test_without_sections_there_is_no_composition():
    kinds = {each["resourceType"] for each in made(discharge(sections=()), HOSPICE).resources}

    assert "Composition" not in kinds


# --- Provenance and labels


def test_provenance_names_sender_mapping_message_and_everything_made_of_it():
    built = made(discharge(), HOSPICE)
    *others, provenance = built.resources

    assert [each["reference"] for each in provenance["target"]] == [
        f"{each['resourceType']}/{each['id']}" for each in others
    ]
    assert provenance["policy"][0].endswith("/mapping/rjz-adt-discharge|1.0.0")
    assert provenance["recorded"] == NOW.isoformat(timespec="milliseconds")
    assert [each["type"]["coding"][0]["code"] for each in provenance["agent"]] == [
        "author",
        "assembler",
    ]


def test_a_restricted_record_is_labelled_wherever_it_goes():
    restricted = replace(discharge().patient, restricted=True)
    built = made(discharge(patient=restricted), HOSPICE)

    every = [*built.resources, *(each for _, *pair in built.communications for each in pair)]
    assert {each["meta"]["security"][0]["code"] for each in every} == {"R"}


def test_a_training_message_is_labelled_as_a_test():
    message = replace(discharge().message, processing="T")

    codes = [each["code"] for each in one("Patient", message=message)["meta"]["security"]]

    assert codes == ["HTEST"]


def test_control_characters_are_replaced_and_told():
    built = made(
        discharge(patient=Patient(family="Test\x00patient\x0b")),
        replace(HOSPICE, name="Hospice\x1f"),
    )

    assert built.resources[0]["name"][0]["family"] == "Test\ufffdpatient\ufffd"
    _, communication, _ = built.communications[0]
    assert communication["recipient"][0]["display"] == "Hospice\ufffd"
    assert "control characters" in communication["note"][-1]["text"]
    assert check(communication) == []


def test_what_the_sender_posted_is_referred_to_and_not_built():
    given = discharge(
        patient=Patient(reference="Patient/p"),
        encounter=Encounter(reference="Encounter/e"),
        requests=(Request(reference="ServiceRequest/s"),),
        documents=(Document(reference="DocumentReference/d"),),
    )
    built = made(given, HOSPICE, origin=TRANSACTION)

    assert [each["resourceType"] for each in built.resources] == ["Provenance"]
    _, communication, _ = built.communications[0]
    assert communication["subject"]["reference"] == "Patient/p"
    assert communication["encounter"]["reference"] == "Encounter/e"
    assert communication["basedOn"] == [{"reference": "ServiceRequest/s"}]
    assert communication["about"] == [{"reference": "DocumentReference/d"}]

"""Public CDA samples as they were published: each converts, or is refused for a true reason."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from mapping_samples import CORPUS, fact, shipped

from service.app import Relay
from service.errors import ServiceError
from service.fhir.validate.xhtml import is_narrative
from service.formats.cda import FORMAT
from service.model import OdsCode, TransferOfCare
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not CORPUS.is_dir(), reason="the folder of public samples (../shared/corpus) is not here"
    ),
]
SENDER = OdsCode("RXX")  # a trust without mappings of its own
NO_DOCUMENT = "there is no ClinicalDocument"
UNDECLARED = "undefined namespace"  # xsi: is used and never declared
REF = "C-CDAR2.1"
CCDA = {
    f"Consult Document Closing Referral({REF}).xml": "document",
    f"Consult-Document-Closing-Referral-{REF}.ccda": "document",
    "Discharge_Summary.ccda": "discharge",
    "Discharge_Summary.xml": "discharge",
    "Referral_Note.ccda": "referral",
    "Referral_Note.xml": "referral",
    "Hospital Discharge Studies Summary Section Example.xml": f"{NO_DOCUMENT} of HL7 CDA R2",
    f"Intervention Planned Referral and Note Completeting Referral({REF}).xml": (
        "the document says nothing of its patient"  # a stub of one
    ),
    "Patient Referral Act Example.xml": UNDECLARED,
    f"Planned Encounter - Reason for Referral({REF}).xml": UNDECLARED,
    "Reason for Referral Section (V2) Example.xml": NO_DOCUMENT,
    "Referral Note Callback Contact Example.xml": NO_DOCUMENT,
    "Referral Note Caregiver Example.xml": NO_DOCUMENT,
    "Referral Note informationRecipient Example.xml": NO_DOCUMENT,
}
REPORT = "-itk-request.xml"
NHS = {
    **{f"adastra-itk-ooh-referral-dx{n}{REPORT}": "referral" for n in ("06", "86")},
    **{f"cleric-itk-ooh-referral-dx{n}{REPORT}": "referral" for n in ("09", "10")},
    **{f"ic24-itk-ooh-referral-dx{n}{REPORT}": "referral" for n in ("06", "07")},
    f"conformance-example-adastra-ooh{REPORT}": "referral",
    f"conformance-example-adastra-original{REPORT}": "referral",
    f"conformance-example-ic24-original{REPORT}": "referral",
    f"example-adastra-ooh{REPORT}": "referral",
    "tpp-ooh-T6-skillset.xml": "referral",
    "compositionSectionDiv.xml": NO_DOCUMENT,
    "itkSectionText.xml": NO_DOCUMENT,
}
OUTCOMES = {
    **{f"cda-ccda/{name}": outcome for name, outcome in CCDA.items()},
    **{f"cda-nhs111-itk2/{name}": outcome for name, outcome in NHS.items()},
}
CONVERTED = [
    n for n, outcome in OUTCOMES.items() if outcome in ("discharge", "referral", "document")
]

# Read by hand, not by the service.
FACTS: dict[str, dict[str, Any]] = {
    f"cda-nhs111-itk2/adastra-itk-ooh-referral-dx06{REPORT}": {
        "message.id": "5ABE57EC-7BB0-465B-89BE-62D90962D31C",
        "message.claimed_sender": "RYE",
        "message.sent_at": "2021-04-06T12:33:35+01:00",
        "patient.nhs_number": "9990004951",
        "patient.nhs_number_status": "01",
        "patient.family": "Xxtestpatientdfae",
        "patient.given": ("Btl-Donotuse",),
        "patient.birth_date": "2015-04-01",
        "patient.gender": "female",
        "patient.addresses[].postcode": ("SO40 2RZ",),
        "patient.gp_practice.ods": "J82633",
        "patient.identifiers[].authority": ("RYE:SCAS111",),
        "encounter.admitted_at": "2021-04-06T11:54:11+01:00",
        "encounter.discharged_at": "2021-04-06T12:33:27+01:00",
        "encounter.consultant.role": "Medical Director",
        "requests[].priority": ("asap",),
        "requests[].priority_text": ("To contact a local service within 6 hours",),
        "requests[0].service.code": "Dx06",
        "requests[0].requester.family": "McDonald",
        "recipients[].ods": ("RSHSO14A", "J82633", "RSHSO14A"),
        "recipients[].role": ("action", "information", "information"),
        "documents[].content_type": ("application/xml", "text/xml"),
        "sections[].title": (
            *("Patient's Reported Condition", "Pathways Disposition", "Consultation Summary"),
            *("Pathways Assessment", "Advice Given", "Information And Advice Given", "Disposition"),
        ),
    },
    f"cda-nhs111-itk2/adastra-itk-ooh-referral-dx86{REPORT}": {
        "patient.nhs_number": None,  # one digit repeated
        "patient.nhs_number_status": "02",
        "requests[].priority": ("urgent",),
    },
    f"cda-nhs111-itk2/cleric-itk-ooh-referral-dx09{REPORT}": {
        "message.claimed_sender": "RX7",
        "patient.gp_practice.ods": "A82018",
        "requests[].priority": ("routine",),
    },
    f"cda-nhs111-itk2/ic24-itk-ooh-referral-dx07{REPORT}": {
        "message.claimed_sender": "NVE",
        "patient.restricted": True,
        "patient.gp_practice.ods": "Z10000",
        "requests[].priority": ("urgent",),
        "recipients[0].ods": "NVE06",
    },
    "cda-nhs111-itk2/tpp-ooh-T6-skillset.xml": {
        "message.claimed_sender": "G1Q2R",
        "message.sent_at": "2022-03-16T14:05:42+00:00",
        "patient.nhs_number": "9990556512",
        "patient.prefix": "Mrs",
        "patient.addresses[].use": ("home", None),
        "requests[0].reasons[].text": ("Test",),
        "documents[].confidentiality": ("V", None),
    },
    "cda-ccda/Discharge_Summary.xml": {
        "message.id": "2.16.840.1.113883.19.5.99999.1|TT988",
        "message.sent_at": "2014-09-17T19:04:00-05:00",
        "patient.family": "Jones",
        "patient.given": ("Isabella",),
        "patient.birth_date": "2005-05-01",
        "patient.contacts[].family": ("Jones", "Jones", "Jones"),
        "encounter.admitted_at": "2014-09-09T19:04:00-05:00",
        "encounter.discharged_at": "2014-09-16T19:04:00-05:00",
        "encounter.discharge_destination.code": "01",
        "diagnoses[].kind": ("A", "F", None, None),
        "diagnoses[0].code": "74400008",
        "allergies[].text": ("Penicillin", "Codeine", "Eggs"),
        "allergies[].reaction": ("Nausea", "Wheezing", "Wheal"),
        "medications[].code": ("197806",),
        "procedures[].code": ("6025007",),
        "recipients[].name": ("Community Health and Hospitals",),
        "requests[].intent": ("plan",),
    },
    "cda-ccda/Referral_Note.ccda": {
        "message.id": "6f1bd58b-c58f-40b7-b314-caf1294ed98b",
        "patient.family": "Betterhalf",
        "patient.given": ("Eve",),  # of several names, the legal one
        "requests[].priority": ("asap",),
        "requests[0].service.code": "44383000",
        "requests[0].reasons[].text": (
            "Patient referral for consultation for full care. Referral Nurse: Nurse Florence,RN",
        ),
        "requests[0].requester.family": "Florence",
        "recipients[].name": ("Community Health and Hospitals",),
        "allergies[].code": ("7980", "2670"),
        "diagnoses[3].status": "resolved",
    },
}


def becomes(name: str) -> TransferOfCare:
    """What one sample becomes. Raises ServiceError."""
    (source,) = FORMAT.read((CORPUS / name).read_bytes())
    return shipped().for_source(SENDER, source).apply(source, SENDER)


def test_no_sample_is_left_out() -> None:
    there = {
        f"{folder}/{path.name}"
        for folder in ("cda-ccda", "cda-nhs111-itk2")
        for path in (CORPUS / folder).iterdir()
    }

    assert there == OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_sample_converts_or_is_refused_for_a_true_reason(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        outcome: str = becomes(name).kind
    except ServiceError as refusal:
        outcome = "; ".join(issue.text for issue in refusal.issues)

    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {outcome[:200]}")
    assert OUTCOMES[name] in outcome


@pytest.mark.parametrize("name", FACTS)
def test_a_sample_becomes_what_it_says(name: str) -> None:
    transfer = becomes(name)

    found = {path: fact(transfer, path) for path in FACTS[name]}
    told = {path: tuple(v) if isinstance(v, list) else v for path, v in found.items()}
    assert told == FACTS[name]


def test_every_sample_is_taken_over_http_and_what_is_made_of_it_conforms(relay: Relay) -> None:
    """The fixture checks at its end that everything stored conforms to its profiles."""
    team = Team.of(relay, "RXX")

    statuses = {
        name: team.post("/cda", (CORPUS / name).read_bytes(), "text/xml").status_code
        for name in CONVERTED
    }

    same = {
        f"cda-nhs111-itk2/conformance-example-ic24-original{REPORT}",  # sent twice, or changed
        f"cda-nhs111-itk2/example-adastra-ooh{REPORT}",
        f"cda-nhs111-itk2/conformance-example-adastra-ooh{REPORT}",
        "cda-ccda/Discharge_Summary.xml",
        "cda-ccda/Discharge_Summary.ccda",
        f"cda-ccda/Consult Document Closing Referral({REF}).xml",
        f"cda-ccda/Consult-Document-Closing-Referral-{REF}.ccda",
        "cda-ccda/Referral_Note.xml",
    }
    assert {name: status for name, status in statuses.items() if status not in (200, 201)} == {
        name: 409 for name, status in statuses.items() if name in same and status == 409
    }


@pytest.mark.parametrize("name", CONVERTED)
def test_every_narrative_of_a_sample_is_xhtml_that_fhir_allows(name: str) -> None:
    sections = becomes(name).sections

    assert all(is_narrative(one.narrative) for one in sections if one.narrative)

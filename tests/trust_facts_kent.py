"""What the examples of the Kent trusts say, read by hand."""

from __future__ import annotations

from typing import Any

KENT: dict[tuple[str, str], dict[str, Any]] = {
    ("RWF", "rwf-a03-home"): {
        "kind": "discharge",
        "message.operator.prefix": "MISS",
        "patient.nhs_number": "9990001057",
        "patient.birth_date": "1944-12-13",  # the time of birth is cut off
        "patient.language": "en",
        "encounter.discharge_method.code": "1",
        "encounter.discharge_destination.code": "19",
        "encounter.reason.text": "Uncontrolled pain",
        "encounter.consulted[].family": ("FAKE",),
        "sections[].title": ("Care status", "Heart rate"),
        "sections[].narrative": ("LW Lives with spouse", "72 /min"),
    },
    ("RWF", "rwf-a03-died"): {
        "kind": "death",
        "patient.gender": "male",
        "encounter.discharge_method.code": "4",
        "encounter.discharge_destination.code": "79",
    },
    ("RWF", "rwf-message-referral"): {
        "kind": "referral",
        "message.id": "0a6b7c8d-0002-4000-8000-000000000002",
        "patient.nhs_number": "9990001162",
        "patient.contacts[].family": ("XXTESTKIN",),
        "requests[0].priority": "urgent",
        "requests[0].performers[].ods": ("8HX02",),  # by HealthcareService.providedBy
        "requests[0].requesting_organisation.ods": "RWF",  # under the system spelt "/id/"
        "medications[].text": ("Morphine sulfate modified-release tablets",),  # not the stopped
        "allergies[].severity": ("high",),
    },
    ("RWF", "rwf-message-withdrawn"): {
        "kind": "referral-cancelled",
        "requests[0].status": "revoked",
        "requests[0].identifiers[].value": ("RWF-BARS-0002",),
    },
    ("RWF", "rwf-document-discharge"): {
        "kind": "discharge",
        "message.operator.family": "EXAMPLE",
        "encounter.discharge_method.code": "1",
        "encounter.consultant.id": "C9999917",
        "diagnoses[].code": ("C61", "Z51.5"),
        "sections[].code": (
            "admission-details",
            "diagnoses",
            "clinical-summary",
            "medications-and-medical-devices",
            "plan-and-requested-actions",
        ),
        "requests[].intent": ("plan",),
        "requests[0].notes": (
            "Hospice at Home: please visit within 24 hours of discharge and review the syringe "
            "driver.\nGP: please repeat U&E in one week.",
        ),
        "recipients[].ods": ("8HX03", "G99901"),
        "recipients[].role": ("action", "action"),
    },
    # HN with the status in CX.2; own words for priority; reason in NTE.
    ("RVV", "rvv-a03-carehome"): {
        "kind": "discharge",
        "patient.nhs_number": "9990001073",
        "patient.nhs_number_status": "01",
        "patient.addresses[].postcode": ("CT9 9ZZ", "TN24 9ZZ"),
        "patient.addresses[].use": ("home", "temp"),
        "patient.telecoms[].value": ("07700900009", "iris.testmargate@example.com"),
        "patient.language": "pl",
        "encounter.admission_method.code": "2A",
        "encounter.discharge_destination.code": "85",
    },
    ("RVV", "rvv-i12-free-text"): {
        "kind": "referral",
        "requests[0].priority": "urgent",
        "requests[0].service.code": "306109009",
        "requests[0].service.text": "Chronic pain clinic",
        "requests[0].notes": (
            "Referral reason: chronic pain, not controlled on 60 mg MST b.d.\n"
            "Please see with hospice team.\nDaughter holds power of attorney.",
        ),
    },
    ("RVV", "rvv-transaction-discharge"): {
        "kind": "discharge",
        "encounter.discharge_destination.code": "54",
        "requests[].intent": ("plan",),
        "requests[0].priority": "urgent",
        "recipients[].role": ("action",),
        "documents[].content_type": ("application/pdf",),
    },
    # The NHS number bare, with spaces, in PID-2.
    ("RPA", "rpa-a03-home"): {
        "kind": "discharge",
        "patient.nhs_number": "9990001081",
        "patient.nhs_number_status": None,
        "patient.identifiers[].value": ("M00887766",),
        "encounter.discharge_destination.code": "19",
    },
    ("RPA", "rpa-i13-updated"): {
        "kind": "referral-update",
        "patient.nhs_number": "9990001081",
        "requests[0].priority": "stat",
        "requests[0].performers[].ods": ("8HX02",),
    },
    ("RPA", "rpa-t02-pdf"): {
        "kind": "document",
        "patient.restricted": False,
        "documents[0].id": "EDN-5512",
        "documents[0].type.code": "373942005",
        "documents[0].content_type": "application/pdf",
        "documents[0].confidentiality": "N",
        "recipients[].ods": ("8HX02",),
    },
    ("RPA", "rpa-t02-restricted"): {
        "patient.restricted": True,
        "documents[0].confidentiality": "V",
    },
    # HN alone; text under headings, replaced, withdrawn.
    ("RN7", "rn7-a03-home"): {
        "kind": "discharge",
        "patient.nhs_number": "9990001103",
        "encounter.ward": "LINDEN WARD",
        "encounter.discharge_method.code": "1",
    },
    ("RN7", "rn7-a13-cancelled"): {
        "kind": "discharge-cancelled",
        "encounter.identifiers[].value": ("DV5501",),
        "encounter.discharged_at": None,
    },
    ("RN7", "rn7-i12-text"): {
        "kind": "referral",
        "requests[0].service.text": "Community palliative nurse",
        "requests[0].service.code": None,
        "requests[0].performers[].name": ("Hospice at Home",),
    },
    ("RN7", "rn7-t02-text"): {
        "kind": "document",
        "sections[].code": ("diagnoses", "plan-and-requested-actions"),
        "requests[].intent": ("plan",),
        "requests[0].identifiers[].value": ("DV5501",),
        "documents[0].content_type": "text/plain",
        "documents[0].content": b"Congestive heart failure\nGP to repeat renal function in 1 week."
        b"\nHospice at home to review symptoms.",
    },
    ("RN7", "rn7-t10-replaced"): {
        "documents[0].id": "DS-5501-2",
        "documents[0].replaces": "DS-5501-1",
        "message.replaces": "DS-5501-1",
        "requests[0].identifiers[].value": ("DV5501",),  # the same request, changed
        "requests[0].notes": ("GP to repeat renal function in 3 days (was: 1 week).",),
    },
    ("RN7", "rn7-t11-withdrawn"): {
        "documents[0].status": "entered-in-error",
        "requests[0].status": "revoked",
        "requests[0].identifiers[].value": ("DV5501",),
    },
    ("RYY", "ryy-a03-home"): {
        "kind": "discharge",
        "patient.nhs_number": "9990001111",
        "encounter.admission_source.code": "51",
        "encounter.specialty.code": "430",
    },
    ("RYY", "ryy-message-referral"): {
        "kind": "referral",
        "requests[0].priority": "asap",
        "requests[0].requester.id_system": "https://fhir.hl7.org.uk/Id/nmc-number",
        "requests[0].performers[].ods": ("8PX03",),
        "diagnoses[].code": ("B02.2",),
    },
    ("RYY", "ryy-message-document"): {
        "kind": "document",
        "documents[0].id": "RIO-DOC-12",
        "documents[0].content_type": "application/pdf",
        "documents[0].type.code": "373942005",
        "recipients[].ods": ("8HX01",),
    },
}
